//! The keys of attributes, each fact under one key.
//!
//! Component settings go by keys of their own (`agent.temperature`), model calls by OpenTelemetry's
//! `gen_ai.*`. Sinks translate them where their formats have other names, so nobody stores a fact
//! twice; each sink's page has a table of what it translates.

/// Returns whether the library sets this attribute when a span ends, so that it has room beside as
/// many attributes as a span may have.
pub(crate) fn is_set_at_end(key: &str) -> bool {
    const PREFIXES: [&str; 5] =
        ["gen_ai.usage.", "gen_ai.response.", "retry.", "stream.", "http.response."];
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        || [OUTPUT, TOOL_RESULT, COLLECTOR_ERROR, GEN_AI_OUTPUT_MESSAGES].contains(&key)
}

/// Declares the constants, and lists them.
macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident = $key:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $key;)*

        /// All keys, for tests of what a sink makes of each.
        pub const ALL: &[&str] = &[$($key),*];
    };
}

keys! {
    /// The span's kind, as a string. Reserved.
    COMPONENT_TYPE = "component.type";
    /// The component's name. Reserved.
    COMPONENT_NAME = "component.name";
    /// The traced method. Reserved.
    COMPONENT_METHOD = "component.method";
    /// How long the span took, in milliseconds, as a float. Reserved.
    DURATION_MS = "duration_ms";
    /// Whether the span ended well, as a bool. Reserved.
    SUCCESS = "success";
    /// The type of the error, of a panic or of a cancellation. Reserved.
    ERROR_TYPE = "error.type";
    /// The error's text. Reserved.
    ERROR_MESSAGE = "error.message";
    /// The texts of the errors it came from, outermost first, as a JSON array. Reserved.
    ERROR_CHAIN = "error.chain";
    /// The error's type, on an `exception` event.
    EXCEPTION_TYPE = "exception.type";
    /// The error's text, on an `exception` event.
    EXCEPTION_MESSAGE = "exception.message";
    /// A backtrace or a source chain, on an `exception` event.
    EXCEPTION_STACKTRACE = "exception.stacktrace";
    /// What a hook said when it panicked.
    COLLECTOR_ERROR = "tracing.collector_error";

    /// The type of the result.
    RESULT_TYPE = "result.type";
    /// Whether the result is a success, as a bool.
    RESULT_SUCCESS = "result.success";
    /// How many items a stream or an iterator gave while it was traced, as an integer.
    STREAM_ITEMS = "stream.items";
    /// What went into a component, whatever its kind. Content.
    INPUT = "input";
    /// What came out of it. Content.
    OUTPUT = "output";

    /// The agent's name.
    AGENT_NAME = "agent.name";
    /// The agent's id, where names are not unique.
    AGENT_ID = "agent.id";
    /// The model the agent is set up with; the one a call went to is
    /// [`GEN_AI_REQUEST_MODEL`].
    AGENT_MODEL = "agent.model";
    /// The sampling temperature it is set up with, as a float.
    AGENT_TEMPERATURE = "agent.temperature";
    /// The most tokens it may produce in a call, as an integer.
    AGENT_MAX_TOKENS = "agent.max_tokens";
    /// How many tools it has, as an integer.
    AGENT_TOOLS_COUNT = "agent.tools_count";
    /// Its tools' names, as a JSON array.
    AGENT_TOOLS = "agent.tools";
    /// The names of the agents it can hand off to, as a JSON array.
    AGENT_HANDOFFS = "agent.handoffs";
    /// The type of its output.
    AGENT_OUTPUT_TYPE = "agent.output_type";
    /// How many turns it may take, as an integer.
    AGENT_MAX_TURNS = "agent.max_turns";
    /// How many turns it took, as an integer.
    AGENT_TURNS = "agent.turns";
    /// Why it stopped without an answer, in a word: `max_turns`, `deadline`, `guardrail` …
    AGENT_STOP_REASON = "agent.stop_reason";
    /// What is wrong with an answer, on an `output.repair` event. Content.
    OUTPUT_FAULT = "output.fault";

    /// The tool's name.
    TOOL_NAME = "tool.name";
    /// The id the model gave to this call.
    TOOL_CALL_ID = "tool.call_id";
    /// What the tool was called with. Content.
    TOOL_ARGUMENTS = "tool.arguments";
    /// What it returned. Content.
    TOOL_RESULT = "tool.result";
    /// Whether it failed because its time was up, as a bool.
    TOOL_TIMED_OUT = "tool.timed_out";
    /// The service behind the tool.
    TOOL_API_PROVIDER = "tool.api_provider";
    /// How many calls that service allows, as an integer.
    TOOL_RATE_LIMIT = "tool.rate_limit";
    /// What an MCP server said about the call, as JSON.
    TOOL_MCP_DATA = "tool.mcp_data";

    /// The pipeline's name.
    PIPELINE_NAME = "pipeline.name";
    /// How many steps it has, as an integer.
    PIPELINE_STEPS_COUNT = "pipeline.steps_count";
    /// How often a step that may be retried was tried, as an integer.
    STEP_ATTEMPTS = "step.attempts";
    /// Which try it was that failed, from 1, on a `retry` event.
    STEP_ATTEMPT = "step.attempt";
    /// How long the step waits before the next try, in milliseconds, on a `retry` event.
    STEP_DELAY_MS = "step.delay_ms";
    /// Why the try failed, on a `retry` event. Content.
    STEP_ERROR = "step.error";
    /// How long a step, or one try of it, may take, in milliseconds, as an integer.
    STEP_TIMEOUT_MS = "step.timeout_ms";
    /// Whether a step that runs on a condition was skipped, as a bool.
    STEP_SKIPPED = "step.skipped";
    /// Why it was.
    STEP_SKIP_REASON = "step.skip_reason";
    /// How many items a step was run for, as an integer.
    STEP_ITEMS = "step.items";
    /// How many of them failed, as an integer.
    STEP_ITEMS_FAILED = "step.items_failed";
    /// Which item it is, from 0, as an integer.
    STEP_ITEM_INDEX = "step.item_index";
    /// The name of the workflow that a trace is a run of.
    WORKFLOW_NAME = "workflow.name";
    /// What groups several traces, such as a conversation's id.
    WORKFLOW_GROUP_ID = "workflow.group_id";
    /// The agent that hands off.
    HANDOFF_FROM = "handoff.from_agent";
    /// The agent that takes over.
    HANDOFF_TO = "handoff.to_agent";
    /// The guardrail's name.
    GUARDRAIL_NAME = "guardrail.name";
    /// Whether it objected, as a bool.
    GUARDRAIL_TRIGGERED = "guardrail.triggered";
    /// Which side of the agent it checks: `input` or `output`.
    GUARDRAIL_STAGE = "guardrail.stage";
    /// What it objected. Content.
    GUARDRAIL_OBJECTION = "guardrail.objection";
    /// The MCP server that was asked for its tools.
    MCP_SERVER = "mcp.server";
    /// The names of the tools it has, as a JSON array.
    MCP_TOOLS = "mcp.tools";
    /// The format of the audio on a speech or transcription span, such as `pcm`.
    AUDIO_FORMAT = "audio.format";
    /// When the first audio came, in milliseconds from the span's start, as a float.
    AUDIO_FIRST_CONTENT_MS = "audio.first_content_ms";

    /// What was done: `chat`, `embeddings`, `invoke_agent`, `execute_tool`.
    GEN_AI_OPERATION_NAME = "gen_ai.operation.name";
    /// Who runs the model, such as `openai`.
    GEN_AI_PROVIDER_NAME = "gen_ai.provider.name";
    /// The conversation that the call belongs to.
    GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id";
    /// The model that was asked for.
    GEN_AI_REQUEST_MODEL = "gen_ai.request.model";
    /// The sampling temperature, as a float.
    GEN_AI_REQUEST_TEMPERATURE = "gen_ai.request.temperature";
    /// The share of probability that is sampled from, as a float.
    GEN_AI_REQUEST_TOP_P = "gen_ai.request.top_p";
    /// The most tokens that may be produced, as an integer.
    GEN_AI_REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens";
    /// The penalty for words already used often, as a float.
    GEN_AI_REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty";
    /// The penalty for words already used, as a float.
    GEN_AI_REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty";
    /// The seed asked for, as an integer.
    GEN_AI_REQUEST_SEED = "gen_ai.request.seed";
    /// Where the model is to stop, as a JSON array of strings.
    GEN_AI_REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences";
    /// The model that answered.
    GEN_AI_RESPONSE_MODEL = "gen_ai.response.model";
    /// The response's id.
    GEN_AI_RESPONSE_ID = "gen_ai.response.id";
    /// Why the model stopped, as a JSON array of strings.
    GEN_AI_RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons";
    /// How long the first piece of a streamed answer took, in seconds, as a float.
    GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk";
    /// Tokens that went in, as an integer; cached ones included.
    GEN_AI_USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens";
    /// Tokens that came out, as an integer; reasoning included.
    GEN_AI_USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens";
    /// Those of the input that came from the provider's cache, as an integer.
    GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens";
    /// Those of the output that were spent on reasoning, as an integer.
    GEN_AI_USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens";
    /// The messages that went in, as JSON: roles and parts. Content.
    GEN_AI_INPUT_MESSAGES = "gen_ai.input.messages";
    /// The messages that came out, as JSON: roles and parts. Content.
    GEN_AI_OUTPUT_MESSAGES = "gen_ai.output.messages";
    /// The system's instructions, when they are not among the messages. Content.
    GEN_AI_SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions";
    /// The metric that a score is for, on a `gen_ai.evaluation.result` event.
    GEN_AI_EVALUATION_NAME = "gen_ai.evaluation.name";
    /// The score as a number, as a float, on a `gen_ai.evaluation.result` event.
    GEN_AI_EVALUATION_SCORE_VALUE = "gen_ai.evaluation.score.value";
    /// The score as a word, on a `gen_ai.evaluation.result` event.
    GEN_AI_EVALUATION_SCORE_LABEL = "gen_ai.evaluation.score.label";
    /// Why the score is what it is, on a `gen_ai.evaluation.result` event. Content.
    GEN_AI_EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation";
    /// How often a model call was retried, as an integer.
    RETRY_COUNT = "retry.count";
    /// Which try it was that failed, from 1, on a `retry` event.
    RETRY_ATTEMPT = "retry.attempt";
    /// How long it waits before the next try, in milliseconds, as a float, on a `retry` event.
    RETRY_DELAY_MS = "retry.delay_ms";
    /// Why the try failed, in a word, on a `retry` event.
    RETRY_REASON = "retry.reason";
    /// The method of an HTTP request.
    HTTP_METHOD = "http.request.method";
    /// The status of an HTTP response, as an integer.
    HTTP_STATUS_CODE = "http.response.status_code";
    /// The address of an HTTP request.
    URL = "url.full";
    /// The host that was called.
    SERVER_ADDRESS = "server.address";
    /// The port that was called, as an integer.
    SERVER_PORT = "server.port";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Redactor;

    #[test]
    fn a6_each_fact_has_one_key() {
        let keys: HashSet<_> = ALL.iter().collect();
        assert_eq!(keys.len(), ALL.len());
    }

    #[test]
    fn a4_no_key_of_our_own_names_a_secret() {
        let redactor = Redactor::default();
        for key in ALL {
            assert!(!redactor.is_secret_key(key), "{key}");
        }
    }
}

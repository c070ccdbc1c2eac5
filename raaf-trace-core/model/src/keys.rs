//! Attribute keys.
//!
//! Component settings have keys of their own (`agent.temperature`), model calls use OpenTelemetry's
//! `gen_ai.*`. Each value is stored under one key. Sinks rename keys where their formats use other
//! names; each sink's page has a table.

/// Returns whether the library sets this attribute when a span ends, beyond the maximum number of
/// attributes.
pub(crate) fn is_set_at_end(key: &str) -> bool {
    const PREFIXES: [&str; 6] =
        ["gen_ai.usage.", "gen_ai.response.", "limit.", "retry.", "stream.", "http.response."];
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
    /// Kind of the component, as a string. Reserved.
    COMPONENT_TYPE = "component.type";
    /// Name of the component. Reserved.
    COMPONENT_NAME = "component.name";
    /// Traced method. Reserved.
    COMPONENT_METHOD = "component.method";
    /// Duration of the span in milliseconds, as a float. Reserved.
    DURATION_MS = "duration_ms";
    /// Success of the span, as a bool. Reserved.
    SUCCESS = "success";
    /// Type of the error, panic or cancellation. Reserved.
    ERROR_TYPE = "error.type";
    /// Message of the error. Reserved.
    ERROR_MESSAGE = "error.message";
    /// Messages of the error's sources, outermost first, as a JSON array. Reserved.
    ERROR_CHAIN = "error.chain";
    /// Type of the error, on an `exception` event.
    EXCEPTION_TYPE = "exception.type";
    /// Message of the error, on an `exception` event.
    EXCEPTION_MESSAGE = "exception.message";
    /// Backtrace or source chain, on an `exception` event.
    EXCEPTION_STACKTRACE = "exception.stacktrace";
    /// Panic message of a hook.
    COLLECTOR_ERROR = "tracing.collector_error";

    /// Type of the result.
    RESULT_TYPE = "result.type";
    /// Success of the result, as a bool.
    RESULT_SUCCESS = "result.success";
    /// Pause of the work, which goes on later in a span with [`RESUMED`], as a bool.
    PAUSED = "paused";
    /// Continuation of work that had paused, as a bool.
    RESUMED = "resumed";
    /// Number of items that a stream or an iterator yielded while it was traced, as an integer.
    STREAM_ITEMS = "stream.items";
    /// Input of a component of any kind. Content.
    INPUT = "input";
    /// Output of a component of any kind. Content.
    OUTPUT = "output";

    /// Name of the agent.
    AGENT_NAME = "agent.name";
    /// Id of the agent, where names are not unique.
    AGENT_ID = "agent.id";
    /// Model that the agent is configured with; the model of a call is [`GEN_AI_REQUEST_MODEL`].
    AGENT_MODEL = "agent.model";
    /// Sampling temperature that the agent is configured with, as a float.
    AGENT_TEMPERATURE = "agent.temperature";
    /// Maximum number of tokens that the agent may produce in a call, as an integer.
    AGENT_MAX_TOKENS = "agent.max_tokens";
    /// Number of the agent's tools, as an integer.
    AGENT_TOOLS_COUNT = "agent.tools_count";
    /// Names of the agent's tools, as a JSON array.
    AGENT_TOOLS = "agent.tools";
    /// Names of the agents that the agent can hand off to, as a JSON array.
    AGENT_HANDOFFS = "agent.handoffs";
    /// Type of the agent's output.
    AGENT_OUTPUT_TYPE = "agent.output_type";
    /// Maximum number of turns, as an integer.
    AGENT_MAX_TURNS = "agent.max_turns";
    /// Number of turns taken, as an integer.
    AGENT_TURNS = "agent.turns";
    /// Reason why the agent stopped without an answer, such as `max_turns` or `guardrail`, or why its
    /// answer is not complete: `length`.
    AGENT_STOP_REASON = "agent.stop_reason";
    /// Moment at which a hook acted, on a `hook` event: `before_model`, `after_tool` …
    HOOK_POINT = "hook.point";
    /// Action of a hook, on a `hook` event: `replace`, `refuse`, `stop` …
    HOOK_ACTION = "hook.action";
    /// Reason that a hook gave, on a `hook` event. Content.
    HOOK_REASON = "hook.reason";
    /// Number of calls without a result that got one, on a `conversation.repaired` event, as an
    /// integer.
    CONVERSATION_CALLS_ANSWERED = "conversation.calls_answered";
    /// Number of results that were moved behind their call, on a `conversation.repaired` event, as an
    /// integer.
    CONVERSATION_RESULTS_MOVED = "conversation.results_moved";
    /// Number of results without a call that were removed, on a `conversation.repaired` event, as an
    /// integer.
    CONVERSATION_RESULTS_REMOVED = "conversation.results_removed";
    /// Number of messages of a session that the run does not receive, on the events
    /// `conversation.windowed` and `conversation.summarized`, as an integer.
    CONVERSATION_MESSAGES_LEFT_OUT = "conversation.messages_left_out";
    /// Number of messages of a session that the run receives, on the events `conversation.windowed` and
    /// `conversation.summarized`, as an integer.
    CONVERSATION_MESSAGES_KEPT = "conversation.messages_kept";
    /// Reason why a session could not be summarized, on a `conversation.summary_failed` event. Content.
    CONVERSATION_FAULT = "conversation.fault";
    /// Reason why an answer does not match the output type, on an `output.repair` event. Content.
    OUTPUT_FAULT = "output.fault";

    /// Name of the tool.
    TOOL_NAME = "tool.name";
    /// Id of the tool call, assigned by the model.
    TOOL_CALL_ID = "tool.call_id";
    /// Decision of a person on the tool call: `approved` or `rejected`.
    TOOL_APPROVAL = "tool.approval";
    /// Arguments of the tool call. Content.
    TOOL_ARGUMENTS = "tool.arguments";
    /// Result of the tool call. Content.
    TOOL_RESULT = "tool.result";
    /// Type of the tool, such as `function`, `extension` or `datastore`.
    TOOL_TYPE = "tool.type";
    /// Description of the tool, as the model sees it.
    TOOL_DESCRIPTION = "tool.description";
    /// True if the provider of the model ran the tool.
    TOOL_HOSTED = "tool.hosted";
    /// Timeout of the tool call, as a bool.
    TOOL_TIMED_OUT = "tool.timed_out";
    /// Service behind the tool.
    TOOL_API_PROVIDER = "tool.api_provider";
    /// Number of calls that the service allows, as an integer.
    TOOL_RATE_LIMIT = "tool.rate_limit";
    /// Data that an MCP server returned about the call, as JSON.
    TOOL_MCP_DATA = "tool.mcp_data";

    /// Name of the pipeline.
    PIPELINE_NAME = "pipeline.name";
    /// Number of the pipeline's steps, as an integer.
    PIPELINE_STEPS_COUNT = "pipeline.steps_count";
    /// Number of attempts of a step with retries, as an integer.
    STEP_ATTEMPTS = "step.attempts";
    /// Number of the failed attempt, from 1, on a `retry` event.
    STEP_ATTEMPT = "step.attempt";
    /// Delay before the next attempt in milliseconds, on a `retry` event.
    STEP_DELAY_MS = "step.delay_ms";
    /// Error of the failed attempt, on a `retry` event. Content.
    STEP_ERROR = "step.error";
    /// Time limit of a step, or of one attempt, in milliseconds, as an integer.
    STEP_TIMEOUT_MS = "step.timeout_ms";
    /// Skipping of a conditional step, as a bool.
    STEP_SKIPPED = "step.skipped";
    /// Reason why a step was skipped.
    STEP_SKIP_REASON = "step.skip_reason";
    /// Number of items that a step ran for, as an integer.
    STEP_ITEMS = "step.items";
    /// Number of items that failed, as an integer.
    STEP_ITEMS_FAILED = "step.items_failed";
    /// Index of the item, from 0, as an integer.
    STEP_ITEM_INDEX = "step.item_index";
    /// Name of the workflow.
    WORKFLOW_NAME = "workflow.name";
    /// Id of a group of traces, such as a conversation.
    WORKFLOW_GROUP_ID = "workflow.group_id";
    /// Id of the user that a trace is for, in the metadata of a trace.
    USER_ID = "user.id";
    /// Id of the session that a trace belongs to, if it is not the group, in the metadata of a trace.
    SESSION_ID = "session.id";
    /// Tags of a trace, as a JSON array of strings, in its metadata.
    TAGS = "tag.tags";
    /// Release of the program, such as `1.4.0`, in the metadata of a trace.
    RELEASE = "service.version";
    /// Environment that the program is deployed in, such as `production`, in the metadata of a trace.
    ENVIRONMENT = "deployment.environment.name";
    /// Agent that hands off.
    HANDOFF_FROM = "handoff.from_agent";
    /// Agent that takes over.
    HANDOFF_TO = "handoff.to_agent";
    /// Name of the guardrail; on the span of an agent, of the one that stopped it.
    GUARDRAIL_NAME = "guardrail.name";
    /// Objection of the guardrail, as a bool.
    GUARDRAIL_TRIGGERED = "guardrail.triggered";
    /// Side of the agent that the guardrail checks: `input` or `output`.
    GUARDRAIL_STAGE = "guardrail.stage";
    /// Reason for the guardrail's objection. Content.
    GUARDRAIL_OBJECTION = "guardrail.objection";
    /// MCP server whose tools are listed.
    MCP_SERVER = "mcp.server";
    /// Names of the MCP server's tools, as a JSON array.
    MCP_TOOLS = "mcp.tools";
    /// Audio format of a speech or transcription span, such as `pcm`.
    AUDIO_FORMAT = "audio.format";
    /// Time from the span's start to the first audio in milliseconds, as a float.
    AUDIO_FIRST_CONTENT_MS = "audio.first_content_ms";

    /// Operation: `chat`, `embeddings`, `retrieval`, `invoke_agent`, `invoke_workflow`, `execute_tool`.
    GEN_AI_OPERATION_NAME = "gen_ai.operation.name";
    /// Provider of the model, such as `openai`.
    GEN_AI_PROVIDER_NAME = "gen_ai.provider.name";
    /// Id of the conversation.
    GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id";
    /// Name of the prompt template that a model call uses, in the metadata of a trace or on the call.
    GEN_AI_PROMPT_NAME = "gen_ai.prompt.name";
    /// Version of the prompt template, in the metadata of a trace or on the call.
    GEN_AI_PROMPT_VERSION = "gen_ai.prompt.version";
    /// Requested model.
    GEN_AI_REQUEST_MODEL = "gen_ai.request.model";
    /// Sampling temperature, as a float.
    GEN_AI_REQUEST_TEMPERATURE = "gen_ai.request.temperature";
    /// Probability mass for nucleus sampling, as a float.
    GEN_AI_REQUEST_TOP_P = "gen_ai.request.top_p";
    /// Maximum number of output tokens, as an integer.
    GEN_AI_REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens";
    /// Frequency penalty, as a float.
    GEN_AI_REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty";
    /// Presence penalty, as a float.
    GEN_AI_REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty";
    /// Requested seed, as an integer.
    GEN_AI_REQUEST_SEED = "gen_ai.request.seed";
    /// Stop sequences, as a JSON array of strings.
    GEN_AI_REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences";
    /// Streaming of the response, as a bool; `true` or absent.
    GEN_AI_REQUEST_STREAM = "gen_ai.request.stream";
    /// Requested effort of a reasoning model, as the server names it, such as `low` or `high`.
    GEN_AI_REQUEST_REASONING_LEVEL = "gen_ai.request.reasoning.level";
    /// Requested type of the response: `text`, `json`, `image`, `speech`.
    GEN_AI_OUTPUT_TYPE = "gen_ai.output.type";
    /// Tools that the model may call, as a JSON array of objects with type, name, description and
    /// parameters. Content.
    GEN_AI_TOOL_DEFINITIONS = "gen_ai.tool.definitions";
    /// Names of the tools that the model may call, with those that hand off, as a JSON array.
    MODEL_TOOLS = "model.tools";
    /// Rule about tool calls: `auto`, `none`, `required`, or the name of the tool that the model must
    /// call.
    MODEL_TOOL_CHOICE = "model.tool_choice";
    /// Model that answered.
    GEN_AI_RESPONSE_MODEL = "gen_ai.response.model";
    /// Id of the response.
    GEN_AI_RESPONSE_ID = "gen_ai.response.id";
    /// Reasons why the model stopped, as a JSON array of strings.
    GEN_AI_RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons";
    /// Time to the first chunk of a streamed answer in seconds, as a float.
    GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk";
    /// API of an OpenAI-compatible server: `responses`.
    OPENAI_API_TYPE = "openai.api.type";
    /// True if the server has stored the response under its id.
    OPENAI_RESPONSE_STORED = "openai.response.stored";
    /// Number of input tokens, including cached ones, as an integer.
    GEN_AI_USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens";
    /// Number of output tokens, including reasoning, as an integer.
    GEN_AI_USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens";
    /// Number of input tokens read from the provider's cache, as an integer.
    GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens";
    /// Number of input tokens written to the provider's cache, as an integer.
    GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS = "gen_ai.usage.cache_write.input_tokens";
    /// Number of output tokens spent on reasoning, as an integer.
    GEN_AI_USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens";
    /// Cost of the model call in US dollars, as a float.
    GEN_AI_USAGE_COST = "gen_ai.usage.cost";
    /// Input messages as JSON: roles and parts. Content.
    GEN_AI_INPUT_MESSAGES = "gen_ai.input.messages";
    /// Output messages as JSON: roles and parts. Content.
    GEN_AI_OUTPUT_MESSAGES = "gen_ai.output.messages";
    /// System instructions, when they are not among the messages. Content.
    GEN_AI_SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions";
    /// Metric of a score, on a `gen_ai.evaluation.result` event.
    GEN_AI_EVALUATION_NAME = "gen_ai.evaluation.name";
    /// Numeric value of a score, as a float, on a `gen_ai.evaluation.result` event.
    GEN_AI_EVALUATION_SCORE_VALUE = "gen_ai.evaluation.score.value";
    /// Label of a score, on a `gen_ai.evaluation.result` event.
    GEN_AI_EVALUATION_SCORE_LABEL = "gen_ai.evaluation.score.label";
    /// Reason for a score, on a `gen_ai.evaluation.result` event. Content.
    GEN_AI_EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation";
    /// Number of retries of a model call, as an integer.
    RETRY_COUNT = "retry.count";
    /// Number of the failed attempt, from 1, on a `retry` event.
    RETRY_ATTEMPT = "retry.attempt";
    /// Delay before the next attempt in milliseconds, as a float, on a `retry` event.
    RETRY_DELAY_MS = "retry.delay_ms";
    /// Reason for the retry: a string of low cardinality, on a `retry` event.
    RETRY_REASON = "retry.reason";
    /// Name of the model that failed, on a `fallback` event.
    FALLBACK_FROM = "fallback.from";
    /// Name of the model that is called next, on a `fallback` event.
    FALLBACK_TO = "fallback.to";
    /// Reason for a fallback: a string of low cardinality, on a `fallback` event.
    FALLBACK_REASON = "fallback.reason";
    /// Time that a model call waited for limits of calls in milliseconds, as a float.
    LIMIT_WAIT_MS = "limit.wait_ms";
    /// Limit that a model call waits for, `concurrency` or `rate`, on a `limit.wait` event.
    LIMIT_REASON = "limit.reason";
    /// Method of an HTTP request.
    HTTP_METHOD = "http.request.method";
    /// Status code of an HTTP response, as an integer.
    HTTP_STATUS_CODE = "http.response.status_code";
    /// URL of an HTTP request.
    URL = "url.full";
    /// Host name of the server.
    SERVER_ADDRESS = "server.address";
    /// Port of the server, as an integer.
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

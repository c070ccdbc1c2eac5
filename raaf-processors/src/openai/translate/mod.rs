//! Translates spans into the format of the server.

mod audio;
mod custom;
mod error;
mod generation;
mod messages;
mod read;
mod usage;

use std::borrow::Cow;

use raaf_trace_model::{
    Kind,
    id::SpanId,
    keys,
    span::{FinishedSpan, LocalRoot},
};

use super::wire::{Data, Harness, Id, Span, Time, Trace};
use read::Read;

/// Name of a trace without a name of its own whose root is a runner, because the name of a runner
/// means nothing to a reader.
const UNNAMED: &str = "Agent workflow";

/// Key of a trace's metadata that is sent with each of its spans, too: the server routes by it.
const HARNESS: &str = "agent_harness_id";

/// Output type of an agent without one.
const TEXT: &str = "str";

/// Trace that a span is part of.
pub(super) fn trace(span: &FinishedSpan) -> Trace<'_> {
    let info = span.trace();
    let root = span.local_root().filter(|root| *root.kind() != Kind::Runner);
    let root = root.map(LocalRoot::component_name);
    let mut names = [info.workflow_name(), root].into_iter().flatten();
    Trace {
        id: span.trace_id(),
        workflow_name: names.find(|name| !name.trim().is_empty()).unwrap_or(UNNAMED),
        group_id: info.group_id(),
        metadata: Some(info.metadata()).filter(|metadata| !metadata.is_empty()),
    }
}

/// The span itself; `None` for a root that is the trace.
pub(super) fn span(span: &FinishedSpan) -> Option<Span<'_>> {
    let parent = span.parent_id();
    if parent.is_none() && is_trace(span.kind()) {
        return None;
    }
    Some(Span {
        id: Id(span.span_id()),
        trace_id: span.trace_id(),
        parent_id: parent.filter(|parent| !is_left_out(span, *parent)).map(Id),
        started_at: Time(span.start_time()),
        ended_at: Time(span.end_time()),
        span_data: data(span),
        error: error::of(span),
        metadata: span.trace().metadata().get(HARNESS).map(|id| Harness { agent_harness_id: id }),
    })
}

/// Returns whether the trace began in another process, which sends the trace object.
pub(super) fn is_continued(span: &FinishedSpan) -> bool {
    span.local_root().is_some_and(|root| !root.is_root())
}

/// Returns true if a root of this kind is sent as the trace, not as a span.
fn is_trace(kind: &Kind) -> bool {
    matches!(kind, Kind::Trace | Kind::Runner)
}

fn is_left_out(span: &FinishedSpan, parent: SpanId) -> bool {
    span.local_root()
        .is_some_and(|root| root.span_id() == parent && root.is_root() && is_trace(root.kind()))
}

fn data(span: &FinishedSpan) -> Data<'_> {
    let read = Read::new(span);
    let component = span.component_name();
    match span.kind() {
        Kind::Agent => Data::Agent {
            name: read.text(keys::AGENT_NAME).unwrap_or(component),
            handoffs: read.names(keys::AGENT_HANDOFFS),
            tools: read.names(keys::AGENT_TOOLS),
            output_type: read.text(keys::AGENT_OUTPUT_TYPE).unwrap_or(TEXT),
        },
        Kind::Tool => Data::Function {
            name: read.text(keys::TOOL_NAME).unwrap_or(component),
            input: read.shown([keys::TOOL_ARGUMENTS, keys::INPUT]),
            output: output_of_tool(span, read),
            mcp_data: read.value(keys::TOOL_MCP_DATA),
        },
        // OpenAI has the content of responses that it has stored.
        Kind::Llm if is_stored(read) => {
            Data::Response { response_id: read.text(keys::GEN_AI_RESPONSE_ID) }
        }
        Kind::Llm => generation::of(span),
        Kind::Response => Data::Response { response_id: read.text(keys::GEN_AI_RESPONSE_ID) },
        Kind::Handoff => Data::Handoff {
            from_agent: read.text(keys::HANDOFF_FROM),
            to_agent: read.text(keys::HANDOFF_TO).unwrap_or(component),
        },
        Kind::Guardrail => Data::Guardrail {
            name: read.text(keys::GUARDRAIL_NAME).unwrap_or(component),
            triggered: read
                .value(keys::GUARDRAIL_TRIGGERED)
                .is_some_and(|triggered| triggered == true),
        },
        Kind::McpListTools => Data::McpTools {
            server: read.text(keys::MCP_SERVER).unwrap_or(component),
            result: read.names(keys::MCP_TOOLS),
        },
        Kind::SpeechGroup => Data::SpeechGroup { input: read.shown([keys::INPUT]) },
        Kind::Speech => audio::speech(span),
        Kind::Transcription => audio::transcription(span),
        _ => custom::of(span),
    }
}

/// Returns whether OpenAI has stored the response of a model call.
fn is_stored(read: Read<'_>) -> bool {
    let is_true = read.value(keys::OPENAI_RESPONSE_STORED).is_some_and(|stored| stored == true);
    is_true
        && read.text(keys::GEN_AI_PROVIDER_NAME) == Some("openai")
        && read.text(keys::GEN_AI_RESPONSE_ID).is_some()
}

/// Returns the tool's result or, if it failed, the text that the model received instead.
fn output_of_tool<'a>(span: &'a FinishedSpan, read: Read<'a>) -> Option<Cow<'a, str>> {
    read.shown([keys::TOOL_RESULT, keys::OUTPUT]).or_else(|| error::with_causes(span.error()?))
}

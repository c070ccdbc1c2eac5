//! Operations of spans, by the conventions for generative AI and by `OpenInference`.

use raaf_trace_model::{Kind, attributes::ValueRef, keys, span::FinishedSpan};

/// Kind of a span by what it calls, as OTLP numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanKind {
    /// An operation within the program.
    Internal = 1,
    /// Handling of a request.
    Server = 2,
    /// A request to another service.
    Client = 3,
    /// Sending of a message that another program receives later.
    Producer = 4,
    /// Handling of such a message.
    Consumer = 5,
}

/// Operation of a kind of component.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    /// `gen_ai.operation.name`, where those conventions define one.
    pub(super) name: Option<&'static str>,
    /// `openinference.span.kind`. Model calls have none: backends find theirs by the operation, and
    /// distinguish more of them.
    pub(super) inference: Option<&'static str>,
}

impl Operation {
    pub(super) fn of(kind: &Kind) -> Self {
        let (name, inference) = match kind {
            Kind::Agent => (Some("invoke_agent"), Some("AGENT")),
            Kind::Pipeline | Kind::Trace | Kind::Runner => (Some("invoke_workflow"), Some("CHAIN")),
            Kind::Tool => (Some("execute_tool"), Some("TOOL")),
            Kind::Llm | Kind::Response => (Some("chat"), None),
            Kind::Guardrail => (None, Some("GUARDRAIL")),
            Kind::Speech | Kind::Transcription => (None, Some("LLM")),
            other => match other.as_str() {
                "embedding" => (Some("embeddings"), Some("EMBEDDING")),
                "retriever" => (Some("retrieval"), Some("RETRIEVER")),
                "reranker" => (None, Some("RERANKER")),
                "evaluator" => (None, Some("EVALUATOR")),
                _ => (None, Some("CHAIN")),
            },
        };
        Self { name, inference }
    }
}

/// Attribute that names the kind of a span, by the conventions of `tracing-opentelemetry`.
const OTEL_KIND: &str = "otel.kind";

/// Returns the kind of a span: calls of models and requests go to other services. A component whose kind
/// is one of OpenTelemetry's has it, and so has a span with the attribute `otel.kind`.
pub fn kind(span: &FinishedSpan) -> SpanKind {
    let set = span.attributes().stored().get(OTEL_KIND);
    if let Some(kind) = set.and_then(ValueRef::as_str).and_then(named) {
        return kind;
    }
    match span.kind() {
        Kind::Llm | Kind::McpListTools | Kind::Response | Kind::Speech | Kind::Transcription => {
            SpanKind::Client
        }
        Kind::Custom if http_method(span).is_some() => SpanKind::Client,
        other if other == "embedding" => SpanKind::Client,
        other => named(other.as_str()).unwrap_or(SpanKind::Internal),
    }
}

fn named(word: &str) -> Option<SpanKind> {
    const NAMED: [(&str, SpanKind); 5] = [
        ("internal", SpanKind::Internal),
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
    ];
    NAMED.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, kind)| kind)
}

/// Returns the method of an outgoing HTTP request.
pub(super) fn http_method(span: &FinishedSpan) -> Option<&str> {
    let set = span.attributes().stored();
    let method = set.get(keys::HTTP_METHOD).filter(|_| set.contains(keys::URL))?;
    method.as_str()
}

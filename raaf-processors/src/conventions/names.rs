//! Names of spans in OTLP.

use raaf_trace_model::{
    Kind,
    attributes::ValueRef,
    keys,
    naming::{NamePattern, distinct_method},
    span::{FinishedSpan, TreeSpan as _},
};

use super::operation::{self, Operation};

/// Naming of spans in OTLP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtlpNames {
    /// Names of the spans themselves: `run.workflow.agent.Planner`.
    Component,
    /// Names by OpenTelemetry's conventions for generative AI: `invoke_workflow Report`,
    /// `invoke_agent Planner`, `chat gpt-5`, `execute_tool search`. HTTP requests are named after their
    /// method; spans that the conventions do not know after kind and component, as `guardrail polite`.
    /// A name that was set for a span, or made by a pattern of your own, stays.
    #[default]
    GenAi,
}

impl OtlpNames {
    /// Description of the valid values of the variable.
    #[cfg(feature = "otlp")]
    pub(crate) const EXPECTED: &'static str = "`component` or `gen_ai`";

    #[cfg(feature = "otlp")]
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "component" => Some(Self::Component),
            "gen_ai" => Some(Self::GenAi),
            _ => None,
        }
    }

    /// Returns the name of a span.
    pub fn of(self, span: &FinishedSpan) -> String {
        match self {
            Self::Component => span.name().into_owned(),
            Self::GenAi => match span.head().name.as_deref() {
                Some(name) if **name != *default(span) => name.to_string(),
                _ => by_convention(span).unwrap_or_else(|| short(span)),
            },
        }
    }
}

fn by_convention(span: &FinishedSpan) -> Option<String> {
    let set = span.attributes().stored();
    let text = |key| set.get(key).and_then(ValueRef::as_str);
    let (kind, component) = (span.kind(), Some(span.component_name()));
    let (key, otherwise) = match kind {
        Kind::Pipeline | Kind::Trace | Kind::Runner => (keys::PIPELINE_NAME, component),
        Kind::Agent => (keys::AGENT_NAME, component),
        Kind::Tool => (keys::TOOL_NAME, component),
        Kind::Llm => (keys::GEN_AI_REQUEST_MODEL, component),
        // The component's name is the id of the response.
        Kind::Response => (keys::GEN_AI_REQUEST_MODEL, None),
        other if other == "embedding" => (keys::GEN_AI_REQUEST_MODEL, component),
        other if other == "retriever" => (keys::COMPONENT_NAME, component),
        _ => return operation::http_method(span).map(str::to_owned),
    };
    let set = text(keys::GEN_AI_OPERATION_NAME).filter(|_| kind == &Kind::Llm);
    let operation = set.or(Operation::of(kind).name)?;
    Some(match text(key).or(otherwise) {
        Some(name) => format!("{operation} {name}"),
        None => operation.to_owned(),
    })
}

/// Returns the span's name without the prefix that the default pattern gives it.
fn short(span: &FinishedSpan) -> String {
    let name = span.name();
    if name != default(span) {
        return name.into_owned();
    }
    let (kind, component) = (span.kind(), span.component_name());
    match distinct_method(component, span.method()) {
        Some(method) => format!("{kind} {component}.{method}"),
        None => format!("{kind} {component}"),
    }
}

fn default(span: &FinishedSpan) -> String {
    NamePattern::Default.render(span.kind().as_str(), span.component_name(), span.method())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conventions_name_what_they_know() {
        for (kind, component, name) in [
            (Kind::Pipeline, "Report", "invoke_workflow Report"),
            (Kind::Trace, "nightly", "invoke_workflow nightly"),
            (Kind::Agent, "Planner", "invoke_agent Planner"),
            (Kind::Llm, "gpt-5", "chat gpt-5"),
            (Kind::Tool, "search", "execute_tool search"),
            (Kind::Runner, "Runner", "invoke_workflow Runner"),
            (Kind::Response, "resp_1", "chat"),
            (Kind::from("embedding"), "small", "embeddings small"),
            (Kind::from("retriever"), "wiki", "retrieval wiki"),
        ] {
            let span = FinishedSpan::builder(kind, component).build();
            assert_eq!(OtlpNames::GenAi.of(&span), name);
            assert_eq!(OtlpNames::Component.of(&span), span.name());
        }
    }

    #[test]
    fn a_model_call_is_called_by_what_it_did_with_which_model() {
        let span = FinishedSpan::builder(Kind::Llm, "Embedder")
            .attribute(keys::GEN_AI_OPERATION_NAME, "embeddings")
            .attribute(keys::GEN_AI_REQUEST_MODEL, "small")
            .build();
        assert_eq!(OtlpNames::GenAi.of(&span), "embeddings small");
    }

    #[test]
    fn other_kinds_have_short_names_and_given_names_stay() {
        for (kind, component, method, name) in [
            ("handoff", "Billing", "run", "handoff Billing"),
            ("guardrail", "no_pii", "run", "guardrail no_pii"),
            ("step", "fetch", "run", "step fetch"),
            ("component", "Index", "rebuild", "component Index.rebuild"),
        ] {
            let span = FinishedSpan::builder(Kind::from(kind), component).method(method);
            assert_eq!(OtlpNames::GenAi.of(&span.build()), name);
        }
        let own = FinishedSpan::builder(Kind::Agent, "Planner").name("plan a trip").build();
        assert_eq!(OtlpNames::GenAi.of(&own), "plan a trip");
    }

    #[test]
    fn an_http_request_is_named_after_its_method() {
        let request = FinishedSpan::builder(Kind::Custom, "GET")
            .attribute(keys::HTTP_METHOD, "GET")
            .attribute(keys::URL, "https://host/path");
        assert_eq!(OtlpNames::GenAi.of(&request.build()), "GET");
    }
}

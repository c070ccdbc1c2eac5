//! Names of spans in OTLP.

use raaf_trace_model::{Kind, attributes::ValueRef, keys, span::FinishedSpan};

/// Naming of spans in OTLP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtlpNames {
    /// Names of the spans themselves: `run.workflow.agent.Planner`.
    #[default]
    Component,
    /// Names by OpenTelemetry's conventions for generative AI where they define one:
    /// `invoke_workflow Report`, `invoke_agent Planner`, `chat gpt-5`, `execute_tool search`.
    GenAi,
}

impl OtlpNames {
    /// Description of the valid values of the variable.
    pub(super) const EXPECTED: &'static str = "`component` or `gen_ai`";

    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "component" => Some(Self::Component),
            "gen_ai" => Some(Self::GenAi),
            _ => None,
        }
    }

    pub(super) fn of(self, span: &FinishedSpan) -> String {
        let name = match self {
            Self::Component => None,
            Self::GenAi => by_convention(span),
        };
        name.unwrap_or_else(|| span.name().into_owned())
    }
}

fn by_convention(span: &FinishedSpan) -> Option<String> {
    let set = span.attributes().stored();
    let text = |key| set.get(key).and_then(ValueRef::as_str);
    let (operation, key) = match span.kind() {
        Kind::Pipeline | Kind::Trace => ("invoke_workflow", keys::PIPELINE_NAME),
        Kind::Agent => ("invoke_agent", keys::AGENT_NAME),
        Kind::Tool => ("execute_tool", keys::TOOL_NAME),
        Kind::Llm => {
            (text(keys::GEN_AI_OPERATION_NAME).unwrap_or("chat"), keys::GEN_AI_REQUEST_MODEL)
        }
        _ => return None,
    };
    let name = text(key).unwrap_or_else(|| span.component_name());
    Some(format!("{operation} {name}"))
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
            (Kind::Handoff, "Billing", "run.workflow.handoff.Billing"),
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
}

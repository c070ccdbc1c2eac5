//! Kind, component and method of a span of OTLP, from its attributes.
//!
//! The table in the documentation of [`otlp`](super::otlp()) is for this file.

use raaf_trace_model::{Kind, keys};
use serde_json::Value as Json;

/// The attributes of one span, by key.
pub(super) struct Facts<'a>(pub(super) &'a [(String, Json)]);

impl<'a> Facts<'a> {
    /// The text of an attribute that has one.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.said(key).filter(|text| !text.is_empty())
    }

    /// The same, or no text at all, where that is what is said.
    pub(super) fn said(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(held, _)| held == key).and_then(|(_, value)| value.as_str())
    }

    /// The first of these that is there.
    pub(super) fn first(&self, keys: &[&str]) -> Option<&'a str> {
        keys.iter().find_map(|key| self.text(key))
    }

    pub(super) fn kind(&self) -> Kind {
        if let Some(kind) = self.text(keys::COMPONENT_TYPE) {
            return Kind::from(kind.to_owned());
        }
        if let Some(kind) = self.text("openinference.span.kind") {
            return Kind::from(kind.to_lowercase());
        }
        match self.text(keys::GEN_AI_OPERATION_NAME) {
            Some("invoke_agent" | "create_agent") => Kind::Agent,
            Some("execute_tool") => Kind::Tool,
            Some("invoke_workflow") => Kind::Pipeline,
            Some(_) => Kind::Llm,
            None => Kind::Component,
        }
    }

    /// The component's name; failing all, the span's.
    pub(super) fn component<'n>(&self, kind: &Kind, span_name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        let by_kind: &[&str] = match kind {
            Kind::Agent => &["gen_ai.agent.name", keys::AGENT_NAME],
            Kind::Tool => &["gen_ai.tool.name", keys::TOOL_NAME],
            Kind::Llm => &[keys::GEN_AI_REQUEST_MODEL, "llm.model_name"],
            Kind::Pipeline | Kind::Trace => {
                &["gen_ai.agent.name", "gen_ai.workflow.name", keys::WORKFLOW_NAME]
            }
            _ => &[],
        };
        let named = self.said(keys::COMPONENT_NAME).or_else(|| self.first(by_kind));
        named.unwrap_or(span_name)
    }

    pub(super) fn method(&self) -> &'a str {
        self.said(keys::COMPONENT_METHOD).unwrap_or("run")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(attributes: &[(&str, &str)]) -> (String, String, String) {
        let attributes: Vec<_> =
            attributes.iter().map(|(key, value)| ((*key).to_owned(), Json::from(*value))).collect();
        let facts = Facts(&attributes);
        let kind = facts.kind();
        let component = facts.component(&kind, "the span's name").to_owned();
        (kind.as_str().to_owned(), component, facts.method().to_owned())
    }

    fn expected(kind: &str, component: &str, method: &str) -> (String, String, String) {
        (kind.to_owned(), component.to_owned(), method.to_owned())
    }

    #[test]
    fn our_own_attributes_come_first() {
        assert_eq!(
            who(&[
                ("openinference.span.kind", "TOOL"),
                ("gen_ai.agent.name", "Other"),
                ("component.type", "agent"),
                ("component.name", "Planner"),
                ("component.method", "plan"),
            ]),
            expected("agent", "Planner", "plan")
        );
    }

    #[test]
    fn those_of_others_follow() {
        for (attributes, (kind, component)) in [
            (&[("openinference.span.kind", "LLM")] as &[_], ("llm", "the span's name")),
            (&[("openinference.span.kind", "RETRIEVER")], ("retriever", "the span's name")),
            (
                &[("gen_ai.operation.name", "invoke_agent"), ("gen_ai.agent.name", "Planner")],
                ("agent", "Planner"),
            ),
            (
                &[("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", "search")],
                ("tool", "search"),
            ),
            (&[("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "gpt")], ("llm", "gpt")),
            (&[("openinference.span.kind", "")], ("component", "the span's name")),
            (&[], ("component", "the span's name")),
        ] {
            assert_eq!(who(attributes), expected(kind, component, "run"));
        }
    }
}

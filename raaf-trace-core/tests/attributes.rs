//! Attributes of spans: base attributes, those of a component, and their values.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use doubles::{in_line, only};
use raaf_trace_core::{
    Attributes, Component, FinishedSpan, Traceable, Value, attributes::ValueRef, keys, traced,
    tracer,
};
use serde_json::{Value as Json, json};

/// The attribute of that key, which the span has.
fn attribute<'a>(span: &'a FinishedSpan, key: &str) -> ValueRef<'a> {
    let attributes = span.attributes();
    attributes.get(key).unwrap_or_else(|| panic!("no `{key}` among {attributes:?}"))
}

#[derive(Traceable)]
struct WritingAgent {
    component: Component,
    #[trace("agent.model")]
    model: &'static str,
    #[trace("agent.temperature")]
    temperature: f64,
    #[trace("agent.max_turns")]
    max_turns: u32,
    #[trace("agent.tools")]
    tools: Vec<&'static str>,
}

impl WritingAgent {
    #[traced]
    fn run(&self) {}
}

#[derive(Traceable)]
struct BatchStep {
    component: Component,
    #[trace("processor.batch_size")]
    batch_size: u32,
    #[trace("processor.parallel")]
    parallel: bool,
    #[trace("processor.queue")]
    queue: Option<String>,
}

struct Search {
    component: Component,
}

impl Traceable for Search {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        attributes.set("tool.rate_limit", 60);
    }
}

#[test]
fn g24_every_span_says_kind_and_name_of_its_component() {
    let (provider, memory) = in_line();
    provider.run(|| {
        Component::new("Indexer").with_kind("processor").in_span("run", || ());
        tracer().llm_span("gpt-4").in_span(|| ());
        tracer().start_span("by hand").finish();
        raaf_trace_core::trace("nightly").in_span(|| ());
    });
    let said: Vec<_> = memory
        .spans()
        .iter()
        .map(|span| {
            let word = |key| attribute(span, key).to_string();
            (word(keys::COMPONENT_TYPE), word(keys::COMPONENT_NAME))
        })
        .collect();
    let expected =
        [("processor", "Indexer"), ("llm", "gpt-4"), ("custom", "by hand"), ("trace", "nightly")];
    assert_eq!(said, expected.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
}

#[test]
fn g25_a_component_adds_its_own_at_the_start_and_the_base_ones_stay() {
    let (provider, memory) = in_line();
    let search = Search { component: Component::tool("Search") };
    let at_start = provider.run(|| {
        search.in_span("run", || search.current_span().unwrap().attribute("tool.rate_limit"))
    });
    assert_eq!(at_start, Some(Value::from(60)));
    let span = only(&memory);
    assert_eq!(attribute(&span, "tool.rate_limit"), 60);
    assert_eq!(attribute(&span, keys::COMPONENT_TYPE), "tool");
    assert_eq!(attribute(&span, keys::COMPONENT_NAME), "Search");
}

#[test]
fn g26_an_agent_s_settings_keep_their_types() {
    let (provider, memory) = in_line();
    let agent = WritingAgent {
        component: Component::agent("Writer"),
        model: "gpt-4",
        temperature: 0.7,
        max_turns: 12,
        tools: vec!["search", "count"],
    };
    provider.run(|| agent.run());
    let span = only(&memory);
    assert_eq!(attribute(&span, keys::AGENT_MODEL), ValueRef::Str("gpt-4"));
    assert_eq!(attribute(&span, keys::AGENT_TEMPERATURE), ValueRef::Float(0.7));
    assert_eq!(attribute(&span, keys::AGENT_MAX_TURNS), ValueRef::Int(12));
    assert_eq!(attribute(&span, keys::AGENT_TOOLS), ValueRef::Json(&json!(["search", "count"])));
}

#[test]
fn g27_a_custom_component_s_attributes_keep_their_types() {
    let (provider, memory) = in_line();
    let component = Component::new("Loader").with_kind("processor");
    let step = BatchStep { component, batch_size: 100, parallel: true, queue: None };
    provider.run(|| step.in_span("run", || ()));
    let span = only(&memory);
    assert_eq!(attribute(&span, "processor.batch_size"), ValueRef::Int(100));
    assert_eq!(attribute(&span, "processor.parallel"), ValueRef::Bool(true));
    assert_eq!(span.attributes().get("processor.queue"), None, "nothing was not set");
}

#[test]
fn g29_metadata_of_a_call_is_on_the_span_with_its_type() {
    let (provider, memory) = in_line();
    provider.run(|| {
        Component::tool("Search")
            .traced("search")
            .with("query", "tea")
            .with("limit", 5_u8)
            .with("score", 0.5)
            .with("exact", false)
            .with("tags", ["a", "b"])
            .with("nothing", None::<u8>)
            .with_content("tool.arguments", Value::json(&json!({"q": "tea"})))
            .in_span(|| ());
    });
    let span = only(&memory);
    assert_eq!(attribute(&span, "query"), ValueRef::Str("tea"));
    assert_eq!(attribute(&span, "limit"), ValueRef::Int(5));
    assert_eq!(attribute(&span, "score"), ValueRef::Float(0.5));
    assert_eq!(attribute(&span, "exact"), ValueRef::Bool(false));
    assert_eq!(attribute(&span, "tags"), ValueRef::Json(&json!(["a", "b"])));
    assert_eq!(attribute(&span, "tool.arguments"), ValueRef::Json(&json!({"q": "tea"})));
    assert_eq!(span.attributes().get("nothing"), None);
}

#[test]
fn g31_a_processor_reads_attributes_by_key_and_one_by_one() {
    let (provider, memory) = in_line();
    provider.run(|| Component::tool("Search").traced("run").with("query", "tea").in_span(|| 7_u32));
    let span = only(&memory);
    let listed: Vec<_> = span.attributes().iter().collect();
    let names: Vec<_> = listed.iter().map(|(key, _)| *key).collect();
    let expected = [
        "component.type",
        "component.name",
        "query",
        "result.type",
        "result.success",
        "success",
        "duration_ms",
    ];
    assert_eq!(names, expected);
    for (key, value) in listed {
        assert_eq!(span.attributes().get(key), Some(value), "{key}");
    }
    assert_eq!(attribute(&span, "success"), true);
    assert!(attribute(&span, "duration_ms").as_f64().unwrap() >= 0.0);
    assert_eq!(span.attributes().get("no such key"), None);
}

#[test]
fn a1_any_value_reaches_the_sink_as_valid_json() {
    let (provider, memory) = in_line();
    let mut deep = json!("bottom");
    for _ in 0..100_000 {
        deep = Json::Array(vec![deep]);
    }
    provider.run(|| {
        Component::tool("Odd")
            .traced("run")
            .with("nan", f64::NAN)
            .with("infinite", f64::NEG_INFINITY)
            .with("control", "bell \u{7} escape \u{1b}[2J zero \0")
            .with("huge", "ä".repeat(1_000_000))
            .with("largest", u64::MAX)
            .with("deep", deep)
            .with("empty", "")
            .with("", "no key")
            .in_span(|| ());
    });
    let span = only(&memory);
    assert!(attribute(&span, "nan").as_f64().is_none_or(f64::is_nan));
    assert_eq!(attribute(&span, "control"), "bell \u{7} escape \u{1b}[2J zero \0");
    assert_eq!(attribute(&span, "empty"), "");
    let text = serde_json::to_string(span.attributes().stored()).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed["control"], "bell \u{7} escape \u{1b}[2J zero \0");
    assert!(parsed["deep"].is_array());
}

#[test]
fn a6_guide_keys_for_settings_and_gen_ai_keys_for_model_calls() {
    assert_eq!(keys::AGENT_MODEL, "agent.model");
    assert_eq!(keys::TOOL_NAME, "tool.name");
    assert_eq!(keys::GEN_AI_REQUEST_MODEL, "gen_ai.request.model");
    assert_eq!(keys::GEN_AI_USAGE_INPUT_TOKENS, "gen_ai.usage.input_tokens");

    let (provider, memory) = in_line();
    provider.run(|| {
        tracer().llm_span("gpt-4").with(keys::GEN_AI_USAGE_INPUT_TOKENS, 12).in_span(|| ());
    });
    assert_eq!(attribute(&only(&memory), keys::GEN_AI_USAGE_INPUT_TOKENS), 12);
}

//! Whatever a span holds, its line is valid JSON and one line.

#![allow(clippy::unwrap_used, reason = "only tests are here")]

use proptest::prelude::*;
use raaf_testkit::strategy;
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, SpanId, TraceId, Traceable as _, TracerProvider,
    Value,
    attributes::{AttributeLosses, IntoValue},
    call::SpanBuilder,
    propagation::{SpanContext, TraceState},
    sink::SimpleProcessor,
    span::append_line,
};
use serde_json::{Value as Json, json};

/// The span that is made like this.
fn finished(prepare: impl FnOnce(SpanBuilder) -> SpanBuilder, name: &str) -> FinishedSpan {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    prepare(provider.tracer().agent_span(name)).start().finish();
    memory.spans().remove(0)
}

fn parsed(span: &FinishedSpan) -> Json {
    let mut line = b"before".to_vec();
    append_line(span, &mut line).unwrap();
    let line = String::from_utf8(line).unwrap();
    let line = line.strip_prefix("before").unwrap().strip_suffix('\n').unwrap();
    assert!(!line.contains(|character| character < ' '), "{line:?}");
    serde_json::from_str(line).unwrap()
}

fn attribute(value: impl IntoValue) -> Json {
    parsed(&finished(|span| span.with("key", value), "A"))["attributes"]["key"].take()
}

#[test]
fn a1_values_keep_their_types() {
    assert_eq!(attribute(true), json!(true));
    assert_eq!(attribute(3), json!(3));
    assert_eq!(attribute(0.5), json!(0.5));
    assert_eq!(attribute("x"), json!("x"));
    assert_eq!(attribute(json!({"a": [1, null]})), json!({"a": [1, null]}));
    assert_eq!(attribute(u64::MAX), json!(u64::MAX));
}

#[test]
fn a1_what_json_has_no_form_for_becomes_text() {
    assert_eq!(attribute(f64::NAN), json!("NaN"));
    assert_eq!(attribute(f64::NEG_INFINITY), json!("-inf"));
    assert_eq!(attribute(Value::json(&[f32::INFINITY])), json!(["inf"]));
    let lone = r#"{"half":"\ud800"}"#;
    assert_eq!(attribute(lone), json!(lone));
}

#[test]
fn a1_deep_and_huge_values_stay_json() {
    let mut deep = json!(1);
    for _ in 0..10_000 {
        deep = Json::Array(vec![deep]);
    }
    assert!(attribute(deep).is_array());
    let huge = attribute("\u{1}".repeat(10_000_000));
    assert!(huge.as_str().is_some_and(|text| text.len() < 5_000));
}

/// Any characters, controls included, which proptest's own strings leave out.
fn any_text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..40).prop_map(String::from_iter)
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any_text().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::hash_map(any_text(), inner, 0..6)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn a1_any_span_is_one_line_of_json(
        (name, method, key) in (any_text(), any_text(), any_text()),
        text in any_text(),
        float in any::<f64>(),
        json in any_json(),
    ) {
        let span = finished(
            |span| {
                let span = span.method(method.clone()).with(format!("k.{key}"), text.clone());
                span.with("float", float).with("json", json)
            },
            &name,
        );
        let object = parsed(&span);
        prop_assert_eq!(&object["component"], &name);
        prop_assert_eq!(&object["method"], &method);
        prop_assert_eq!(&object["v"], &2);
        prop_assert!(object["attributes"].is_object());
    }
    #[test]
    fn a1_a_line_is_what_the_span_serialises_to(tree in strategy::tree()) {
        for span in tree.build() {
            assert_line_is_serialisation(&span);
        }
    }
}

#[track_caller]
fn assert_line_is_serialisation(span: &FinishedSpan) {
    let started = span.started();
    let mut lines = Vec::new();
    append_line(span, &mut lines).unwrap();
    append_line(&started, &mut lines).unwrap();
    let [span, started] = [serde_json::to_string(span), serde_json::to_string(&started)];
    assert_eq!(str::from_utf8(&lines), Ok(&*format!("{}\n{}\n", span.unwrap(), started.unwrap())));
}

#[test]
fn a1_a_line_of_rare_fields_is_what_the_span_serialises_to() {
    let (trace, id) = (TraceId::from_u128(0xabc).unwrap(), SpanId::from_u64(7).unwrap());
    let linked = SpanContext::new(trace, id);
    let mut losses = AttributeLosses::default();
    losses.cut_values = 1;
    let span = || FinishedSpan::builder("tool", "Search").trace_id(trace).span_id(id);
    for span in [
        span().link(linked, |attributes| {
            attributes.set("n", 1);
        }),
        span().trace_state(TraceState::parse("a=1,b=2")),
        span().losses(losses).dropped_events(3).dropped_links(4),
        span().parent_id(id).local_root(true).name("a \"name\""),
        span().start(std::time::UNIX_EPOCH - std::time::Duration::from_nanos(1)),
        span().attribute("result.type", "own"),
    ] {
        assert_line_is_serialisation(&span.build());
    }
}

#[test]
fn a1_a_line_has_the_result_of_its_call() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    provider.run(|| Component::tool("Search").in_span("run", || Some(1)));
    let span = memory.spans().remove(0);
    assert_line_is_serialisation(&span);
    assert_eq!(parsed(&span)["attributes"]["result.type"], "Option");
}

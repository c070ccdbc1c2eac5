//! Spans are read from the bodies of OTLP requests, of whatever wrote them.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::time::Duration;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value},
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status as OtlpStatus, span::Event},
};
use prost::Message as _;
use raaf_testkit::{assert_coherent, assert_span_tree, read};
use raaf_trace_core::Status;
use serde_json::json;

fn pair(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn span(id: u8, parent: u8, name: &str, attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: vec![7; 16],
        span_id: vec![id; 8],
        parent_span_id: if parent == 0 { Vec::new() } else { vec![parent; 8] },
        name: name.to_owned(),
        start_time_unix_nano: 1_000 * u64::from(id),
        end_time_unix_nano: 1_000_000 - 1_000 * u64::from(id),
        attributes,
        status: Some(OtlpStatus { code: 1, ..OtlpStatus::default() }),
        ..Span::default()
    }
}

/// A request with each span in a scope of its own, as several libraries send.
fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = |span| ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let scope_spans = spans.into_iter().map(scope).collect();
    let resource = ResourceSpans { scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }
}

fn failed(kind: &str, message: &str) -> Span {
    let mut span =
        span(1, 0, "s", if kind.is_empty() { vec![] } else { vec![text("error.type", kind)] });
    span.status = Some(OtlpStatus { code: 2, message: message.to_owned() });
    span
}

#[test]
fn a_trace_of_several_libraries_is_one_tree() {
    let body = request(vec![
        span(
            3,
            2,
            "chat gpt",
            vec![text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", "gpt")],
        ),
        span(
            4,
            2,
            "run.workflow.tool.Search.lookup",
            vec![
                text("component.type", "tool"),
                text("component.name", "Search"),
                text("component.method", "lookup"),
                pair("tool.rank", Value::DoubleValue(0.5)),
            ],
        ),
        span(2, 1, "Planner", vec![text("openinference.span.kind", "AGENT")]),
        span(
            1,
            0,
            "POST /run",
            vec![text("workflow.name", "nightly"), text("workflow.group_id", "g")],
        ),
    ]);
    let read = read::otlp(&body.encode_to_vec()).unwrap();
    assert_coherent!(read);
    assert_span_tree!(read, {
        component "POST /run" {
            agent "Planner" {
                llm "gpt" ["gen_ai.operation.name" = "chat"]
                tool "Search".lookup ["tool.rank" = 0.5]
            }
        }
    });
    let root = read.spans().only("POST /run");
    assert_eq!(
        (root.trace().workflow_name(), root.trace().group_id()),
        (Some("nightly"), Some("g"))
    );
    let tool = read.spans().only("Search");
    assert_eq!(tool.name(), "run.workflow.tool.Search.lookup");
    assert_eq!(tool.duration(), Duration::from_micros(992));
    assert_eq!(tool.losses().reserved_ignored, 0);
    // The JSON form says the same.
    let json = serde_json::to_vec(&body).unwrap();
    let again = read::otlp_json(json).unwrap().without_faults();
    assert_eq!(again.to_string(), read.spans().to_string());
}

#[test]
fn workflow_and_group_have_two_keys_each() {
    let names = [
        ["workflow.name", "workflow.group_id"],
        ["gen_ai.workflow.name", "gen_ai.conversation.id"],
    ];
    for [name, group] in names {
        let body = request(vec![span(1, 0, "s", vec![text(name, "nightly"), text(group, "g")])]);
        let read = read::otlp(&body.encode_to_vec()).unwrap();
        let trace = read.spans().only("s").trace();
        assert_eq!((trace.workflow_name(), trace.group_id()), (Some("nightly"), Some("g")));
    }
}

#[test]
fn the_json_form_is_read_as_the_specification_writes_it() {
    let body = r#"{"resourceSpans":[{"scopeSpans":[{"scope":{"name":"shop.tills"},"spans":[{
        "traceId":"0AF7651916CD43DD8448EB211C80319C","spanId":"B7AD6B7169203331",
        "parentSpanId":"00F067AA0BA902B7","name":"ring up","kind":2,"flags":769,
        "startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000002500000000",
        "attributes":[{"key":"till","value":{"intValue":"3"}}]}]}]}]}"#;
    let read = read::otlp_json(body).unwrap();
    let span = read.spans().only("ring up");
    assert_eq!(span.trace_id().hex().as_str(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!((span.duration(), span.is_local_root()), (Duration::from_millis(2_500), true));
    assert_span_tree!(read, { component "ring up" [status = unset, "till" = 3] });
}

#[test]
fn values_keep_their_types() {
    let list = ArrayValue { values: vec![any(Value::IntValue(1)), any(Value::BoolValue(true))] };
    let map = KeyValueList { values: vec![pair("inner", Value::ArrayValue(list))] };
    let values = [
        (Value::BoolValue(true), json!(true)),
        (Value::IntValue(i64::MIN), json!(i64::MIN)),
        (Value::DoubleValue(0.25), json!(0.25)),
        (Value::DoubleValue(f64::NAN), json!("NaN")),
        (Value::BytesValue(vec![0, 255]), json!("00ff")),
        (Value::KvlistValue(map), json!({"inner": [1, true]})),
        (Value::StringValue("\u{1b}[31m".to_owned()), json!("\u{1b}[31m")),
    ];
    let pairs =
        values.iter().enumerate().map(|(key, (value, _))| pair(&key.to_string(), value.clone()));
    let read =
        read::otlp(&request(vec![span(1, 0, "s", pairs.collect())]).encode_to_vec()).unwrap();
    let attributes = read.spans().only("s").attributes();
    for (key, (_, expected)) in values.iter().enumerate() {
        let found = serde_json::to_value(attributes.get(&key.to_string()).unwrap()).unwrap();
        assert_eq!(found, *expected);
    }
}

#[test]
fn how_a_span_ended_is_read_from_wherever_it_is_said() {
    let mut by_event = failed("", "");
    by_event.events.push(Event {
        name: "exception".to_owned(),
        time_unix_nano: 2_000,
        attributes: vec![text("exception.type", "io::Error"), text("exception.message", "disk")],
        ..Event::default()
    });
    let unset = Span { status: None, ..span(1, 0, "s", vec![]) };
    for (span, status, error) in [
        (failed("Timeout", "no answer"), Status::Error, Some(("Timeout", Some("no answer")))),
        (failed("", "no answer"), Status::Error, Some(("error", Some("no answer")))),
        (by_event, Status::Error, Some(("io::Error", Some("disk")))),
        (failed("Timeout", ""), Status::Error, Some(("Timeout", None))),
        (failed("", ""), Status::Error, None),
        (failed("cancelled", ""), Status::Cancelled, None),
        (failed("stale", ""), Status::Stale, None),
        (span(1, 0, "s", vec![]), Status::Ok, None),
        (unset, Status::Unset, None),
    ] {
        let read = read::otlp(&request(vec![span]).encode_to_vec()).unwrap();
        let span = read.spans().only("s");
        assert_eq!(span.status(), status);
        assert_eq!(span.error().map(|error| (error.kind(), error.message())), error);
    }
}

#[test]
fn what_makes_no_sense_is_told_and_the_rest_is_read() {
    let good = span(2, 0, "good", vec![]);
    let body = request(vec![
        Span { trace_id: vec![0; 16], ..good.clone() },
        Span { span_id: vec![1; 7], ..good.clone() },
        Span { parent_span_id: vec![1; 3], ..good.clone() },
        Span { parent_span_id: vec![0; 8], ..good },
    ]);
    let read = read::otlp(&body.encode_to_vec()).unwrap();
    let faults: Vec<_> = read.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "span 1: its trace id does not have 16 bytes, or all are zero",
            "span 2: its id does not have 8 bytes, or all are zero",
            "span 3: its parent's id does not have 8 bytes",
        ]
    );
    assert_eq!(read.spans().only("good").parent_id(), None);
}

#[test]
fn what_is_no_request_is_an_error() {
    let error = read::otlp(b"\xff\xff not protobuf").unwrap_err();
    assert!(error.to_string().starts_with("request 1: not an OTLP trace request: "), "{error}");
    assert!(read::otlp_json("{").is_err());
    assert!(read::otlp(&[]).unwrap().spans().is_empty());
}

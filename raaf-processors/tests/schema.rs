//! Written files match the schema, and the schema rejects others.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::naive_bytecount,
    clippy::similar_names,
    reason = "only tests are here"
)]

use std::{fs, time::Duration};

use jsonschema::Validator;
use proptest::prelude::*;
use raaf_processors::FileSink;
use raaf_testkit::{build, strategy};
use raaf_trace_core::{
    FinishedSpan, SpanContext, SpanId, TracerProvider, propagation::TraceState, sink::BatchConfig,
    span::append_line, trace,
};
use serde_json::{Value as Json, json};

const SCHEMA: &str = include_str!("../schema/trace-file-v2.schema.json");
const PAGE: &str = include_str!("../../docs/file-format.md");

fn schema() -> Validator {
    jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
}

#[track_caller]
fn assert_fits(object: &Json) {
    let schema = schema();
    let fault = schema.validate(object).err();
    let fault = fault.map(|error| format!("{error} at {}", error.instance_path));
    assert_eq!(fault, None, "{object}");
}

fn object(span: &FinishedSpan) -> Json {
    serde_json::to_value(span).unwrap()
}

fn parent(number: u64) -> Option<SpanId> {
    SpanId::from_u64(number)
}

#[test]
fn the_schema_is_one_and_has_a_version() {
    let schema: Json = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    assert_eq!(
        schema["$id"],
        format!("urn:raaf:trace-file:v{}", raaf_trace_core::span::FORMAT_VERSION)
    );
}

#[test]
fn what_the_page_shows_fits() {
    let mut shown = 0;
    for block in PAGE.split("```json\n").skip(1) {
        assert_fits(&serde_json::from_str(block.split("```").next().unwrap()).unwrap());
        shown += 1;
    }
    assert_eq!(shown, 2);
}

/// The fields of a record, as a table of the page lists them under this heading.
#[test]
fn the_page_and_the_schema_have_the_same_fields() {
    let schema: Json = serde_json::from_str(SCHEMA).unwrap();
    let of = |definition: &str| schema["$defs"][definition]["properties"].as_object().unwrap();
    for definition in ["who", "span", "event", "link", "lost"] {
        for field in of(definition).keys() {
            let named = match definition {
                "who" | "span" => format!("`{field}`"),
                "event" => continue,
                "link" => format!("`links.{field}`"),
                other => format!("`{other}.{field}`"),
            };
            assert!(PAGE.contains(&named), "the page does not name {named}");
        }
    }
}

/// Reserved words of SQL that could be names of fields.
const RESERVED: [&str; 20] = [
    "all",
    "and",
    "any",
    "case",
    "check",
    "column",
    "default",
    "desc",
    "end",
    "from",
    "group",
    "in",
    "limit",
    "not",
    "offset",
    "order",
    "references",
    "table",
    "to",
    "user",
];

#[test]
fn no_field_has_to_be_quoted_in_sql() {
    let schema: Json = serde_json::from_str(SCHEMA).unwrap();
    for definition in ["who", "span"] {
        for field in schema["$defs"][definition]["properties"].as_object().unwrap().keys() {
            assert!(!RESERVED.contains(&&**field), "{field}");
            assert!(field.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()), "{field}");
        }
    }
}

#[test]
fn what_a_list_shows_comes_first_in_a_line() {
    let span = FinishedSpan::builder("llm", "gpt")
        .workflow_name("nightly")
        .error("E", "m")
        .attribute("gen_ai.request.model", "gpt-5")
        .attribute("gen_ai.usage.input_tokens", 3)
        .attribute("gen_ai.usage.output_tokens", 4)
        .attribute("gen_ai.usage.cost", 0.25)
        .build();
    let mut line = Vec::new();
    append_line(&span, &mut line).unwrap();
    let line = String::from_utf8(line).unwrap();
    let fields = [
        "v",
        "type",
        "trace_id",
        "span_id",
        "parent_id",
        "local_root",
        "started_at",
        "duration_ms",
        "status",
        "kind",
        "component",
        "method",
        "workflow_name",
        "group_id",
        "error_type",
        "model",
        "input_tokens",
        "output_tokens",
        "cost",
        "name",
        "ended_at",
        "error_message",
        "attributes",
    ];
    let places = fields.map(|field| line.find(&format!("\"{field}\":")).unwrap());
    assert!(places.is_sorted(), "{line}");
    assert!(
        line.contains(r#","model":"gpt-5","input_tokens":3,"output_tokens":4,"cost":0.25,"name""#),
        "{line}"
    );
}

#[test]
fn only_numbers_of_tokens_costs_and_names_of_models_are_repeated() {
    let span = FinishedSpan::builder("llm", "gpt")
        .attribute("gen_ai.request.model", 5)
        .attribute("gen_ai.usage.input_tokens", "many")
        .attribute("gen_ai.usage.output_tokens", 0.5)
        .attribute("gen_ai.usage.cost", f64::NAN)
        .build();
    let object = object(&span);
    assert_fits(&object);
    assert_eq!(object["attributes"].as_object().unwrap().len(), 4);
    let repeated = ["model", "input_tokens", "output_tokens", "cost"];
    assert!(repeated.iter().all(|key| object.get(key).is_none()));
}

#[test]
fn a_file_that_a_program_wrote_fits() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let sink = FileSink::builder(&path).build_with_starts(BatchConfig::default());
    let provider = TracerProvider::builder().with(sink).build();
    provider.run(|| {
        trace("nightly").group_id("g-1").metadata("team", "search").in_span(|| {
            let span = provider.tracer().tool_span("Search").method("lookup").start();
            span.set_attribute("password", "hunter2");
            span.set_attribute("long", "x".repeat(10_000));
            span.add_event("retry", |attributes| {
                attributes.set("attempt", 2);
            });
            let (id, trace_id) = (span.span_id().unwrap(), span.trace_id().unwrap());
            let state = TraceState::parse("a=1");
            let other = SpanContext::new(trace_id, id).with_sampled(true).with_trace_state(state);
            span.add_link(other, |attributes| {
                attributes.set("message", 1);
            });
            span.add_link(SpanContext::of_trace(trace_id), |_| {});
            span.record_error(&std::io::Error::other("gone"));
            span.finish();
            drop(provider.tracer().llm_span("gpt").start());
        });
    });
    provider.shutdown(Duration::from_secs(60)).unwrap();
    let text = fs::read_to_string(path).unwrap();
    let mut types = Vec::new();
    for line in text.lines() {
        let object: Json = serde_json::from_str(line).unwrap();
        assert_fits(&object);
        types.push(object["type"].as_str().unwrap().to_owned());
    }
    types.sort();
    assert_eq!(types, ["span", "span", "span", "span_start", "span_start", "span_start"]);
}

#[test]
fn every_optional_field_fits() {
    let tree = build::trace("nightly").group_id("g").metadata("team", "red").child(
        build::agent("A")
            .event("e", |attributes| {
                attributes.set("json", json!({"a": [null]}));
            })
            .error("io::Error", "disk")
            .error_sources(["full"]),
    );
    tree.build().iter().map(object).for_each(|object| assert_fits(&object));
    let span = FinishedSpan::builder("tool", "T")
        .parent_id(parent(7))
        .local_root(true)
        .error_type("E")
        .dropped_events(3)
        .attribute("error.type", "reserved")
        .attribute("odd", f64::INFINITY)
        .trace_state(TraceState::parse("a=1"))
        .build();
    let object = object(&span);
    assert_fits(&object);
    assert_eq!(object["lost"], json!({"dropped_events": 3, "reserved_ignored": 1}));
}

#[test]
fn what_is_not_as_described_does_not_fit() {
    let schema = schema();
    let good =
        object(&FinishedSpan::builder("tool", "T").parent_id(parent(7)).error("E", "m").build());
    assert!(schema.is_valid(&good));
    for field in good.as_object().unwrap().keys() {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(field);
        assert!(!schema.is_valid(&without), "{field} is needed");
        let mut wrong = good.clone();
        wrong[field] = json!({"neither": ["this", "nor", "that"]});
        assert_eq!(schema.is_valid(&wrong), field == "attributes", "{field} has a type");
    }
    for (pointer, value) in [
        ("/span_id", json!("span_B7AD6B7169203331")),
        ("/trace_id", json!("0af7651916cd43dd8448eb211c80319c")),
        ("/started_at", json!("2026-01-01T00:00:00Z")),
        ("/status", json!("fine")),
        ("/duration_ms", json!(-1)),
        ("/error_message", json!(7)),
    ] {
        let mut wrong = good.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        assert!(!schema.is_valid(&wrong), "{pointer}");
    }
    let start = serde_json::to_value(FinishedSpan::builder("tool", "x").build().started()).unwrap();
    assert!(schema.is_valid(&start));
    for field in start.as_object().unwrap().keys() {
        let mut without = start.clone();
        without.as_object_mut().unwrap().remove(field);
        assert!(!schema.is_valid(&without), "{field} is needed");
    }
    // What later versions and other types say is not for this schema to judge.
    assert!(schema.is_valid(&json!({"v": 2, "type": "note"})));
    assert!(schema.is_valid(&json!({"v": 3, "type": "span"})));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(50) })]

    #[test]
    fn any_trace_fits(tree in strategy::tree()) {
        let schema = schema();
        for span in tree.build() {
            let object = object(&span);
            prop_assert!(schema.is_valid(&object), "{}", object);
        }
    }
}

//! Imports of traces from other programs, including unusual ones.

use std::{fs, io::Write as _};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use raaf_testkit::strategy;
use raaf_trace_model::attributes::Value;
use serde_json::{Value as Json, json};

use crate::support::{Files, lines, paused};

/// Imports these requests. Returns the spans and the notes.
fn import(requests: &[Json]) -> (Vec<Json>, String, i32) {
    let files = Files::new("");
    let text: Vec<_> = requests.iter().map(ToString::to_string).collect();
    fs::write(files.path("sent.json"), text.join("\n")).unwrap();
    let outcome = files.run(&["import", "sent.json"]);
    let spans = outcome.out.lines().map(|line| serde_json::from_str(line).unwrap());
    (spans.collect(), outcome.err, outcome.code)
}

fn otlp(span: &Json) -> Json {
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] })
}

const TRACE: &str = "trace_6f5f50ba94314747a180a44c02365ab1";

fn item(id: &str, data: &Json, error: &Json) -> Json {
    json!({
        "object": "trace.span", "id": id, "trace_id": TRACE, "parent_id": null,
        "started_at": "2026-11-22T06:24:10.500000+00:00", "ended_at": "2026-11-22T06:24:11+00:00",
        "span_data": data, "error": error,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_round_trip_through_otlp_is_no_difference(tree in strategy::tree()) {
        let files = Files::new(&lines(tree.build()));
        round_trip(&files);
    }
}

fn round_trip(files: &Files) {
    let otlp = files.text(&["export", "otlp"]);
    fs::write(files.path("otlp.json"), otlp).unwrap();
    fs::write(files.path("back.jsonl"), files.text(&["import", "otlp.json"])).unwrap();
    let difference = files.text(&["diff", "--content", "traces.jsonl", "back.jsonl"]);
    assert_eq!(difference, "");
    assert_eq!(files.text(&["list", "back.jsonl"]), files.text(&["list"]));
}

/// Structured values become text, because OTLP has no other form for them that all backends read.
#[test]
fn a_round_trip_through_otlp_loses_the_types_of_structured_values_only() {
    let of = |number: u64, kind: &'static str, name: &'static str| {
        use raaf_trace_model::id::SpanId;
        crate::support::span(crate::support::trace("1a"), 0, number, (kind, name), (0, 10))
            .parent_id(if number == 1 { None } else { SpanId::from_u64(1) })
            .group_id("chat-7".to_owned())
            .metadata("user.id", "u-7")
            .metadata("team", json!({ "size": 3 }).to_string())
    };
    let mut failed = serde_json::to_value(
        of(2, "agent", "Writer").method("review").error("Timeout", "no answer").build(),
    )
    .unwrap();
    failed["error_sources"] = json!(["read", "reset"]);
    let spans = [
        of(1, "runner", "Runner").attribute("paused", true).attribute("input", "hi").build(),
        serde_json::from_value(failed).unwrap(),
        of(3, "llm", "gpt")
            .attributes(|attributes| {
                attributes.set("gen_ai.operation.name", "chat");
                attributes.set("gen_ai.request.model", "gpt");
                attributes.set("gen_ai.usage.cost", 0.25);
                attributes.set("gen_ai.usage.reasoning.output_tokens", 5);
                let messages = json!([{ "role": "user", "content": "hi" }]);
                attributes.set("gen_ai.input.messages", Value::json(&messages));
            })
            .build(),
        of(4, "tool", "search")
            .attributes(|attributes| {
                attributes.set("tool.arguments", r#"{"q":1}"#);
                attributes.set("tool.result", "found");
                attributes.set("tool.call_id", "call_1");
            })
            .build(),
        of(6, "agent", "Named")
            .attributes(|attributes| {
                attributes.set("agent.name", "Named");
                attributes.set("agent.model", "gpt");
                attributes.set("agent.max_tokens", 10);
            })
            .build(),
        of(7, "pipeline", "Report").attribute("pipeline.name", "Report").build(),
        of(8, "tool", "find").attribute("tool.name", "find").build(),
        of(5, "my_kind", "Own").attribute("output", "out").build(),
    ];
    let files = Files::new(&lines(spans));
    round_trip(&files);
    let sorted = |text: String| {
        let lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by_key(|line| line["span_id"].to_string());
        lines
    };
    assert_eq!(
        sorted(files.text(&["show", "1a", "back.jsonl", "--json"])),
        sorted(files.text(&["show", "1a", "--json"]))
    );

    let files = Files::new(&paused(Some(raaf_trace_model::span::Status::Cancelled)));
    round_trip(&files);
}

#[test]
fn otlp_json_may_have_enum_words_nulls_and_large_numbers() {
    let span = |extra: Json| {
        let mut span = json!({ "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "x" });
        span.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        otlp(&span)
    };
    let odd = span(json!({
        "kind": "SPAN_KIND_SERVER", "status": { "code": "STATUS_CODE_ERROR", "message": "gone" },
        "startTimeUnixNano": 1_544_712_660_000_000_000_u64, "endTimeUnixNano": "1544712661000000000",
        "links": null, "events": [{ "name": "e", "attributes": null }], "future": { "kind": "SPAN_KIND_NEW" },
        "attributes": [{ "key": "d", "value": { "doubleValue": "NaN" } }, { "key": "none" }],
    }));
    let (spans, notes, code) = import(&[json!([odd])]);
    assert_eq!((notes.as_str(), code), ("", 0));
    assert_eq!(
        (&spans[0]["status"], &spans[0]["error_message"]),
        (&json!("error"), &json!("gone"))
    );
    assert_eq!(spans[0]["duration_ms"], 1_000.0);
    assert_eq!(spans[0]["attributes"]["d"], "NaN");

    // Faults are reported, and the rest is imported.
    let without_id = span(json!({ "spanId": "" }));
    let (spans, notes, code) =
        import(&[json!({ "resourceLogs": [] }), without_id.clone(), span(json!({}))]);
    assert_eq!((spans.len(), code), (1, 0));
    let expected = "\
raaf: sent.json, request 1: it has neither `resourceSpans` (OTLP) nor `data` (OpenAI's Agents SDK)
raaf: sent.json, request 2: span 1: its id does not have 8 bytes, or all are zero
";
    assert_eq!(notes, expected);
    let (spans, notes, code) = import(&[without_id]);
    assert_eq!((spans.len(), code), (0, 2));
    assert!(notes.starts_with("raaf: sent.json, request 1: span 1: "), "{notes}");
}

#[test]
fn a_trace_of_the_sdk_may_be_in_several_requests_lists_and_lines() {
    let trace = json!({ "object": "trace", "id": TRACE, "workflow_name": "W" });
    let [one, other] = ["span_31713aa135cf4200ad578f11", "span_31713aa135cf4200ad578f12"]
        .map(|id| item(id, &json!({ "type": "agent", "name": "A" }), &Json::Null));
    for requests in [
        vec![json!({ "data": [trace, one] }), json!({ "data": [other] })],
        vec![json!({ "data": [one, other] }), json!({ "data": [trace] })],
        vec![json!([trace, one, other])],
        vec![trace, one, other],
    ] {
        let (spans, notes, code) = import(&requests);
        assert_eq!((spans.len(), notes.as_str(), code), (3, "", 0), "{requests:?}");
        assert!(spans.iter().all(|span| span["workflow_name"] == "W"));
        assert_eq!(spans.iter().filter(|span| span["parent_id"].is_null()).count(), 1);
    }
}

#[test]
fn odd_spans_of_the_sdk_lose_nothing_and_do_not_spoil_the_others() {
    let id = "span_31713aa135cf4200ad578f11";
    let custom = json!({ "type": "custom", "name": "c" });
    for (error, kind, message) in [
        (json!({ "message": "m", "data": null }), "error", "m"),
        (json!({ "message": "m", "data": { "type": "KeyError" } }), "KeyError", "m"),
        (
            json!({ "message": null, "data": { "error": "details" } }),
            "error",
            r#"{"error":"details"}"#,
        ),
        (
            json!({ "message": "m", "data": { "type": "T", "tool": "x" } }),
            "T",
            r#"m: {"tool":"x","type":"T"}"#,
        ),
        (json!("boom"), "error", "boom"),
        (json!({}), "error", ""),
    ] {
        let (spans, ..) = import(&[json!({ "data": [item(id, &custom, &error)] })]);
        assert_eq!(
            (&spans[0]["error_type"], &spans[0]["error_message"]),
            (&json!(kind), &json!(message))
        );
    }
    let usage = |usage: Json| {
        let data = json!({ "type": "generation", "model": "gpt-4o", "usage": usage });
        let (spans, ..) = import(&[json!({ "data": [item(id, &data, &Json::Null)] })]);
        (
            spans[0]["input_tokens"].clone(),
            spans[0]["output_tokens"].clone(),
            spans[0]["attributes"].clone(),
        )
    };
    assert_eq!(usage(json!({ "prompt_tokens": 5, "completion_tokens": 7 })).0, 5);
    let (input, output, attributes) = usage(json!({
        "input_tokens": 5, "output_tokens": 7,
        "input_tokens_details": { "cached_tokens": 2 }, "output_tokens_details": { "reasoning_tokens": 3 },
    }));
    assert_eq!((input, output), (json!(5), json!(7)));
    assert_eq!(attributes["gen_ai.usage.cache_read.input_tokens"], 2);
    assert_eq!(attributes["gen_ai.usage.reasoning.output_tokens"], 3);

    let data = json!({ "data": ["x", 5, null, { "object": "future" }, item("span_1", &custom, &Json::Null), item(id, &custom, &Json::Null)] });
    let (spans, notes, code) = import(&[data]);
    assert_eq!((spans.len(), code), (1, 0));
    assert_eq!(notes, "raaf: \"span_1\": the id of it or of its parent is invalid\n");
}

#[test]
fn an_import_may_be_compressed_cut_or_empty() {
    let files = Files::new("");
    let request = json!({ "data": [item("span_31713aa135cf4200ad578f11", &json!({ "type": "agent", "name": "A" }), &Json::Null)] });
    let text = format!("{request}\n{request}");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    fs::write(files.path("sent.gz"), gzip.finish().unwrap()).unwrap();
    assert_eq!(files.text(&["import", "sent.gz"]).lines().count(), 2);
    fs::write(files.path("cut.json"), &text[..text.len() - 20]).unwrap();
    let outcome = files.run(&["import", "cut.json"]);
    assert_eq!((outcome.out.lines().count(), outcome.code), (1, 0));
    assert!(
        outcome.err.starts_with("raaf: cut.json, request 2: EOF while parsing"),
        "{}",
        outcome.err
    );
    assert_eq!(files.fails(&["import", "traces.jsonl"], 1), "no span is in the files\n");
}

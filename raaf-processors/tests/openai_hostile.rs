//! The openai sink with content that has broken others: what it sends is always JSON that the
//! server's rules allow.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "tests may fail")]

mod server;

use std::time::Duration;

use proptest::prelude::*;
use raaf_processors::OpenAiSink;
use raaf_testkit::strategy;
use raaf_trace_core::{
    FinishedSpan, Kind, SpanExporter as _, Status, TracerProvider, attributes::SpanLimits, keys,
};
use serde_json::{Value as Json, json};
use server::{Answer, Server};

const LONG: Duration = Duration::from_secs(60);
const MAX_CONTENT: usize = 100_000;

/// The spans among the items that are sent for these; every request is held to the rules.
fn sent(spans: &[FinishedSpan]) -> Vec<Json> {
    let server = Server::start(Answer::status(204));
    let sink = OpenAiSink::builder().api_key("sk-1").base_url(server.url()).timeout(LONG);
    sink.build().unwrap().export(spans).unwrap();
    let items = server.requests()[0].json()["data"].as_array().unwrap().clone();
    items.iter().for_each(assert_allowed);
    items.into_iter().filter(|item| item["object"] == "trace.span").collect()
}

/// The rules that cost a whole batch when they are broken.
#[track_caller]
fn assert_allowed(item: &Json) {
    if item["object"] == "trace" {
        return assert!(item["workflow_name"].is_string());
    }
    let data = &item["span_data"];
    for content in ["input", "output"] {
        let size = data.get(content).map_or(0, |content| content.to_string().len());
        assert!(size <= MAX_CONTENT, "{content} of {size} bytes");
    }
    if let Some(usage) = data.get("usage").and_then(Json::as_object) {
        assert_eq!(data["type"], "generation");
        let mut names: Vec<_> = usage.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["details", "input_tokens", "output_tokens"]);
        assert!(usage["input_tokens"].is_u64() && usage["output_tokens"].is_u64());
    }
}

/// A span of each kind with `text` wherever text can be.
fn full_of(text: &str) -> Vec<FinishedSpan> {
    let kinds = Kind::KNOWN.iter().cloned();
    let filled = |kind: Kind| {
        [
            keys::INPUT,
            keys::OUTPUT,
            keys::TOOL_NAME,
            keys::TOOL_ARGUMENTS,
            keys::TOOL_RESULT,
            keys::AGENT_TOOLS,
            keys::HANDOFF_FROM,
            keys::AUDIO_FORMAT,
            keys::GEN_AI_INPUT_MESSAGES,
            keys::GEN_AI_OUTPUT_MESSAGES,
            keys::GEN_AI_SYSTEM_INSTRUCTIONS,
            keys::GEN_AI_USAGE_INPUT_TOKENS,
            "gen_ai.request.stop_sequences",
        ]
        .into_iter()
        .fold(FinishedSpan::builder(kind, text), |span, key| span.attribute(key, text))
        .attribute(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 1)
        .error(text, text)
        .error_sources([text])
        .workflow_name(text.to_owned())
        .group_id(text.to_owned())
        .metadata(text.to_owned(), text)
        .build()
    };
    kinds.map(filled).collect()
}

#[test]
fn hostile_text_is_sent_as_it_is() {
    for text in [
        "\u{1b}[2J\u{1b}]0;title\u{7}",
        "\0",
        "line\nline\r\nline\u{2028}",
        "\"quoted\" \\ back\\",
        "\u{202e}right to left \u{9b}31m",
        r#"{"a":"\ud800"}"#,
        r#"["\udfff", "\u0000"]"#,
        "{",
        "",
    ] {
        let spans = sent(&full_of(text));
        // Roots of workflows are no spans.
        assert_eq!(spans.len(), Kind::KNOWN.len() - 2);
        let tool = spans.iter().find(|span| span["span_data"]["type"] == "function").unwrap();
        assert_eq!(tool["span_data"]["input"], text);
        assert_eq!(tool["error"]["message"], text);
    }
}

#[test]
fn ten_megabytes_are_cut_and_marked() {
    for unit in ["\u{0}", "\u{1F600}"] {
        let long = unit.repeat(10_000_000 / unit.len());
        let span = |kind: &str, key: &'static str| {
            FinishedSpan::builder(kind, "it").attribute(key, long.as_str()).build()
        };
        let spans = sent(&[
            span("tool", keys::TOOL_ARGUMENTS),
            span("llm", keys::GEN_AI_SYSTEM_INSTRUCTIONS),
            span("custom", "note"),
        ]);
        let of = |kind: &str| {
            spans.iter().map(|span| &span["span_data"]).find(|data| data["type"] == kind).unwrap()
        };
        assert!(of("function")["input"].as_str().unwrap().ends_with("... [truncated]"));
        let asked = &of("generation")["input"];
        assert_eq!(asked[0]["role"], "system");
        assert!(asked[0]["content"].as_str().unwrap().ends_with("... [truncated]"));
        assert!(of("custom")["data"].to_string().len() <= 1_000_000);
    }
}

#[test]
fn a_long_conversation_keeps_its_form() {
    let message = |n: usize| json!({"role": "user", "parts": [{"type": "text", "content": n}]});
    let messages: Vec<_> = (0..20_000).map(message).collect();
    let call =
        FinishedSpan::builder("llm", "m").attribute(keys::GEN_AI_INPUT_MESSAGES, json!(messages));
    let spans = sent(&[call.build()]);
    let kept = spans[0]["span_data"]["input"].as_array().unwrap();
    assert!(kept.len() > 1_000, "{}", kept.len());
    let other = kept.iter().find(|message| message["role"] != "user");
    assert_eq!(other, None);
    assert_eq!(kept.last().unwrap()["content"], "... [truncated]");
}

#[test]
fn ten_thousand_attributes_and_deep_json_are_sent() {
    let server = Server::start(Answer::status(204));
    let limits = SpanLimits::default().with_max_attributes(20_000).with_max_value_bytes(1_000_000);
    let sink = OpenAiSink::builder().api_key("sk-1").base_url(server.url()).timeout(LONG).build();
    let provider = TracerProvider::builder().limits(limits).with(sink.unwrap()).build();
    let deep = (0..10_000).fold(json!("core"), |inner, _| Json::Array(vec![inner]));
    let mut full = provider.tracer().span("full");
    for number in 0..10_000 {
        full = full.with(format!("key {number}"), number);
    }
    full.with("deep", deep).with("not a number", f64::NAN).in_span(|| ());
    provider.shutdown(LONG).unwrap();
    let requests = server.requests();
    let json = requests[0].json();
    let data = &json["data"][1]["span_data"]["data"];
    assert_eq!(data["key 9999"], 9_999);
    assert_eq!(data["not a number"], "NaN");
    assert!(data["deep"].to_string().contains("... [truncated]"));
}

#[test]
fn events_of_custom_spans_are_data() {
    let span = FinishedSpan::builder("component", "Fetch")
        .event("retry", std::time::UNIX_EPOCH, |attributes| {
            attributes.set(keys::STEP_ATTEMPT, 1);
        })
        .event("exception", std::time::UNIX_EPOCH, |_| {})
        .status(Status::Ok)
        .build();
    assert_eq!(
        sent(&[span])[0]["span_data"]["data"]["events"],
        json!([{
            "name": "retry",
            "time": "1970-01-01T00:00:00.000000+00:00",
            "attributes": {"step.attempt": 1},
        }])
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_messages_hold_they_are_sent(value in strategy::json()) {
        let call = FinishedSpan::builder("llm", "m")
            .attribute(keys::GEN_AI_INPUT_MESSAGES, value.clone())
            .attribute(keys::GEN_AI_OUTPUT_MESSAGES, json!([{"parts": [value]}]));
        prop_assert_eq!(sent(&[call.build()]).len(), 1);
    }
}

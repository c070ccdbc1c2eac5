//! Limits of spans, losses beyond them, and reserved keys.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use doubles::only;
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, Status, Traceable as _, TracerProvider,
    attributes::{AttributeLosses, SpanLimits},
    keys,
    sink::SimpleProcessor,
    trace, tracer,
};
use serde_json::{Value as Json, json};

fn limited(change: impl FnOnce(&mut SpanLimits)) -> (TracerProvider, MemoryExporter) {
    let memory = MemoryExporter::new();
    let mut limits = SpanLimits::default();
    change(&mut limits);
    let simple = SimpleProcessor::new(memory.clone());
    (TracerProvider::builder().limits(limits).with(simple).build(), memory)
}

fn losses(span: &FinishedSpan) -> AttributeLosses {
    span.losses()
}

fn text(span: &FinishedSpan, key: &str) -> String {
    span.attributes().get(key).unwrap_or_else(|| panic!("no `{key}`")).to_string()
}

#[test]
fn a2_values_are_cut_at_4096_bytes_between_characters_and_counted() {
    let (provider, memory) = limited(|_| {});
    provider.run(|| {
        Component::tool("Long")
            .traced("run")
            .with("fits", "x".repeat(4_096))
            .with("long", "ä".repeat(4_096))
            .in_span(|| ());
    });
    let span = only(&memory);
    assert_eq!(text(&span, "fits").len(), 4_096);
    let cut = text(&span, "long");
    assert!(cut.len() <= 4_096 && cut.ends_with("ä... [truncated]"), "{} bytes", cut.len());
    assert_eq!(losses(&span).cut_values, 1);
}

#[test]
fn a2_content_is_cut_at_100_000_bytes_and_json_stays_json() {
    let (provider, memory) = limited(|_| {});
    let arguments = json!({"path": "a.txt", "body": "x".repeat(200_000)}).to_string();
    provider.run(|| {
        Component::tool("Write")
            .traced("run")
            .with_content("fits", "x".repeat(100_000))
            .with_content("tool.arguments", arguments)
            .in_span(|| ());
    });
    let span = only(&memory);
    assert_eq!(text(&span, "fits").len(), 100_000);
    let cut = text(&span, "tool.arguments");
    assert!(cut.len() <= 100_000);
    let parsed: Json = serde_json::from_str(&cut).unwrap();
    assert_eq!(parsed["path"], "a.txt");
    assert!(parsed["body"].as_str().unwrap().ends_with("... [truncated]"));
    assert_eq!(losses(&span).cut_values, 1);
}

#[test]
fn a2_a_span_has_128_attributes_and_counts_the_rest() {
    let (provider, memory) = limited(|_| {});
    provider.run(|| {
        Component::tool("Many")
            .traced("run")
            .with_attributes(|attributes| {
                attributes.extend((0..200).map(|number| (format!("key.{number}"), number)));
                attributes.set("key.0", "replacing needs no room");
            })
            .in_span(|| ());
    });
    let span = only(&memory);
    assert_eq!(span.attributes().stored().len(), 128);
    assert_eq!(losses(&span).dropped_attributes, 72);
    assert_eq!(text(&span, "key.0"), "replacing needs no room");
    assert_eq!(text(&span, "success"), "true", "what follows from the span needs no room");
}

#[test]
fn a2_a_span_has_128_events_and_counts_the_rest() {
    let (provider, memory) = limited(|_| {});
    let result: Result<(), &str> = provider.run(|| {
        let component = Component::tool("Chatty");
        component.try_in_span("run", || {
            for number in 0..130 {
                let span = component.current_span().unwrap();
                span.add_event("tick", |attributes| {
                    attributes.set("number", number);
                });
            }
            Err("failed at last")
        })
    });
    assert!(result.is_err());
    let span = only(&memory);
    assert_eq!(span.events().len(), 128);
    assert_eq!(span.dropped_events(), 3, "the exception event among them");
    assert_eq!(text(&span, keys::ERROR_MESSAGE), "failed at last");
}

#[test]
fn a2_every_limit_can_be_configured() {
    let (provider, memory) = limited(|limits| {
        limits.max_value_bytes = 20;
        limits.max_content_bytes = 30;
        limits.max_attributes = 2;
        limits.max_events = 1;
    });
    provider.run(|| {
        let span = tracer().start_span("small");
        span.set_attribute("value", "x".repeat(100));
        span.set_content("content", "x".repeat(100));
        span.set_attribute("third", 3);
        span.add_event("first", |attributes| {
            attributes.set("value", "x".repeat(100));
        });
        span.add_event("second", |_| {});
    });
    let span = only(&memory);
    assert_eq!(text(&span, "value"), "xxxxx... [truncated]");
    assert_eq!(text(&span, "content").len(), 30);
    assert_eq!((losses(&span).cut_values, losses(&span).dropped_attributes), (2, 1));
    let event = span.events().next().unwrap();
    assert_eq!(event.attributes().get("value"), Some("xxxxx... [truncated]".into()));
    assert_eq!(event.attributes().losses().cut_values, 1);
    assert_eq!(span.dropped_events(), 1);
}

/// Every way in which an attribute can come to a span keeps the provider's limits, also where
/// these are larger than the defaults.
#[test]
fn a2_larger_limits_hold_for_every_way_in() {
    let (provider, memory) = limited(|limits| limits.max_value_bytes = 10_000);
    let long = "x".repeat(9_000);
    provider.run(|| {
        let agent = Component::agent("Planner");
        trace("nightly").metadata("about", long.as_str()).in_span(|| {
            agent.traced("run").with("with", long.as_str()).in_span(|| {
                agent.traced("run").with("reused", long.as_str()).in_span(|| ());
                agent.current_span().unwrap().set_attribute("set", long.as_str());
            });
            tracer().span("by hand").with("prepared", long.as_str()).start().finish();
        });
    });
    let spans = memory.spans();
    for key in ["with", "reused", "set", "prepared"] {
        let found = spans.iter().find_map(|span| span.attributes().get(key));
        assert_eq!(found.map(|value| value.to_string().len()), Some(9_000), "{key}");
    }
    let about = spans[0].trace().metadata().get("about");
    assert_eq!(about.map(|value| value.to_string().len()), Some(9_000));
}

#[test]
fn a2_error_texts_keep_the_limit_too() {
    let (provider, memory) = limited(|limits| limits.max_value_bytes = 40);
    let result: Result<(), String> =
        provider.run(|| Component::tool("Bad").try_in_span("run", || Err("why? ".repeat(1_000))));
    assert!(result.is_err());
    assert_eq!(text(&only(&memory), keys::ERROR_MESSAGE).len(), 40);
}

#[test]
fn a3_reserved_keys_are_ignored_and_counted_whoever_writes_them() {
    let (provider, memory) = limited(|_| {});
    provider.run(|| {
        let component = Component::tool("Honest");
        component
            .traced("run")
            .with("component.type", "agent")
            .with_attributes(|attributes| {
                attributes.set("success", false);
            })
            .on_result(|(): &(), attributes| {
                attributes.set("error.type", "Made up");
            })
            .in_span(|| {
                let span = component.current_span().unwrap();
                span.set_attribute("duration_ms", 0.0);
                span.set_content("error.message", "made up");
            });
    });
    let span = only(&memory);
    assert_eq!(losses(&span).reserved_ignored, 5);
    assert_eq!(text(&span, "component.type"), "tool");
    assert_eq!(text(&span, "success"), "true");
    assert_eq!(span.attributes().get("error.type"), None);
    assert_eq!(span.attributes().get("error.message"), None);
    assert!(span.attributes().stored().is_empty());
}

#[test]
fn a3_on_a_manual_span_success_and_error_set_the_status() {
    let (provider, memory) = limited(|_| {});
    provider.run(|| {
        tracer().start_span("good").set_attribute("success", true);
        tracer().start_span("bad").set_attribute("success", false);
        tracer().start_span("told why").set_attribute("error", "disk full");
        tracer().start_span("told in words").set_attribute("error.message", "disk full");
        tracer().start_span("of a type").set_attribute("error.type", "io");
        tracer().start_span("who am I").set_attribute("component.name", "somebody else");
    });
    let spans = memory.spans();
    let statuses: Vec<_> = spans.iter().map(FinishedSpan::status).collect();
    let expected =
        [Status::Ok, Status::Error, Status::Error, Status::Error, Status::Error, Status::Unset];
    assert_eq!(statuses, expected);
    assert_eq!(text(&spans[2], keys::ERROR_MESSAGE), "disk full");
    assert_eq!(text(&spans[3], keys::ERROR_MESSAGE), "disk full");
    assert_eq!(text(&spans[5], keys::COMPONENT_NAME), "who am I");
    assert_eq!(losses(&spans[5]).reserved_ignored, 1);
}

//! Failure texts of each matcher.

mod support;

use std::time::Duration;

use raaf_testkit::{Capture, Expected, Spans, span_tree};
use raaf_trace_core::{Component, Traceable as _, Value, clock::ManualClock, current_span};

/// One call with all there is to ask for: it takes 1.5 seconds and retries twice.
fn spans() -> Spans {
    let clock = ManualClock::new();
    let capture = Capture::with(|builder| builder.clock(clock.clock()));
    let search = Component::tool("search");
    let call = search.traced("find");
    let call =
        call.with("query", "green tea").with("hits", 3).with("tags", Value::json(&["a", "b"]));
    capture.run(|| {
        call.in_span(|| {
            clock.advance(Duration::from_millis(1500));
            if let Some(span) = current_span() {
                span.add_event("retry", |attributes| _ = attributes.set("reason", "timeout"));
                span.add_event("retry", |attributes| _ = attributes.set("reason", "reset"));
            }
        });
    });
    capture.spans()
}

/// Returns the failure text about the only span.
fn said(expected: &Expected) -> String {
    let text = support::text(expected, &spans());
    let lines = text.lines().skip_while(|line| *line != "found:").skip(1);
    let notes = lines.filter_map(|line| line.split_once("<- ")).map(|(_, note)| note);
    notes.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_matcher_that_fits_passes() {
    let least = 2;
    for expected in [
        span_tree! { tool "search" ["hits" = 3, query = "green tea", "nothing" = None::<&str>] },
        span_tree! { tool "search" [query contains "tea", tags contains "b", hits contains "3"] },
        span_tree! { tool "search" [query like "*tea", query like "green tea", hits like "*"] },
        span_tree! { tool "search" [query ~ "^green .ea$", query matches "[a-f]"] },
        span_tree! { tool "search" [hits > 2, hits >= 3, hits < 3.5, hits <= 3] },
        span_tree! { tool "search" [hits where move |hits| hits.as_i64() > Some(least)] },
        span_tree! { tool "search" [hits, !misses] },
        span_tree! { tool "search" [ok] },
        span_tree! { tool "search" [event "retry", event "re*" x 2, event "retry" [reason = "reset"] x 1] },
        span_tree! { tool "search" [!event "stop", !event "retry" [reason = "bored"]] },
        span_tree! { tool "search" [duration = 1500ms, duration < 2s, duration in 1s..1.6s] },
        span_tree! { tool "search" name "run.workflow.tool.search.find" },
        span_tree! { tool "search".find name "*.find" },
        span_tree! { "t*" "se*ch"."f*" },
    ] {
        expected.check(&spans()).unwrap();
    }
}

#[test]
fn kinds_components_methods_and_names() {
    insta::assert_snapshot!(said(&span_tree! { agent "search" }), @r#"kind is "tool", not "agent""#);
    insta::assert_snapshot!(said(&span_tree! { tool "search".run }), @r#"method is "find", not "run""#);
    insta::assert_snapshot!(said(&span_tree! { tool "search"."look*" }), @r#"method is "find", not like "look*""#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" name "tool.*" }), @r#"name is "run.workflow.tool.search.find", not like "tool.*""#);
}

#[test]
fn status_and_errors() {
    insta::assert_snapshot!(said(&span_tree! { tool "search" [status = cancelled] }), @r#"status is ok, not cancelled"#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [error "io::*"] }), @r#"
    status is ok, not error
    "error.type" is not set, and should be like "io::*"
    "#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [error "Timeout"] }), @r#"
    status is ok, not error
    "error.type" is not set, and should be "Timeout"
    "#);
}

#[test]
fn equal_values() {
    insta::assert_snapshot!(said(&span_tree! { tool "search" [query = "black tea"] }), @r#""query" is "green tea", not "black tea""#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [hits = "3"] }), @r#""hits" is 3, not "3""#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [misses = 3] }), @r#""misses" is not set, and should be 3"#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [tags = Value::json(&["a"])] }), @r#""tags" is ["a","b"], not ["a"]"#);
}

#[test]
fn parts_of_a_value() {
    insta::assert_snapshot!(said(&span_tree! { tool "search" [query contains "coffee"] }), @r#""query" is "green tea", which does not contain "coffee""#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [query ~ "^tea"] }), @r#""query" is "green tea", which does not match "^tea""#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [misses contains "x"] }), @r#""misses" is not set, and should contain "x""#);
}

#[test]
fn numbers_and_predicates() {
    insta::assert_snapshot!(said(&span_tree! { tool "search" [hits > 3] }), @r#""hits" is 3, not > 3"#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [query <= 3] }), @r#""query" is "green tea", not <= 3"#);
    insta::assert_snapshot!(
        said(&span_tree! { tool "search" [hits where |hits| hits.as_i64() > Some(10)] }), @r#""hits" is 3, for which this is not so: |hits| hits.as_i64() > Some(10)"#);
}

#[test]
fn absent_and_present() {
    insta::assert_snapshot!(said(&span_tree! { tool "search" [!hits] }), @r#""hits" is 3, and should be absent"#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [misses] }), @r#""misses" is not set"#);
}

#[test]
fn events() {
    insta::assert_snapshot!(said(&span_tree! { tool "search" [event "stop"] }), @r#"event "stop" is not there; there are "retry", "retry""#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [event "retry" x 3] }), @r#"event "retry" is there 2 times, and should be x 3"#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [!event "retry"] }), @r#"event "retry" is there 2 times, and should be absent"#);
    insta::assert_snapshot!(
        said(&span_tree! { tool "search" [event "retry" [reason = "bored", after > 3]] }), @r#"event "retry" ["reason" = "bored", "after" > 3] is not there; in the one that is, "reason" is "timeout", not "bored", "after" is not set, and should be > 3"#);
}

#[test]
fn durations() {
    insta::assert_snapshot!(said(&span_tree! { tool "search" [duration < 1s] }), @r#"duration is 1.5s, not < 1s"#);
    insta::assert_snapshot!(said(&span_tree! { tool "search" [duration in 2s..3s] }), @r#"duration is 1.5s, not in 2s..3s"#);
}

#[test]
fn long_values_are_shown_from_where_they_differ() {
    let capture = Capture::new();
    let long = |end: &str| format!("{}{end}{}", "lorem ".repeat(100), " ipsum".repeat(100));
    let spans = {
        let tool = Component::tool("search");
        capture.run(|| tool.traced("run").with("text", long("one")).in_span(|| ()));
        capture.spans()
    };
    let expected = span_tree! { tool "search" ["text" = long("two")] };
    insta::assert_snapshot!(support::text(&expected, &spans), @r#"
    the spans make another tree: 1 different

    expected:
      ~ tool "search" ["text" = "lorem lorem lorem lorem lorem lorem lore"… (1203 characters)]

    found:
      ~ tool "search"  <- "text" is …"m lorem lorem lorem one ipsum ipsum ipsum ipsum ipsum ipsum ipsum ipsum ipsum ip"… (1203 characters), not …"m lorem lorem lorem two ipsum ipsum ipsum ipsum ipsum ipsum ipsum ipsum ipsum ip"… (1203 characters)

    ~ different
    "#);
}

//! Snapshots are the same in each run, and show what they are asked for.

use std::time::Duration;

use raaf_trace_core::{current_span, trace, tracer};

use crate::{
    Capture, Spans,
    build::{self, TreeBuilder, agent, pipeline, tool},
};

fn sample() -> TreeBuilder {
    build::trace("nightly").group_id("g-1").metadata("team", "search").children([
        agent("Planner")
            .attribute("z", 1)
            .attribute("a", "two\nlines \u{7}")
            .event("retry", |attributes| {
                attributes.set("wait", 0.5).set("attempt", 2);
            })
            .event("over", |_| {})
            .child(tool("search").method("lookup").attribute("list", serde_json::json!([1, "x"]))),
        tool("parse")
            .error("ParseError", "no digit")
            .error_sources(["x", "y"])
            .event("exception", |_| {}),
        tool("cut").status(raaf_trace_core::Status::Cancelled),
    ])
}

#[test]
fn the_text_form() {
    insta::assert_snapshot!(sample().spans().to_snapshot(), @r#"
    trace "nightly"
    │     workflow = "nightly"
    │     group = "g-1"
    │     metadata team = "search"
    ├── agent "Planner"
    │   │     a = "two\nlines \u{7}"
    │   │     z = 1
    │   │     event retry: attempt = 2, wait = 0.5
    │   │     event over
    │   └── tool "search".lookup
    │             list = [1,"x"]
    ├── tool "parse" [error ParseError: "no digit"]
    │         caused by = ["x","y"]
    └── tool "cut" [cancelled]
    "#);
}

#[test]
fn the_json_form() {
    insta::assert_json_snapshot!(sample().spans().to_snapshot().with_names(), @r#"
    [
      {
        "id": "s1",
        "parent": null,
        "kind": "trace",
        "component": "nightly",
        "method": "run",
        "name": "run.workflow.trace.nightly",
        "status": "ok",
        "workflow": "nightly",
        "group": "g-1",
        "metadata": {
          "team": "search"
        }
      },
      {
        "id": "s2",
        "parent": "s1",
        "kind": "agent",
        "component": "Planner",
        "method": "run",
        "name": "run.workflow.agent.Planner",
        "status": "ok",
        "attributes": {
          "a": "two\nlines \u0007",
          "z": 1
        },
        "events": [
          {
            "name": "retry",
            "attributes": {
              "attempt": 2,
              "wait": 0.5
            }
          },
          {
            "name": "over"
          }
        ]
      },
      {
        "id": "s3",
        "parent": "s2",
        "kind": "tool",
        "component": "search",
        "method": "lookup",
        "name": "run.workflow.tool.search.lookup",
        "status": "ok",
        "attributes": {
          "list": [
            1,
            "x"
          ]
        }
      },
      {
        "id": "s4",
        "parent": "s1",
        "kind": "tool",
        "component": "parse",
        "method": "run",
        "name": "run.workflow.tool.parse",
        "status": "error",
        "error": {
          "type": "ParseError",
          "message": "no digit",
          "sources": [
            "x",
            "y"
          ]
        }
      },
      {
        "id": "s5",
        "parent": "s1",
        "kind": "tool",
        "component": "cut",
        "method": "run",
        "name": "run.workflow.tool.cut",
        "status": "cancelled"
      }
    ]
    "#);
}

#[test]
fn less_or_more_is_shown_when_asked_for() {
    let spans = sample().spans();
    insta::assert_snapshot!(
        spans
            .to_snapshot()
            .with_ids()
            .with_times()
            .with_names()
            .leave_out("z")
            .redact("att*")
            .redact("a")
            .redact("team"),
        @r#"
    s1 trace "nightly" (+0ns, 7ms)
    │     name = "run.workflow.trace.nightly"
    │     workflow = "nightly"
    │     group = "g-1"
    │     metadata team = [redacted]
    ├── s2 agent "Planner" (+1ms, 3ms)
    │   │     name = "run.workflow.agent.Planner"
    │   │     a = [redacted]
    │   │     event retry: attempt = [redacted], wait = 0.5
    │   │     event over
    │   └── s3 tool "search".lookup (+2ms, 1ms)
    │             name = "run.workflow.tool.search.lookup"
    │             list = [1,"x"]
    ├── s4 tool "parse" [error ParseError: "no digit"] (+4ms, 1ms)
    │         name = "run.workflow.tool.parse"
    │         caused by = ["x","y"]
    └── s5 tool "cut" [cancelled] (+5ms, 1ms)
              name = "run.workflow.tool.cut"
    "#);
    let bare = spans.to_snapshot().leave_out("*").to_string();
    assert!(!bare.contains("list"), "{bare}");
}

/// Two spans that are open at once, in this order.
fn beside(first: &str, second: &str) -> Spans {
    let capture = Capture::deterministic();
    capture.run(|| {
        trace("P").in_span(|| {
            let both = [first, second].map(|name| {
                capture.advance(Duration::from_millis(1));
                tracer().agent_span("Branch").with("who", name).start()
            });
            for span in both {
                capture.advance(Duration::from_millis(1));
                span.finish();
            }
        });
    });
    capture.spans()
}

#[test]
fn siblings_that_ran_beside_each_other_have_a_stable_order() {
    let text = |spans: Spans| spans.to_snapshot().to_string();
    assert_eq!(text(beside("x", "y")), text(beside("y", "x")));
}

#[test]
fn what_is_inside_decides_between_siblings_that_say_the_same() {
    let tree = |first: &str, second: &str| {
        let around = |name: &str| agent("A").child(tool("same")).child(tool(name));
        let spans = pipeline("P").at_once().children([around(first), around(second)]).spans();
        spans.to_snapshot().to_string()
    };
    assert_eq!(tree("x", "y"), tree("y", "x"));
}

#[test]
fn siblings_that_followed_each_other_keep_their_order() {
    let tree = |first, second| pipeline("P").children([agent(first), agent(second)]).spans();
    let text = |spans: Spans| spans.to_snapshot().to_string();
    assert_ne!(text(tree("B", "A")), text(tree("A", "B")));
    let sorted = |spans: Spans| spans.to_snapshot().sort_under("P").to_string();
    assert_eq!(sorted(tree("B", "A")), sorted(tree("A", "B")));
    let sorted = |spans: Spans| spans.to_snapshot().sort_under("Q").to_string();
    assert_ne!(sorted(tree("B", "A")), sorted(tree("A", "B")));
    let sorted = |spans: Spans| spans.to_snapshot().sort_all().to_string();
    assert_eq!(sorted(tree("B", "A")), sorted(tree("A", "B")));
}

#[test]
fn ids_in_attributes_are_normalised_too() {
    let run = || {
        let capture = Capture::new();
        capture.run(|| {
            trace("one").in_span(|| {
                let span = current_span().unwrap();
                span.set_attribute("self", span.span_id().to_string());
                span.set_attribute("trace", span.trace_id().hex().to_string());
            });
            trace("two").in_span(|| ());
        });
        capture.spans().to_snapshot().with_ids().to_string()
    };
    assert_eq!(run(), run());
    assert!(run().contains("self = \"s1\"\n      trace = \"t1\"\n"), "{}", run());
    assert!(run().contains("s2 trace \"two\" in t2"), "{}", run());
}

#[test]
fn deep_and_wide_trees_are_shown() {
    let deep = (0..1_500).fold(tool("innermost"), |inner, _| agent("around").child(inner));
    assert_eq!(deep.spans().to_snapshot().to_string().lines().count(), 1_501);
    let wide = pipeline("P").at_once().children(
        (0..2_000).map(|number| tool(number.to_string()).lasting(Duration::from_secs(1))),
    );
    let json = serde_json::to_value(wide.spans().to_snapshot()).unwrap();
    assert_eq!(json.as_array().map(Vec::len), Some(2_001));
}

//! Built trees have sound ids and times.

use std::time::Duration;

use raaf_trace_core::{FinishedSpan, Status};

use super::{agent, llm, pipeline, span, tool, trace};
use crate::assert_span_tree;

/// Returns start and end of each span, in milliseconds from the start of the first.
fn times(spans: &[FinishedSpan]) -> Vec<(String, u128, u128)> {
    let first = spans.iter().map(FinishedSpan::start_time).min().unwrap();
    let millis = |time: std::time::SystemTime| time.duration_since(first).unwrap().as_millis();
    let of = |span: &FinishedSpan| {
        let name = span.component_name().to_owned();
        (name, millis(span.start_time()), millis(span.end_time()))
    };
    spans.iter().map(of).collect()
}

fn expected(times: &[(&str, u128, u128)]) -> Vec<(String, u128, u128)> {
    times.iter().map(|(name, start, end)| ((*name).to_owned(), *start, *end)).collect()
}

#[test]
fn spans_follow_each_other_inside_the_one_around() {
    let tree = pipeline("P")
        .child(agent("A").child(tool("t")).child(tool("u")))
        .child(agent("B").after(Duration::from_millis(5)).lasting(Duration::from_millis(7)));
    assert_eq!(
        times(&tree.build()),
        expected(&[("t", 2, 3), ("u", 3, 4), ("A", 1, 5), ("B", 10, 17), ("P", 0, 18)])
    );
    tree.spans().check_coherent().unwrap();
}

#[test]
fn spans_at_once_start_together() {
    let tree = pipeline("P")
        .at_once()
        .children([agent("Slow").lasting(Duration::from_millis(9)), agent("Quick")]);
    assert_eq!(times(&tree.build()), expected(&[("Quick", 1, 2), ("Slow", 1, 10), ("P", 0, 11)]));
    assert_span_tree!(tree, { pipeline "P" { agent "Slow" agent "Quick" } });
}

#[test]
fn a_span_lasts_as_long_as_it_is_told_or_as_what_is_inside() {
    let long = agent("A").lasting(Duration::from_secs(1)).child(tool("t")).spans();
    assert_eq!(long.only("A").duration(), Duration::from_secs(1));
    let short = agent("A").lasting(Duration::ZERO).child(tool("t")).spans();
    assert_eq!(short.only("A").duration(), Duration::from_millis(3));
}

#[test]
fn ids_are_the_same_in_each_run_and_differ_between_traces() {
    let tree = || trace("w").child(llm("gpt").child(span("processor", "x")));
    let ids = |spans: Vec<FinishedSpan>| -> Vec<_> {
        spans.iter().map(|span| (span.trace_id().to_u128(), span.span_id().to_u64())).collect()
    };
    assert_eq!(ids(tree().build()), [(1, 3), (1, 2), (1, 1)]);
    assert_eq!(ids(tree().numbered(0).build()), ids(tree().build()));
    let second = ids(tree().numbered(2).build());
    assert_eq!(second[0], (2, (1 << 32) + 3));
}

#[test]
fn each_span_says_what_its_trace_says() {
    let inner = trace("inner").group_id("another");
    let tree = trace("outer").group_id("g").metadata("team", "search").child(inner);
    for span in tree.build() {
        assert_eq!(span.trace().workflow_name(), Some("outer"));
        assert_eq!(span.trace().group_id(), Some("g"));
        assert!(span.trace().metadata().get("team").is_some_and(|team| team == "search"));
    }
}

#[test]
fn a_span_says_what_it_was_told() {
    let tree = tool("t")
        .method("lookup")
        .attribute("tool.rank", 0.5)
        .event("retry", |attributes| {
            attributes.set("attempt", 2);
        })
        .error("Timeout", "no answer")
        .error_sources(["reset"]);
    let spans = tree.spans();
    let only = spans.only("t");
    assert_eq!(only.name(), "run.workflow.tool.t.lookup");
    assert_eq!((only.status(), only.events().len()), (Status::Error, 1));
    assert_eq!(only.events().next().unwrap().time(), only.start_time());
    let cancelled = tool("t").status(Status::Cancelled).name("named").spans();
    assert_eq!(cancelled.only("t").status(), Status::Cancelled);
    assert_eq!(cancelled.only("t").name(), "named");
    assert_eq!(format!("{cancelled:?}"), format!("{:?}", tool("t").status(Status::Cancelled)));
}

#[test]
fn thousands_of_spans_inside_each_other_are_built_without_recursion() {
    let mut tree = agent("innermost");
    for _ in 0..2_000 {
        tree = agent("around").child(tree);
    }
    assert_eq!((tree.count(), tree.build().len()), (2_001, 2_001));
    assert_eq!(tree.build()[0].component_name(), "innermost");
}

//! Every problem is found, and every span has its place.

use std::time::{Duration, SystemTime};

use super::*;
use crate::span::{FinishedSpanBuilder, Status};

fn id(id: u64) -> SpanId {
    SpanId::from_u64(id).unwrap()
}

fn second(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

/// A span of trace 1 from second 1 to 2; under no parent if that is 0.
fn span(number: u64, parent: u64) -> FinishedSpanBuilder {
    FinishedSpan::builder("tool", number.to_string())
        .trace_id(TraceId::from_u128(1).unwrap())
        .span_id(id(number))
        .parent_id(SpanId::from_u64(parent))
        .start(second(1))
        .end(second(2))
}

fn tree<const N: usize>(spans: [FinishedSpanBuilder; N]) -> SpanTree<FinishedSpan> {
    SpanTree::in_order(spans.map(FinishedSpanBuilder::build).into())
}

fn shown(tree: &SpanTree<FinishedSpan>) -> String {
    let spans = tree.walk().map(|(depth, span)| format!("{depth}:{}", span.component_name()));
    spans.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_whole_tree_has_no_problems() {
    let whole = tree([span(1, 0), span(2, 1), span(3, 1), span(4, 3)]);
    assert!(whole.coherence_problems().is_empty());
    assert_eq!(shown(&whole), "0:1 1:2 1:3 2:4");
    let part = tree([span(1, 9).local_root(true), span(2, 1)]);
    assert!(part.coherence_problems().is_empty());
    assert_eq!(part.roots().collect::<Vec<_>>(), [0]);
    assert!(tree([]).coherence_problems().is_empty());
}

#[test]
fn self_time_is_what_no_child_covers() {
    let span = |number, parent, from, to| span(number, parent).start(second(from)).end(second(to));
    let own = |spans: Vec<FinishedSpanBuilder>| {
        let spans = spans.into_iter().map(FinishedSpanBuilder::build).collect();
        SpanTree::in_order(spans).self_time(0).unwrap().as_secs()
    };
    let root = || span(1, 0, 10, 20);
    assert_eq!(own(vec![root()]), 10);
    assert_eq!(own(vec![root(), span(2, 1, 12, 14), span(3, 2, 12, 13)]), 8);
    // Side by side, one within another, and in any order.
    assert_eq!(own(vec![root(), span(2, 1, 15, 18), span(3, 1, 11, 16), span(4, 1, 12, 13)]), 3);
    // Beyond the ends of the parent.
    assert_eq!(own(vec![root(), span(2, 1, 5, 11), span(3, 1, 19, 30), span(4, 1, 25, 30)]), 8);
    assert_eq!(own(vec![root(), span(2, 1, 0, 40)]), 0);
}

#[test]
fn each_problem_is_found_at_its_span() {
    let elsewhere = span(2, 1).trace_id(TraceId::from_u128(2).unwrap());
    for (spans, expected) in [
        (tree([span(1, 0), span(2, 0)]), "there are 2 roots"),
        (tree([span(1, 0), span(2, 9)]), "[1] the parent of _2, _9, is missing"),
        (tree([span(2, 9)]), "[0] the parent of _2, _9, is missing; the root is missing"),
        (tree([span(1, 0), span(2, 1), span(2, 1)]), "[2] _2 ended more than once"),
        (tree([span(1, 0), span(2, 1).start(second(0))]), "[1] _2 starts 1s before its parent"),
        (tree([span(1, 0), span(2, 1).end(second(3))]), "[1] _2 ends 1s after its parent"),
        (
            tree([span(1, 0), elsewhere]),
            "there are 2 traces; [1] the parent of _2, _1, is in another trace",
        ),
    ] {
        let problems = spans.coherence_problems().into_iter().map(|(index, problem)| {
            let at = index.map_or_else(String::new, |index| format!("[{index}] "));
            at + &problem.to_string().replace("span_000000000000000", "_")
        });
        assert_eq!(problems.collect::<Vec<_>>().join("; "), expected);
    }
}

#[test]
fn one_span_of_each_loop_stands_at_the_top() {
    let looped = tree([span(1, 0), span(4, 3), span(2, 3), span(3, 2), span(5, 5)]);
    assert_eq!(shown(&looped), "0:1 0:3 1:4 1:2 0:5");
    let found: Vec<_> = looped.located_problems().collect();
    let of = |number| TreeProblem::Loop { span: id(number) };
    assert_eq!(found, [(Some(3), &of(3)), (Some(4), &of(5))]);
    assert_eq!(looped.roots().collect::<Vec<_>>(), [0]);
}

#[test]
fn work_that_goes_on_may_outlive_the_parent_that_has_paused() {
    let late = |key| span(2, 1).end(second(9)).attribute(key, true);
    let paused = || span(1, 0).attribute("paused", true);
    assert!(tree([paused(), late("resumed")]).coherence_problems().is_empty());
    assert_eq!(tree([paused(), late("other")]).coherence_problems().len(), 1);
    assert_eq!(tree([span(1, 0), late("resumed")]).coherence_problems().len(), 1);
}

#[test]
fn a_child_may_outlive_a_parent_that_was_given_up() {
    for status in [Status::Cancelled, Status::Stale] {
        let spans = tree([span(1, 0).status(status), span(2, 1).end(second(9))]);
        assert!(spans.coherence_problems().is_empty());
    }
}

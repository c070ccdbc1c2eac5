//! Problems of incoherent traces.

use std::collections::HashMap;

use raaf_trace_core::{SpanId, Status};

use crate::tree::{Facts, Mark, Shape};

/// Largest number of roots named in a message.
const NAMED: usize = 8;

/// A problem of one span, or of the trace.
pub(super) struct Problem {
    pub(super) span: Option<usize>,
    pub(super) mark: Mark,
    pub(super) text: String,
}

impl Problem {
    fn general(text: String) -> Self {
        Self { span: None, mark: Mark::None, text }
    }

    fn of(span: usize, mark: Mark, text: impl Into<String>) -> Self {
        Self { span: Some(span), mark, text: text.into() }
    }
}

pub(super) fn all(
    spans: &[Facts],
    shape: &Shape,
    label: impl Fn(usize) -> String,
    may_outlive: impl Fn(usize) -> bool,
) -> Vec<Problem> {
    if spans.is_empty() {
        return vec![Problem::general("there are no spans".to_owned())];
    }
    let mut problems = Vec::new();
    let mut traces: Vec<_> = spans.iter().map(|span| span.trace).collect();
    traces.sort_unstable();
    traces.dedup();
    if traces.len() > 1 {
        problems.push(Problem::general(format!("there are {} traces", traces.len())));
    }
    let is_faulty = |root: &&usize| shape.is_orphan(**root) || shape.is_cyclic(**root);
    let roots: Vec<_> = shape.roots().iter().filter(|root| !is_faulty(root)).collect();
    if roots.len() > 1 {
        let mut names: Vec<_> = roots.iter().take(NAMED).map(|root| label(**root)).collect();
        if roots.len() > NAMED {
            names.push("…".to_owned());
        }
        let text = format!("there are {} roots: {}", roots.len(), names.join(", "));
        problems.push(Problem::general(text));
    }
    for &orphan in shape.orphans() {
        problems.push(Problem::of(orphan, Mark::Misplaced, "its parent is not here"));
    }
    for &span in shape.cycles() {
        problems.push(Problem::of(span, Mark::Misplaced, "it is its own ancestor"));
    }
    let first = first_of_id(spans);
    for (index, span) in spans.iter().enumerate() {
        if first[&span.id] != index {
            let (one, other) = (label(first[&span.id]), label(index));
            let text = if one == other {
                "it is there twice, under one id".to_owned()
            } else {
                format!("its id is that of {one}")
            };
            problems.push(Problem::of(index, Mark::Duplicated, text));
        }
        let Some(parent) = shape.parent(index) else { continue };
        if spans[parent].trace != span.trace {
            problems.push(Problem::of(index, Mark::Different, "its parent is in another trace"));
        }
        let early = spans[parent].start.duration_since(span.start).unwrap_or_default();
        if !early.is_zero() {
            let text = format!("it starts {early:?} before its parent");
            problems.push(Problem::of(index, Mark::Different, text));
        }
        // What was given up on, or closed for its age, need not have waited.
        let says_why = matches!(spans[parent].status, Status::Cancelled | Status::Stale);
        let late = span.end.duration_since(spans[parent].end).unwrap_or_default();
        if !late.is_zero() && !says_why && !may_outlive(index) {
            let text =
                format!("it ends {late:?} after its parent, which is {}", spans[parent].status);
            problems.push(Problem::of(index, Mark::Different, text));
        }
    }
    problems
}

/// Ids are unique over all traces.
fn first_of_id(spans: &[Facts]) -> HashMap<SpanId, usize> {
    let mut first = HashMap::new();
    for (index, span) in spans.iter().enumerate() {
        first.entry(span.id).or_insert(index);
    }
    first
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use raaf_trace_core::TraceId;

    use super::*;

    fn second(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    /// A span of trace 1 from second 1 to 2.
    fn span(id: u64, parent: u64) -> Facts {
        Facts {
            trace: trace_id(1),
            id: span_id(id).unwrap(),
            parent: span_id(parent),
            local_root: parent == 0,
            start: second(1),
            end: second(2),
            status: Status::Ok,
        }
    }

    fn span_id(id: u64) -> Option<SpanId> {
        format!("{id:016x}").parse().ok()
    }

    fn trace_id(id: u64) -> TraceId {
        format!("{id:032x}").parse().unwrap()
    }

    fn of(spans: &[Facts]) -> Vec<String> {
        let problems = all(spans, &Shape::of(spans), |index| format!("#{index}"), |_| false);
        let words = problems.into_iter().map(|problem| match problem.span {
            Some(span) => format!("#{span}: {}", problem.text),
            None => problem.text,
        });
        words.collect()
    }

    #[test]
    fn a_tree_has_no_problems() {
        assert!(of(&[span(1, 0), span(2, 1), span(3, 1), span(4, 3)]).is_empty());
        let remote = Facts { parent: span_id(9), ..span(1, 0) };
        assert!(of(&[remote, span(2, 1)]).is_empty());
    }

    #[test]
    fn each_problem_is_named() {
        let earlier = Facts { start: second(0), ..span(2, 1) };
        let later = Facts { end: second(4), ..span(2, 1) };
        let elsewhere = Facts { trace: trace_id(2), ..span(2, 1) };
        for (spans, expected) in [
            (vec![], vec!["there are no spans"]),
            (vec![span(1, 0), span(2, 0)], vec!["there are 2 roots: #0, #1"]),
            (vec![span(1, 0), span(2, 9)], vec!["#1: its parent is not here"]),
            (vec![span(1, 0), span(2, 3), span(3, 2)], vec!["#1: it is its own ancestor"]),
            (vec![span(1, 0), span(2, 2)], vec!["#1: it is its own ancestor"]),
            (vec![span(1, 0), span(2, 1), span(2, 1)], vec!["#2: its id is that of #1"]),
            (vec![span(1, 0), earlier], vec!["#1: it starts 1s before its parent"]),
            (vec![span(1, 0), later], vec!["#1: it ends 2s after its parent, which is ok"]),
            (
                vec![span(1, 0), elsewhere],
                vec!["there are 2 traces", "#1: its parent is in another trace"],
            ),
        ] {
            assert_eq!(of(&spans), expected);
        }
    }

    #[test]
    fn a_child_may_outlive_a_parent_that_says_why() {
        let child = Facts { end: second(9), ..span(2, 1) };
        for status in [Status::Cancelled, Status::Stale] {
            let parent = Facts { status, ..span(1, 0) };
            assert!(of(&[parent, child]).is_empty());
        }
        let spans = [span(1, 0), child];
        assert!(all(&spans, &Shape::of(&spans), |_| String::new(), |index| index == 1).is_empty());
    }

    #[test]
    fn a_span_delivered_twice_is_named() {
        let spans = [span(1, 0), span(1, 0)];
        let problems = all(&spans, &Shape::of(&spans), |_| "agent \"A\"".to_owned(), |_| false);
        assert!(problems.iter().any(|problem| problem.text == "it is there twice, under one id"));
    }
}

//! Descriptions of the problems of incoherent traces.

use raaf_trace_model::span::TreeProblem;

use crate::tree::{Mark, Spans};

/// Largest number of roots named in a message.
const NAMED: usize = 8;

/// A problem of one span, or of the trace.
pub(super) struct Problem {
    pub(super) span: Option<usize>,
    pub(super) mark: Mark,
    pub(super) text: String,
}

/// Returns the problems of the spans, except late ends that are allowed.
pub(super) fn all(spans: &Spans, may_outlive: impl Fn(usize) -> bool) -> Vec<Problem> {
    if spans.is_empty() {
        return vec![Problem {
            span: None,
            mark: Mark::None,
            text: "there are no spans".to_owned(),
        }];
    }
    let mut problems = Vec::new();
    for (span, problem) in spans.tree().coherence_problems() {
        let is_late = matches!(problem, TreeProblem::EndsAfterParent { .. });
        if is_late && span.is_some_and(&may_outlive) {
            continue;
        }
        if let Some((mark, text)) = told(spans, span, &problem) {
            problems.push(Problem { span, mark, text });
        }
    }
    problems
}

/// Returns the mark and the text of a problem; `None` if other problems cover it.
fn told(spans: &Spans, span: Option<usize>, problem: &TreeProblem) -> Option<(Mark, String)> {
    Some(match problem {
        // Reported for each span whose parent is missing.
        TreeProblem::MissingRoot => return None,
        TreeProblem::MissingParent { .. } => (Mark::Misplaced, "its parent is missing".to_owned()),
        TreeProblem::Loop { .. } => (Mark::Misplaced, "it is its own ancestor".to_owned()),
        TreeProblem::ParentInOtherTrace { .. } => {
            (Mark::Different, "its parent is in another trace".to_owned())
        }
        TreeProblem::Duplicate { .. } => (Mark::Duplicated, duplicate(spans, span?)),
        TreeProblem::StartsBeforeParent { by, .. } => {
            (Mark::Different, format!("it starts {by:?} before its parent"))
        }
        TreeProblem::EndsAfterParent { by, .. } => {
            let status = spans.all()[spans.tree().parent_index(span?)?].status();
            (Mark::Different, format!("it ends {by:?} after its parent, which is {status}"))
        }
        TreeProblem::SeveralRoots { roots } => {
            let names = spans.tree().roots().take(NAMED).map(|root| spans.label(root));
            let more = (*roots > NAMED).then(|| "…".to_owned());
            let names: Vec<_> = names.chain(more).collect();
            (Mark::None, format!("{problem}: {}", names.join(", ")))
        }
        other => (Mark::None, other.to_string()),
    })
}

fn duplicate(spans: &Spans, index: usize) -> String {
    let span = &spans.all()[index];
    let first = spans.tree().index_of(span.trace_id(), span.span_id()).unwrap_or(index);
    let (one, other) = (spans.label(first), spans.label(index));
    if one == other {
        "it occurs twice, with the same id".to_owned()
    } else {
        format!("its id is that of {one}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use raaf_trace_model::{
        id::{SpanId, TraceId},
        span::{FinishedSpan, FinishedSpanBuilder},
    };

    use super::*;

    /// A tool's span of trace 1, named by its number.
    fn span(number: u64, parent: u64) -> FinishedSpanBuilder {
        FinishedSpan::builder("tool", number.to_string())
            .trace_id(TraceId::from_u128(1).unwrap())
            .span_id(SpanId::from_u64(number).unwrap())
            .parent_id(SpanId::from_u64(parent))
    }

    #[test]
    fn each_problem_is_named() {
        let before = span(2, 1).build().start_time() - Duration::from_secs(1);
        let earlier = span(2, 1).start(before);
        let later = span(2, 1).lasting(Duration::from_millis(3));
        let elsewhere = span(2, 1).trace_id(TraceId::from_u128(2).unwrap());
        let other = span(2, 1).method("again");
        for (spans, expected) in [
            (vec![], "there are no spans"),
            (vec![span(1, 0), span(2, 0)], "there are 2 roots: tool '1', tool '2'"),
            (vec![span(1, 0), span(2, 9)], "tool '2': its parent is missing"),
            (vec![span(1, 0), span(2, 2)], "tool '2': it is its own ancestor"),
            (
                vec![span(1, 0), span(2, 1), span(2, 1)],
                "tool '2': it occurs twice, with the same id",
            ),
            (vec![span(1, 0), span(2, 1), other], "tool '2'.again: its id is that of tool '2'"),
            (vec![span(1, 0), earlier], "tool '2': it starts 1s before its parent"),
            (vec![span(1, 0), later], "tool '2': it ends 2ms after its parent, which is ok"),
            (
                vec![span(1, 0), elsewhere],
                "there are 2 traces; tool '2': its parent is in another trace",
            ),
        ] {
            let spans = spans.into_iter().map(FinishedSpanBuilder::build).collect();
            let incoherent = Spans::in_order(spans).check_coherent().unwrap_err();
            assert_eq!(incoherent.problems().join("; ").replace('"', "'"), expected);
        }
    }
}

//! Problems of a tree of spans.

use std::time::Duration;

use super::{SpanTree, TreeSpan};
use crate::{
    id::SpanId,
    keys,
    span::{FinishedSpan, Status},
};

/// Problem of a tree of spans.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeProblem {
    /// A span's parent is missing: it was dropped, or it had not ended when the program did. Not
    /// reported for spans whose parent is in another process.
    #[error("the parent of {span}, {parent}, is missing")]
    MissingParent {
        /// The span.
        span: SpanId,
        /// Its parent.
        parent: SpanId,
    },
    /// A span's parent is part of another trace. The span is below that parent.
    #[error("the parent of {span}, {parent}, is in another trace")]
    ParentInOtherTrace {
        /// The span.
        span: SpanId,
        /// Its parent.
        parent: SpanId,
    },
    /// The root is missing, both that of the trace and that of a process's part of it.
    #[error("the root is missing")]
    MissingRoot,
    /// The spans belong to more than one trace.
    #[error("there are {traces} traces")]
    SeveralTraces {
        /// Number of traces.
        traces: usize,
    },
    /// A span ended more than once.
    #[error("{span} ended more than once")]
    Duplicate {
        /// The span.
        span: SpanId,
    },
    /// A span has started and did not end.
    #[error("{span} started and never ended")]
    NeverEnded {
        /// The span.
        span: SpanId,
    },
    /// A span is its own ancestor, through one parent or several. Reported for one span of each
    /// loop, which is at the top.
    #[error("{span} is its own ancestor")]
    Loop {
        /// The span.
        span: SpanId,
    },
    /// There is more than one [root](SpanTree::roots).
    #[error("there are {roots} roots")]
    SeveralRoots {
        /// Number of roots.
        roots: usize,
    },
    /// A span starts before its parent.
    #[error("{span} starts {by:?} before its parent")]
    StartsBeforeParent {
        /// The span.
        span: SpanId,
        /// Time between the two starts.
        by: Duration,
    },
    /// A span ends after its parent, which was neither cancelled nor stale, and has not paused for the
    /// span to go on.
    #[error("{span} ends {by:?} after its parent")]
    EndsAfterParent {
        /// The span.
        span: SpanId,
        /// Time between the two ends.
        by: Duration,
    },
}

impl<S: TreeSpan> SpanTree<S> {
    /// Returns the problems of the spans as one run of one process, each with the index of its
    /// span: all [`problems`](Self::problems), several roots, and spans that exceed the time of
    /// their parents.
    ///
    /// Stricter than [`problems`](Self::problems), because background work may outlive its parent,
    /// and the clocks of two processes differ.
    pub fn coherence_problems(&self) -> Vec<(Option<usize>, TreeProblem)> {
        let known = self.located_problems();
        let mut all: Vec<_> = known.map(|(index, problem)| (index, problem.clone())).collect();
        let roots = self.roots().count();
        if roots > 1 {
            all.push((None, TreeProblem::SeveralRoots { roots }));
        }
        for (index, child) in self.spans().iter().enumerate() {
            let Some(parent) = self.parent_index(index).map(|parent| &self.spans()[parent]) else {
                continue;
            };
            let span = child.head().span_id;
            let by = parent.head().start.since(child.head().start);
            if !by.is_zero() {
                all.push((Some(index), TreeProblem::StartsBeforeParent { span, by }));
            }
            let by = match (parent.ended(), child.ended()) {
                (Some(parent), Some(child))
                    if !is_given_up(parent) && !is_continued(parent, child) =>
                {
                    child.end.since(parent.end)
                }
                _ => Duration::ZERO,
            };
            if !by.is_zero() {
                all.push((Some(index), TreeProblem::EndsAfterParent { span, by }));
            }
        }
        all
    }
}

/// Returns true for a span that goes on with the work of its parent, which has paused.
fn is_continued(parent: &FinishedSpan, child: &FinishedSpan) -> bool {
    let is_set = |span: &FinishedSpan, key| span.attributes().get(key) == Some(true.into());
    is_set(parent, keys::PAUSED) && is_set(child, keys::RESUMED)
}

/// Returns true for spans that may end before their children.
fn is_given_up(span: &FinishedSpan) -> bool {
    matches!(span.status(), Status::Cancelled | Status::Stale)
}

//! Collects finished spans until their root ends.

use std::collections::{HashMap, HashSet};

use raaf_trace_model::{
    id::{SpanId, TraceId},
    span::{FinishedSpan, SpanTree},
};

/// Spans whose trees are not complete.
#[derive(Debug)]
pub(super) struct Assembly {
    /// True if a span below one of another process does not end a tree.
    whole_traces: bool,
    traces: HashMap<TraceId, Open>,
    arrivals: u64,
}

#[derive(Debug)]
struct Open {
    /// Start of the first span.
    since: u64,
    spans: Vec<FinishedSpan>,
}

impl Assembly {
    pub(super) fn new(whole_traces: bool) -> Self {
        Self { whole_traces, traces: HashMap::new(), arrivals: 0 }
    }

    /// Returns whether a span ends a tree.
    pub(super) fn ends_tree(whole_traces: bool, span: &FinishedSpan) -> bool {
        if whole_traces { span.parent_id().is_none() } else { span.is_local_root() }
    }

    /// Adds a span. Returns the spans of its tree if it completes the tree.
    pub(super) fn add(&mut self, span: FinishedSpan) -> Option<Vec<FinishedSpan>> {
        self.arrivals += 1;
        let (trace, id) = (span.trace_id(), span.span_id());
        let ends_tree = Self::ends_tree(self.whole_traces, &span);
        let since = self.arrivals;
        let open = self.traces.entry(trace).or_insert_with(|| Open { since, spans: Vec::new() });
        open.spans.push(span);
        if !ends_tree {
            return None;
        }
        // A process can have several parts of one trace, each with a root of its own.
        let (tree, others) = split(std::mem::take(&mut open.spans), trace, id);
        if others.is_empty() {
            self.traces.remove(&trace);
        } else {
            open.spans = others;
        }
        Some(tree)
    }

    /// Removes the spans of the trace that has waited longest.
    pub(super) fn take_oldest(&mut self) -> Option<Vec<FinishedSpan>> {
        let oldest = *self.traces.iter().min_by_key(|(_, open)| open.since)?.0;
        self.traces.remove(&oldest).map(|open| open.spans)
    }
}

/// Separates `root` and the spans below it from the others, keeping the order of both.
fn split(
    spans: Vec<FinishedSpan>,
    trace: TraceId,
    root: SpanId,
) -> (Vec<FinishedSpan>, Vec<FinishedSpan>) {
    let tree = SpanTree::new(&spans);
    let root = tree.index_of(trace, root);
    let below = tree.walk_from(root.as_slice());
    let below: HashSet<_> = below.map(|(_, index)| tree.spans()[index].span_id()).collect();
    spans.into_iter().partition(|span| below.contains(&span.span_id()))
}

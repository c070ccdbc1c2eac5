//! Draws a trace as a tree.

use std::collections::BTreeSet;

use raaf_trace_model::{
    attributes::ValueRef,
    id::SpanId,
    keys,
    prices::Cost,
    span::{FinishedSpan, SpanError, SpanTree, TreeSpan},
};
use serde_json::Value as Json;

use super::{
    describe::{Describe, Margin, Summary, causes_of},
    paint::{DIM, push},
};

/// Depth beyond which lines are not indented further and state their depth instead: the drawing of
/// a long chain would otherwise grow with the square of its length.
pub(super) const DEEPEST: usize = 40;

/// Spans of one trace, and the usage of each.
pub(super) struct Tree<'a> {
    spans: SpanTree<&'a FinishedSpan>,
    usage: Vec<Usage>,
}

/// Numbers of tokens in and out and the cost of model calls, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) input: Option<i64>,
    pub(super) output: Option<i64>,
    pub(super) cost: Cost,
}

impl Usage {
    /// Returns the usage that the span itself reports.
    pub(super) fn of(span: &FinishedSpan) -> Self {
        let count = |key| span.attributes().get(key).and_then(ValueRef::as_i64);
        let input = count(keys::GEN_AI_USAGE_INPUT_TOKENS);
        Self { input, output: count(keys::GEN_AI_USAGE_OUTPUT_TOKENS), cost: span.cost() }
    }

    fn and(self, other: Self) -> Self {
        let sum = |one: Option<i64>, other: Option<i64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        Self {
            input: sum(self.input, other.input),
            output: sum(self.output, other.output),
            cost: self.cost + other.cost,
        }
    }

    /// Returns this usage, with that of the children where it is not known.
    fn or(self, children: Self) -> Self {
        let has_tokens = self.input.is_some() || self.output.is_some();
        let Self { input, output, .. } = if has_tokens { self } else { children };
        Self { input, output, cost: if self.cost.is_none() { children.cost } else { self.cost } }
    }
}

impl<'a> Tree<'a> {
    /// Arranges the spans of one trace, and adds up the usage of each: that which it reports
    /// itself, otherwise the sum of that of its children.
    pub(super) fn new(spans: &'a [FinishedSpan]) -> Self {
        let spans = SpanTree::new(spans);
        let mut usage = vec![Usage::default(); spans.spans().len()];
        let order: Vec<_> = spans.walk_from(spans.top_indices()).collect();
        for &(_, index) in order.iter().rev() {
            let children = spans.child_indices(index).iter().map(|&child| usage[child]);
            let children = children.fold(Usage::default(), Usage::and);
            usage[index] = Usage::of(spans.spans()[index]).or(children);
        }
        Self { spans, usage }
    }

    /// Returns whether a child failed with the same message.
    fn error_is_told(&self, index: usize) -> bool {
        let message = |index: usize| self.spans.spans()[index].error().and_then(SpanError::message);
        let own = message(index);
        own.is_some() && self.spans.child_indices(index).iter().any(|child| message(*child) == own)
    }

    /// Returns the sources of the span's error, except those that a child reports: an error that
    /// propagates would otherwise repeat them at every level.
    fn untold_causes(&self, index: usize) -> &'a [Json] {
        let causes = causes_of(self.spans.spans()[index]);
        let children = self.spans.child_indices(index).iter();
        let told = children.map(|&child| told_by(self.spans.spans()[child], causes));
        &causes[..causes.len() - told.max().unwrap_or(0)]
    }

    /// Appends the drawing to `out`. A tree without its root has a line in its place that marks it
    /// as partial, with the spans below. The spans that are `open` have not ended.
    pub(super) fn draw(&self, describe: Describe, open: &BTreeSet<SpanId>, out: &mut String) {
        let Some(&root) = self.spans.top_indices().first() else { return };
        let top = self.spans.spans()[root];
        let whole = self.spans.top_indices().len() == 1 && top.is_local_root();
        let begin = top.start_time();
        if !whole {
            describe.partial(out, top);
        }
        walk(&self.spans, usize::from(!whole), |index, levels| {
            let span = self.spans.spans()[index];
            let has_children = !self.spans.child_indices(index).is_empty();
            let is_open = open.contains(&span.span_id());
            let since_root = span.start_time().duration_since(begin).unwrap_or_default();
            let summary = Summary {
                usage: self.usage[index],
                offset: (!whole || index != root).then_some(since_root),
                own: self.spans.self_time(index).filter(|_| has_children && !is_open),
                told: self.error_is_told(index),
                is_open,
            };
            describe.paint.styled(out, DIM, |out| push_branch(out, levels, DEEPEST));
            let margin = Margin { levels, has_children };
            describe.span(out, span, summary, self.untold_causes(index), margin);
            if describe.detailed {
                describe.details(out, span, margin);
            }
        });
    }
}

/// Counts how many of these errors, from the end, the span reports: as its own error or among its
/// sources.
fn told_by(span: &FinishedSpan, causes: &[Json]) -> usize {
    let sources = causes_of(span);
    if sources.ends_with(causes) {
        return causes.len();
    }
    let message = span.error().and_then(SpanError::message);
    let story = causes.len().checked_sub(sources.len() + 1).map(|start| &causes[start..]);
    match story {
        Some([first, rest @ ..]) if first.as_str() == message && rest == sources => rest.len() + 1,
        _ => 0,
    }
}

/// Calls `see` with the index of each span, parents before children. The slice is true for each
/// level above the span at which a sibling follows; its length is the span's depth, which is
/// `first` at the top.
pub(super) fn walk<S: TreeSpan>(
    tree: &SpanTree<S>,
    first: usize,
    mut see: impl FnMut(usize, &[bool]),
) {
    let mut levels = Vec::new();
    for (depth, index) in tree.walk_from(tree.top_indices()) {
        if let Some(above) = (depth + first).checked_sub(1) {
            let parent = tree.parent_index(index);
            let siblings = parent.map_or(tree.top_indices(), |parent| tree.child_indices(parent));
            levels.truncate(above);
            levels.push(siblings.last() != Some(&index));
        }
        see(index, &levels);
    }
}

/// Appends the branch lines before a span, indented no further than `deepest` levels.
pub(super) fn push_branch(out: &mut String, levels: &[bool], deepest: usize) {
    let Some((&continues, above)) = levels[..levels.len().min(deepest)].split_last() else {
        return;
    };
    push_margin(out, above);
    out.push_str(if continues { "├── " } else { "└── " });
    if levels.len() > deepest {
        push(out, format_args!("(depth {}) ", levels.len()));
    }
}

/// Appends the branch lines of the levels above.
pub(super) fn push_margin(out: &mut String, levels: &[bool]) {
    for &continues in &levels[..levels.len().min(DEEPEST)] {
        out.push_str(if continues { "│   " } else { "    " });
    }
}

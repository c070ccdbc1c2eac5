//! Draws a trace as a tree.

use std::collections::HashMap;

use raaf_trace_core::{FinishedSpan, SpanError, SpanId, ValueRef, keys};
use serde_json::Value as Json;

use super::{
    describe::{Describe, Margin, causes_of},
    paint::{DIM, push},
};

/// Beyond this depth lines are not indented further, and say how deep they are: the drawing of a
/// long chain would otherwise grow with its square.
const DEEPEST: usize = 40;

/// Spans of one trace, in the order in which they are drawn.
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    /// Spans whose parent is not here, first started first.
    tops: Vec<usize>,
}

struct Node<'a> {
    span: &'a FinishedSpan,
    /// In order of their starts.
    children: Vec<usize>,
    tokens: Tokens,
}

/// Tokens in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: i64,
    pub(super) output: i64,
}

impl Tokens {
    /// Returns the token usage that the span itself reports.
    pub(super) fn of(span: &FinishedSpan) -> Option<Self> {
        let count = |key| span.attributes().get(key).and_then(ValueRef::as_i64);
        let (input, output) =
            (count(keys::GEN_AI_USAGE_INPUT_TOKENS), count(keys::GEN_AI_USAGE_OUTPUT_TOKENS));
        (input.is_some() || output.is_some())
            .then(|| Self { input: input.unwrap_or(0), output: output.unwrap_or(0) })
    }

    fn add(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
    }

    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl<'a> Tree<'a> {
    /// Puts spans of one trace in their places.
    pub(super) fn new(spans: &'a [FinishedSpan]) -> Self {
        let mut by_start: Vec<&FinishedSpan> = spans.iter().collect();
        // Stable, so that of two that started together the one that ended first stays first.
        by_start.sort_by_cached_key(|span| span.start_time());
        let places: HashMap<SpanId, usize> =
            by_start.iter().enumerate().map(|(place, span)| (span.span_id(), place)).collect();
        let mut nodes: Vec<_> = by_start
            .iter()
            .map(|&span| Node { span, children: Vec::new(), tokens: Tokens::default() })
            .collect();
        let mut tops = Vec::new();
        for (place, span) in by_start.iter().enumerate() {
            let parent = span.parent_id().and_then(|id| places.get(&id).copied());
            match parent {
                Some(parent) if parent != place => nodes[parent].children.push(place),
                _ => tops.push(place),
            }
        }
        let mut tree = Self { nodes, tops };
        tree.sum_tokens();
        tree
    }

    /// Each span's tokens: those it names itself, else those of its children together.
    fn sum_tokens(&mut self) {
        let mut order = Vec::with_capacity(self.nodes.len());
        self.visit(true, |place, _| order.push(place));
        for &place in order.iter().rev() {
            let node = &self.nodes[place];
            let tokens = Tokens::of(node.span).unwrap_or_else(|| {
                let mut sum = Tokens::default();
                node.children.iter().for_each(|&child| sum.add(self.nodes[child].tokens));
                sum
            });
            self.nodes[place].tokens = tokens;
        }
    }

    fn visit(&self, whole: bool, see: impl FnMut(usize, &[bool])) {
        walk(&self.tops, usize::from(!whole), |place| &self.nodes[place].children, see);
    }

    /// The errors that the span's error came from, but for those that a child of it tells of: an
    /// error on its way up would tell its story at every level.
    fn untold_causes(&self, node: &Node<'a>) -> &'a [Json] {
        let causes = causes_of(node.span);
        let told = node.children.iter().map(|&child| told_by(self.nodes[child].span, causes));
        &causes[..causes.len() - told.max().unwrap_or(0)]
    }

    /// Adds the drawing to `out`. A tree without its root begins with a line that says so, and
    /// hangs what there is under that.
    pub(super) fn draw(&self, describe: Describe, out: &mut String) {
        let Some(&top) = self.tops.first() else { return };
        let top = self.nodes[top].span;
        let whole = self.tops.len() == 1 && top.is_local_root();
        if !whole {
            describe.partial(out, top);
        }
        self.visit(whole, |place, levels| {
            let node = &self.nodes[place];
            describe.paint.styled(out, DIM, |out| push_branch(out, levels, DEEPEST));
            describe.span(out, node.span, node.tokens);
            let margin = Margin { levels, has_children: !node.children.is_empty() };
            describe.causes(out, node.span, self.untold_causes(node), margin);
            if describe.detailed {
                describe.details(out, node.span, margin);
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

/// Calls `see` with each place of a tree, parents before children. For each level above the place,
/// the slice says whether a sibling comes after it there; so its length is the place's depth,
/// which is `first` for `tops`.
pub(super) fn walk<'a>(
    tops: &[usize],
    first: usize,
    children: impl Fn(usize) -> &'a [usize],
    mut see: impl FnMut(usize, &[bool]),
) {
    let mut levels = Vec::new();
    let mut waiting: Vec<(usize, usize, bool)> = Vec::new();
    let push = |waiting: &mut Vec<_>, places: &[usize], depth| {
        let each = places.iter().rev().enumerate();
        waiting.extend(each.map(|(after, &place)| (place, depth, after > 0)));
    };
    push(&mut waiting, tops, first);
    while let Some((place, depth, continues)) = waiting.pop() {
        if depth > 0 {
            levels.truncate(depth - 1);
            levels.push(continues);
        }
        see(place, &levels);
        push(&mut waiting, children(place), depth + 1);
    }
}

/// Adds the lines that lead to a span, indented no further than `deepest` levels.
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

/// Adds the lines that pass by.
pub(super) fn push_margin(out: &mut String, levels: &[bool]) {
    for &continues in &levels[..levels.len().min(DEEPEST)] {
        out.push_str(if continues { "│   " } else { "    " });
    }
}

//! Tree of the spans of a trace.

mod node;
mod problem;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    time::Duration,
};

use super::{FinishedSpan, Record, StartedSpan};
use crate::id::{SpanId, TraceId};

pub use node::TreeSpan;
pub use problem::TreeProblem;

/// Spans of a trace as a tree, with its problems.
///
/// The tree contains every span. Spans whose parents are missing are at the top, beside the root,
/// and so is one span of each loop of parents.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::span::{FinishedSpan, SpanTree};
///
/// let pipeline = FinishedSpan::builder("pipeline", "Report").build();
/// let agent = FinishedSpan::builder("agent", "Planner").child_of(&pipeline).build();
///
/// let tree = SpanTree::new([&agent, &pipeline]);
/// let names: Vec<_> = tree.walk().map(|(depth, span)| (depth, span.component_name())).collect();
/// assert_eq!(names, [(0, "Report"), (1, "Planner")]);
/// assert!(tree.problems().is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct SpanTree<S> {
    spans: Vec<S>,
    /// Index of each span; of spans with the same ids, the first.
    indices: HashMap<(TraceId, SpanId), usize>,
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    top: Vec<usize>,
    problems: Vec<TreeProblem>,
    /// Index of the span that has each problem.
    locations: Vec<Option<usize>>,
}

impl<S: TreeSpan> SpanTree<S> {
    /// Assembles spans into a tree, with siblings in the order in which they started. Of records of
    /// the same span, one is used: the first end, otherwise the last start.
    pub fn new(spans: impl IntoIterator<Item = S>) -> Self {
        let (mut spans, duplicates) = unique(spans);
        // Stable: spans with the same start keep their order.
        spans.sort_by_key(|span| span.head().start);
        let mut tree = Self::in_order(spans);
        for span in duplicates {
            tree.report(None, TreeProblem::Duplicate { span });
        }
        tree
    }

    /// Assembles spans into a tree, with siblings in the order of the list. Keeps duplicate spans.
    pub fn in_order(spans: Vec<S>) -> Self {
        let mut tree = Self {
            indices: HashMap::with_capacity(spans.len()),
            parents: vec![None; spans.len()],
            children: vec![Vec::new(); spans.len()],
            top: Vec::new(),
            problems: Vec::new(),
            locations: Vec::new(),
            spans,
        };
        let elsewhere = tree.index();
        for index in 0..tree.spans.len() {
            tree.put(index, &elsewhere);
        }
        let is_root = |index: &usize| tree.spans[*index].head().local_root;
        if !tree.spans.is_empty() && !tree.top.iter().any(is_root) {
            tree.report(None, TreeProblem::MissingRoot);
        }
        tree.cut_loops();
        tree
    }

    /// Fills `indices`. Returns the index of each id over all traces, if there are several.
    fn index(&mut self) -> HashMap<SpanId, usize> {
        let ids = self.spans.iter().map(|span| (span.head().trace.id, span.head().span_id));
        for (index, ids) in ids.clone().enumerate() {
            self.indices.entry(ids).or_insert(index);
        }
        let traces = ids.clone().map(|(trace, _)| trace).collect::<HashSet<_>>().len();
        let mut elsewhere = HashMap::new();
        if traces > 1 {
            for (index, (_, span)) in ids.enumerate() {
                elsewhere.entry(span).or_insert(index);
            }
            self.report(None, TreeProblem::SeveralTraces { traces });
        }
        elsewhere
    }

    /// Puts a span under its parent, or at the top.
    fn put(&mut self, index: usize, elsewhere: &HashMap<SpanId, usize>) {
        let head = self.spans[index].head();
        let (trace, span, local_root) = (head.trace.id, head.span_id, head.local_root);
        let id = head.parent_id;
        // A parent in another trace is a problem, but the span is still shown below it.
        let parent = id.and_then(|parent| {
            self.index_of(trace, parent).or_else(|| elsewhere.get(&parent).copied())
        });
        self.parents[index] = parent;
        match parent {
            Some(parent) => self.children[parent].push(index),
            None => self.top.push(index),
        }
        match (id, parent) {
            (Some(id), Some(parent)) if self.spans[parent].head().trace.id != trace => {
                self.report(Some(index), TreeProblem::ParentInOtherTrace { span, parent: id });
            }
            (Some(id), None) if !local_root => {
                self.report(Some(index), TreeProblem::MissingParent { span, parent: id });
            }
            _ => {}
        }
        if self.index_of(trace, span) != Some(index) {
            self.report(Some(index), TreeProblem::Duplicate { span });
        }
        if self.spans[index].ended().is_none() {
            self.report(Some(index), TreeProblem::NeverEnded { span });
        }
    }

    /// Moves one span of each loop to the top, because no walk from the top would reach the loop.
    fn cut_loops(&mut self) {
        let mut reached = vec![false; self.spans.len()];
        let mark = |tree: &Self, from: &[usize], reached: &mut Vec<bool>| {
            tree.walk_from(from).for_each(|(_, index)| reached[index] = true);
        };
        mark(self, &self.top, &mut reached);
        let mut seen = vec![None; self.spans.len()];
        for start in 0..self.spans.len() {
            if reached[start] {
                continue;
            }
            let cut = self.in_loop_above(start, &mut seen);
            if let Some(parent) = self.parents[cut].take() {
                self.children[parent].retain(|child| *child != cut);
            }
            self.top.push(cut);
            self.report(Some(cut), TreeProblem::Loop { span: self.spans[cut].head().span_id });
            mark(self, &[cut], &mut reached);
        }
        self.top.sort_unstable();
    }

    /// Returns the first span, going up from `start`, that is its own ancestor.
    fn in_loop_above(&self, start: usize, seen: &mut [Option<usize>]) -> usize {
        let mut index = start;
        while seen[index].replace(start) != Some(start) {
            index = self.parents[index].unwrap_or(index);
        }
        index
    }

    fn report(&mut self, index: Option<usize>, problem: TreeProblem) {
        self.problems.push(problem);
        self.locations.push(index);
    }

    /// Returns the trace's id, taken from the first span; `None` without spans.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.spans.first().map(|span| span.head().trace.id)
    }

    /// Returns all spans, earliest start first unless the tree was made
    /// [`in_order`](Self::in_order).
    pub fn spans(&self) -> &[S] {
        &self.spans
    }

    /// Returns the index of a span among [`spans`](Self::spans); that of the first of duplicates.
    pub fn index_of(&self, trace: TraceId, span: SpanId) -> Option<usize> {
        self.indices.get(&(trace, span)).copied()
    }

    /// Returns the spans at the top: roots, spans whose parents are missing, and one of each loop.
    pub fn top(&self) -> impl Iterator<Item = &S> {
        self.top.iter().map(|index| &self.spans[*index])
    }

    /// Returns the index of each span at the top, among [`spans`](Self::spans).
    pub fn top_indices(&self) -> &[usize] {
        &self.top
    }

    /// Returns the index of each root, that is, each span at the top without a parent in this
    /// process.
    pub fn roots(&self) -> impl Iterator<Item = usize> {
        self.top.iter().copied().filter(|index| {
            let head = self.spans[*index].head();
            head.parent_id.is_none_or(|parent| {
                head.local_root && self.index_of(head.trace.id, parent).is_none()
            })
        })
    }

    /// Returns the index of the parent of the span at `index`; `None` at the top.
    ///
    /// # Panics
    ///
    /// If there is no such span.
    pub fn parent_index(&self, index: usize) -> Option<usize> {
        self.parents[index]
    }

    /// Returns the index of each child of the span at `index`, among [`spans`](Self::spans).
    ///
    /// # Panics
    ///
    /// If there is no such span.
    pub fn child_indices(&self, index: usize) -> &[usize] {
        &self.children[index]
    }

    /// Returns the time in which the span at `index` ran and none of its children did; `None` if it
    /// has not ended. Children that have not ended count for nothing.
    ///
    /// # Panics
    ///
    /// If there is no such span.
    pub fn self_time(&self, index: usize) -> Option<Duration> {
        let span = self.spans[index].ended()?;
        let ended = |child: &usize| self.spans[*child].ended();
        let mut children: Vec<_> = self.children[index].iter().filter_map(ended).collect();
        children.sort_by_key(|child| child.head.start);
        let (mut own, mut until) = (Duration::ZERO, span.head.start);
        for child in children {
            own += child.head.start.min(span.end).since(until);
            until = until.max(child.end);
        }
        Some(own + span.end.since(until))
    }

    /// Returns the children of this span; empty if there is no such span.
    pub fn children_of(&self, span: SpanId) -> impl Iterator<Item = &S> {
        let index = self.spans.iter().position(|other| other.head().span_id == span);
        index.into_iter().flat_map(|index| &self.children[index]).map(|index| &self.spans[*index])
    }

    /// Walks the tree from the top: each span precedes those below it, with its depth, 0 at the
    /// top.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &S)> {
        self.walk_from(&self.top).map(|(depth, index)| (depth, &self.spans[index]))
    }

    /// Walks these spans and all below them: each index precedes those below it, with its depth, 0
    /// for the given ones.
    ///
    /// # Panics
    ///
    /// If there is no such span.
    pub fn walk_from(&self, indices: &[usize]) -> impl Iterator<Item = (usize, usize)> {
        let mut open: Vec<_> = indices.iter().rev().map(|index| (0, *index)).collect();
        std::iter::from_fn(move || {
            let (depth, index) = open.pop()?;
            open.extend(self.children[index].iter().rev().map(|child| (depth + 1, *child)));
            Some((depth, index))
        })
    }

    /// Returns the problems of the tree; empty for a complete trace.
    pub fn problems(&self) -> &[TreeProblem] {
        &self.problems
    }

    /// Returns each of the [`problems`](Self::problems) with the index of the span that has it.
    /// `None` for problems of the whole tree, and of spans that are not in the tree.
    pub fn located_problems(&self) -> impl Iterator<Item = (Option<usize>, &TreeProblem)> {
        self.locations.iter().copied().zip(&self.problems)
    }
}

impl SpanTree<Record> {
    /// Returns the spans that have ended, earliest start first.
    pub fn ended(&self) -> impl Iterator<Item = &FinishedSpan> {
        self.spans.iter().filter_map(Record::ended)
    }

    /// Returns the spans that have not ended, earliest start first.
    pub fn running(&self) -> impl Iterator<Item = &StartedSpan> {
        self.spans.iter().filter_map(Record::running)
    }
}

/// Returns one record of each span, its first end, otherwise its last start, and the spans that
/// ended more than once.
fn unique<S: TreeSpan>(spans: impl IntoIterator<Item = S>) -> (Vec<S>, Vec<SpanId>) {
    let (mut kept, mut duplicates) = (Vec::<S>::new(), Vec::new());
    let mut indices = HashMap::new();
    for span in spans {
        let id = span.head().span_id;
        match indices.entry((span.head().trace.id, id)) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(span);
            }
            Entry::Occupied(place) if kept[*place.get()].ended().is_none() => {
                kept[*place.get()] = span;
            }
            Entry::Occupied(_) => duplicates.extend(span.ended().map(FinishedSpan::span_id)),
        }
    }
    (kept, duplicates)
}

/// Groups records by trace, in the order of each trace's first record, and makes a tree of
/// each group.
pub fn traces(records: impl IntoIterator<Item = Record>) -> Vec<SpanTree<Record>> {
    let mut groups: Vec<Vec<Record>> = Vec::new();
    let mut indices = HashMap::new();
    for record in records {
        let index = *indices.entry(record.trace_id()).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[index].push(record);
    }
    groups.into_iter().map(SpanTree::new).collect()
}

//! Span trees.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use super::{FinishedSpan, Record, StartedSpan, Status};
use crate::{
    id::{SpanId, TraceId},
    kind::Kind,
};

/// Span data needed to build a tree.
pub trait TreeSpan {
    /// Returns the trace's id.
    fn trace_id(&self) -> TraceId;

    /// Returns the span's id.
    fn span_id(&self) -> SpanId;

    /// Returns the parent's id; `None` for a root.
    fn parent_id(&self) -> Option<SpanId>;

    /// Returns the start time.
    fn start_time(&self) -> SystemTime;

    /// Returns whether the span has no parent in its process.
    fn is_local_root(&self) -> bool;

    /// Returns whether the span has ended.
    fn has_ended(&self) -> bool;
}

macro_rules! tree_span {
    ($($span:ty => $has_ended:literal)*) => { $(
        impl TreeSpan for $span {
            fn trace_id(&self) -> TraceId {
                Self::trace_id(self)
            }
            fn span_id(&self) -> SpanId {
                Self::span_id(self)
            }
            fn parent_id(&self) -> Option<SpanId> {
                Self::parent_id(self)
            }
            fn start_time(&self) -> SystemTime {
                Self::start_time(self)
            }
            fn is_local_root(&self) -> bool {
                Self::is_local_root(self)
            }
            fn has_ended(&self) -> bool {
                $has_ended
            }
        }
    )* };
}

tree_span! {
    FinishedSpan => true
    StartedSpan => false
}

impl<S: TreeSpan + ?Sized> TreeSpan for &S {
    fn trace_id(&self) -> TraceId {
        (**self).trace_id()
    }
    fn span_id(&self) -> SpanId {
        (**self).span_id()
    }
    fn parent_id(&self) -> Option<SpanId> {
        (**self).parent_id()
    }
    fn start_time(&self) -> SystemTime {
        (**self).start_time()
    }
    fn is_local_root(&self) -> bool {
        (**self).is_local_root()
    }
    fn has_ended(&self) -> bool {
        (**self).has_ended()
    }
}

/// A span of a trace that may still be running.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SpanNode {
    /// A finished span.
    Ended(Box<FinishedSpan>),
    /// A started span without a known end: it is still running, or was when the program was killed,
    /// or its end was lost.
    Running(Box<StartedSpan>),
}

macro_rules! of_node {
    ($($(#[$doc:meta])* $name:ident -> $type:ty;)*) => { $(
        $(#[$doc])*
        pub fn $name(&self) -> $type {
            match self {
                Self::Ended(span) => span.$name(),
                Self::Running(span) => span.$name(),
            }
        }
    )* };
}

impl SpanNode {
    of_node! {
        /// Returns the trace's id.
        trace_id -> TraceId;
        /// Returns the span's id.
        span_id -> SpanId;
        /// Returns the parent's id; `None` for a root.
        parent_id -> Option<SpanId>;
        /// Returns whether the span has no parent in its process.
        is_local_root -> bool;
        /// Returns the component's kind.
        kind -> &Kind;
        /// Returns the component's name.
        component_name -> &str;
        /// Returns the method.
        method -> &str;
        /// Returns the start time.
        start_time -> SystemTime;
    }

    /// Returns the status; `None` if the span has not ended.
    pub fn status(&self) -> Option<Status> {
        self.ended().map(FinishedSpan::status)
    }

    /// Returns the duration; `None` if the span has not ended.
    pub fn duration(&self) -> Option<Duration> {
        self.ended().map(FinishedSpan::duration)
    }

    /// Returns the finished span, if it has ended.
    pub fn ended(&self) -> Option<&FinishedSpan> {
        match self {
            Self::Ended(span) => Some(span),
            Self::Running(_) => None,
        }
    }

    /// Returns the started span, if it has not ended.
    pub fn running(&self) -> Option<&StartedSpan> {
        match self {
            Self::Running(span) => Some(span),
            Self::Ended(_) => None,
        }
    }
}

impl TreeSpan for SpanNode {
    fn trace_id(&self) -> TraceId {
        self.trace_id()
    }
    fn span_id(&self) -> SpanId {
        self.span_id()
    }
    fn parent_id(&self) -> Option<SpanId> {
        self.parent_id()
    }
    fn start_time(&self) -> SystemTime {
        self.start_time()
    }
    fn is_local_root(&self) -> bool {
        self.is_local_root()
    }
    fn has_ended(&self) -> bool {
        self.ended().is_some()
    }
}

impl From<Record> for SpanNode {
    fn from(record: Record) -> Self {
        match record {
            Record::Span(span) => Self::Ended(Box::new(span)),
            Record::Start(span) => Self::Running(Box::new(span)),
        }
    }
}

/// A defect of a span tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeProblem {
    /// The parent of a span is missing: it was dropped, or had not ended when the program did. Not
    /// reported for spans whose parent is in another process.
    #[error("the parent of {span}, {parent}, is missing")]
    MissingParent {
        /// Id of the span.
        span: SpanId,
        /// Id of its parent.
        parent: SpanId,
    },
    /// No span is a root, neither of the trace nor of a process's part of it.
    #[error("the root is missing")]
    MissingRoot,
    /// A span ended more than once. The first end is used.
    #[error("{span} ended more than once")]
    Duplicate {
        /// Id of the span.
        span: SpanId,
    },
    /// A span has started but not ended.
    #[error("{span} started and never ended")]
    NeverEnded {
        /// Id of the span.
        span: SpanId,
    },
    /// A span is its own ancestor, directly or through others. It is not part of the tree.
    #[error("{span} is its own ancestor")]
    Loop {
        /// Id of the span.
        span: SpanId,
    },
}

/// The spans of one trace as a tree, and the defects of the tree.
///
/// Siblings are in the order they started. Spans whose parent is missing are at the top, beside the
/// root.
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
    /// Indices of each span's children.
    children: Vec<Vec<usize>>,
    /// Indices of the spans at the top.
    top: Vec<usize>,
    problems: Vec<TreeProblem>,
}

impl<S: TreeSpan> SpanTree<S> {
    /// Builds a tree from spans. Drops a start whose end is present.
    pub fn new(spans: impl IntoIterator<Item = S>) -> Self {
        let (spans, mut problems) = unique(spans);
        let indices: HashMap<SpanId, usize> =
            spans.iter().enumerate().map(|(index, span)| (span.span_id(), index)).collect();
        let (mut children, mut top) = (vec![Vec::new(); spans.len()], Vec::new());
        for (index, span) in spans.iter().enumerate() {
            match span.parent_id().and_then(|parent| indices.get(&parent)) {
                Some(parent) => children[*parent].push(index),
                None => top.push(index),
            }
            if let Some(parent) = span.parent_id()
                && !indices.contains_key(&parent)
                && !span.is_local_root()
            {
                problems.push(TreeProblem::MissingParent { span: span.span_id(), parent });
            }
            if !span.has_ended() {
                problems.push(TreeProblem::NeverEnded { span: span.span_id() });
            }
        }
        if !spans.is_empty() && !top.iter().any(|index| spans[*index].is_local_root()) {
            problems.push(TreeProblem::MissingRoot);
        }
        let mut tree = Self { spans, children, top, problems };
        tree.find_loops();
        tree
    }

    fn find_loops(&mut self) {
        let mut reached = vec![false; self.spans.len()];
        let mut open = self.top.clone();
        while let Some(index) = open.pop() {
            reached[index] = true;
            open.extend(&self.children[index]);
        }
        let unreached = self.spans.iter().zip(reached).filter(|(_, reached)| !reached);
        let loops = unreached.map(|(span, _)| TreeProblem::Loop { span: span.span_id() });
        self.problems.extend(loops);
    }

    /// Returns the trace's id, which is that of the first span; `None` for an empty tree.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.spans.first().map(TreeSpan::trace_id)
    }

    /// Returns all spans, ordered by start time.
    pub fn spans(&self) -> &[S] {
        &self.spans
    }

    /// Returns the spans at the top: the root, and those whose parents are missing.
    pub fn top(&self) -> impl Iterator<Item = &S> {
        self.top.iter().map(|index| &self.spans[*index])
    }

    /// Returns the index in [`spans`](Self::spans) of each span at the top.
    pub fn top_indices(&self) -> &[usize] {
        &self.top
    }

    /// Returns the index in [`spans`](Self::spans) of each child of the span at `index`.
    ///
    /// # Panics
    ///
    /// When `index` is out of bounds.
    pub fn child_indices(&self, index: usize) -> &[usize] {
        &self.children[index]
    }

    /// Returns the children of this span; none if it is not part of the tree.
    pub fn children_of(&self, span: SpanId) -> impl Iterator<Item = &S> {
        let index = self.spans.iter().position(|other| other.span_id() == span);
        index.into_iter().flat_map(|index| &self.children[index]).map(|index| &self.spans[*index])
    }

    /// Returns the tree in depth-first order: each span before its descendants, with its depth, 0
    /// at the top.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &S)> {
        let mut open: Vec<(usize, usize)> =
            self.top.iter().rev().map(|index| (0, *index)).collect();
        std::iter::from_fn(move || {
            let (depth, index) = open.pop()?;
            open.extend(self.children[index].iter().rev().map(|child| (depth + 1, *child)));
            Some((depth, &self.spans[index]))
        })
    }

    /// Returns the defects of the tree; none for a complete trace.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::span::{FinishedSpan, SpanTree, TreeProblem};
    ///
    /// let pipeline = FinishedSpan::builder("pipeline", "Report").build();
    /// let agent = FinishedSpan::builder("agent", "Planner").child_of(&pipeline).build();
    /// let tree = SpanTree::new([&agent]); // its parent is missing
    /// assert_eq!(tree.top().count(), 1);
    /// assert!(matches!(tree.problems()[0], TreeProblem::MissingParent { .. }));
    /// ```
    pub fn problems(&self) -> &[TreeProblem] {
        &self.problems
    }
}

impl SpanTree<SpanNode> {
    /// Returns the finished spans, ordered by start time.
    pub fn ended(&self) -> impl Iterator<Item = &FinishedSpan> {
        self.spans.iter().filter_map(SpanNode::ended)
    }

    /// Returns the spans that have not ended, ordered by start time.
    pub fn running(&self) -> impl Iterator<Item = &StartedSpan> {
        self.spans.iter().filter_map(SpanNode::running)
    }
}

/// Returns each span once, ordered by start time: its first end, or its last start if it has not
/// ended.
fn unique<S: TreeSpan>(spans: impl IntoIterator<Item = S>) -> (Vec<S>, Vec<TreeProblem>) {
    let (mut kept, mut problems) = (Vec::<S>::new(), Vec::new());
    let mut indices = HashMap::new();
    for span in spans {
        let id = span.span_id();
        let Some(index) = indices.get(&id).copied() else {
            indices.insert(id, kept.len());
            kept.push(span);
            continue;
        };
        let before: &mut S = &mut kept[index];
        match (before.has_ended(), span.has_ended()) {
            (true, true) => problems.push(TreeProblem::Duplicate { span: id }),
            (true, false) => {}
            (false, _) => *before = span,
        }
    }
    // Stable: spans with the same start time keep their order.
    kept.sort_by_key(TreeSpan::start_time);
    (kept, problems)
}

/// Groups records by trace, in the order of first appearance, and builds a tree of each group.
pub fn traces(records: impl IntoIterator<Item = Record>) -> Vec<SpanTree<SpanNode>> {
    let mut groups: Vec<Vec<SpanNode>> = Vec::new();
    let mut indices = HashMap::new();
    for node in records.into_iter().map(SpanNode::from) {
        let index = *indices.entry(node.trace_id()).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[index].push(node);
    }
    groups.into_iter().map(SpanTree::new).collect()
}

//! Records put together: the spans of a trace, as the tree that they are.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use raaf_trace_core::{FinishedSpan, Kind, SpanId, Status, TraceId};

use super::{ReadError, Record, StartedSpan};

/// All that files say of one trace.
///
/// Siblings are in the order in which they started. Spans whose parent is not there are at the top,
/// beside the root.
#[derive(Clone, Debug)]
pub struct Trace {
    id: TraceId,
    nodes: Vec<Node>,
    /// The places of each node's children.
    children: Vec<Vec<usize>>,
    /// The places of the nodes at the top.
    top: Vec<usize>,
    problems: Vec<Problem>,
}

/// A span in a [`Trace`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Node {
    /// It has ended.
    Ended(Box<FinishedSpan>),
    /// It has started, and no end of it was written: it still runs, or did when the program was
    /// killed, or its end was lost.
    Running(Box<StartedSpan>),
}

impl Node {
    /// The span's id.
    pub fn span_id(&self) -> SpanId {
        match self {
            Self::Ended(span) => span.span_id(),
            Self::Running(span) => span.span_id(),
        }
    }

    /// The parent's id; `None` for a root.
    pub fn parent_id(&self) -> Option<SpanId> {
        match self {
            Self::Ended(span) => span.parent_id(),
            Self::Running(span) => span.parent_id(),
        }
    }

    /// What kind of component runs or ran.
    pub fn kind(&self) -> &Kind {
        match self {
            Self::Ended(span) => span.kind(),
            Self::Running(span) => span.kind(),
        }
    }

    /// The component's name.
    pub fn component(&self) -> &str {
        match self {
            Self::Ended(span) => span.component().name(),
            Self::Running(span) => span.component(),
        }
    }

    /// The operation.
    pub fn method(&self) -> &str {
        match self {
            Self::Ended(span) => span.method(),
            Self::Running(span) => span.method(),
        }
    }

    /// When it started.
    pub fn start_time(&self) -> SystemTime {
        match self {
            Self::Ended(span) => span.start_time(),
            Self::Running(span) => span.start_time(),
        }
    }

    /// How it ended; `None` if it did not.
    pub fn status(&self) -> Option<Status> {
        self.ended().map(FinishedSpan::status)
    }

    /// How long it took; `None` if it did not end.
    pub fn duration(&self) -> Option<Duration> {
        self.ended().map(FinishedSpan::duration)
    }

    /// The finished span, if it has ended.
    pub fn ended(&self) -> Option<&FinishedSpan> {
        match self {
            Self::Ended(span) => Some(span),
            Self::Running(_) => None,
        }
    }

    /// Whether its process knows of nothing around it.
    fn is_local_root(&self) -> bool {
        match self {
            Self::Ended(span) => span.is_local_root(),
            Self::Running(span) => span.parent_id().is_none(),
        }
    }
}

/// What is wrong with a trace as it was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing is known of a span's parent: it was dropped, or it had not ended when the program
    /// did. Not said of spans whose parent is in another process.
    #[error("{span} is under {parent}, which is not there")]
    MissingParent {
        /// The span.
        span: SpanId,
        /// Its parent.
        parent: SpanId,
    },
    /// No span is the root, neither of the trace nor of a process's part of it.
    #[error("the root is not there")]
    MissingRoot,
    /// Several lines are about the end of one span. The first is used.
    #[error("{span} is there more than once")]
    Duplicate {
        /// The span.
        span: SpanId,
    },
    /// A span has started, and no line is about its end.
    #[error("{span} has started and not ended")]
    NeverEnded {
        /// The span.
        span: SpanId,
    },
    /// A span is inside of itself, over one parent or several; it is not part of the tree.
    #[error("{span} is inside of itself")]
    Loop {
        /// The span.
        span: SpanId,
    },
}

impl Trace {
    /// The trace's id.
    pub fn trace_id(&self) -> TraceId {
        self.id
    }

    /// All its finished spans, earliest start first.
    pub fn spans(&self) -> impl Iterator<Item = &FinishedSpan> {
        self.nodes.iter().filter_map(Node::ended)
    }

    /// The spans that have started and not ended, earliest first.
    pub fn running(&self) -> impl Iterator<Item = &StartedSpan> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Running(span) => Some(&**span),
            Node::Ended(_) => None,
        })
    }

    /// The spans at the top: the root, and those whose parents are not there.
    pub fn top(&self) -> impl Iterator<Item = &Node> {
        self.top.iter().map(|place| &self.nodes[*place])
    }

    /// The spans right under this one.
    pub fn children_of(&self, span: SpanId) -> impl Iterator<Item = &Node> {
        let place = self.nodes.iter().position(|node| node.span_id() == span);
        place.into_iter().flat_map(|place| &self.children[place]).map(|place| &self.nodes[*place])
    }

    /// The tree from the top: each span before those under it, with how deep it is; 0 at the top.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &Node)> {
        let mut open: Vec<(usize, usize)> =
            self.top.iter().rev().map(|place| (0, *place)).collect();
        std::iter::from_fn(move || {
            let (depth, place) = open.pop()?;
            open.extend(self.children[place].iter().rev().map(|child| (depth + 1, *child)));
            Some((depth, &self.nodes[place]))
        })
    }

    /// What is wrong with it: nothing, for a trace that came whole.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn assemble(id: TraceId, gathered: Gathered) -> Self {
        let Gathered { ended, started, mut problems } = gathered;
        let mut nodes: Vec<Node> =
            started.into_values().map(|start| Node::Running(Box::new(start))).collect();
        nodes.retain(|start| !ended.contains_key(&start.span_id()));
        nodes.extend(ended.into_values().map(|span| Node::Ended(Box::new(span))));
        nodes.sort_by_key(|node| (node.start_time(), node.span_id()));

        let places: HashMap<SpanId, usize> =
            nodes.iter().enumerate().map(|(place, node)| (node.span_id(), place)).collect();
        let (mut children, mut top) = (vec![Vec::new(); nodes.len()], Vec::new());
        for (place, node) in nodes.iter().enumerate() {
            let parent = node.parent_id();
            match parent.and_then(|parent| places.get(&parent)) {
                Some(parent) => children[*parent].push(place),
                None => top.push(place),
            }
            if let Some(parent) = parent
                && !places.contains_key(&parent)
                && !node.is_local_root()
            {
                problems.push(Problem::MissingParent { span: node.span_id(), parent });
            }
            if matches!(node, Node::Running(_)) {
                problems.push(Problem::NeverEnded { span: node.span_id() });
            }
        }
        if !top.iter().any(|place| nodes[*place].is_local_root()) {
            problems.push(Problem::MissingRoot);
        }
        let mut trace = Self { id, nodes, children, top, problems };
        trace.find_loops();
        trace
    }

    fn find_loops(&mut self) {
        let mut reached = vec![false; self.nodes.len()];
        let mut open = self.top.clone();
        while let Some(place) = open.pop() {
            reached[place] = true;
            open.extend(&self.children[place]);
        }
        let unreached = self.nodes.iter().zip(reached).filter(|(_, reached)| !reached);
        let loops: Vec<_> =
            unreached.map(|(node, _)| Problem::Loop { span: node.span_id() }).collect();
        self.problems.extend(loops);
    }
}

/// What has come of one trace so far.
#[derive(Default)]
struct Gathered {
    ended: HashMap<SpanId, FinishedSpan>,
    started: HashMap<SpanId, StartedSpan>,
    problems: Vec<Problem>,
}

impl Gathered {
    fn add(&mut self, record: Record) {
        match record {
            Record::Start(start) => {
                self.started.insert(start.span_id(), start);
            }
            Record::Span(span) if self.ended.contains_key(&span.span_id()) => {
                self.problems.push(Problem::Duplicate { span: span.span_id() });
            }
            Record::Span(span) => {
                self.ended.insert(span.span_id(), span);
            }
        }
    }
}

/// Groups records by trace, and makes a tree of each group.
pub(super) fn collect(
    records: impl Iterator<Item = Result<Record, ReadError>>,
) -> (Vec<Trace>, Vec<ReadError>) {
    let (mut traces, mut errors) = (Vec::<(TraceId, Gathered)>::new(), Vec::new());
    let mut places = HashMap::new();
    for record in records {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let id = match &record {
            Record::Span(span) => span.trace_id(),
            Record::Start(start) => start.trace_id(),
        };
        let place = *places.entry(id).or_insert_with(|| {
            traces.push((id, Gathered::default()));
            traces.len() - 1
        });
        traces[place].1.add(record);
    }
    let traces = traces.into_iter().map(|(id, gathered)| Trace::assemble(id, gathered)).collect();
    (traces, errors)
}

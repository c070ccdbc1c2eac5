//! Which span hangs under which.

use std::{collections::HashMap, time::SystemTime};

use raaf_trace_core::{FinishedSpan, SpanId, Status, TraceId};

/// What decides where a span hangs, and whether it can.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) trace: TraceId,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) local_root: bool,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) status: Status,
}

impl Facts {
    pub(crate) fn of(span: &FinishedSpan) -> Self {
        Self {
            trace: span.trace_id(),
            id: span.span_id(),
            parent: span.parent_id(),
            local_root: span.is_local_root(),
            start: span.start_time(),
            end: span.end_time(),
            status: span.status(),
        }
    }
}

/// Which span hangs under which, by their places in a list. Every span has its place in it,
/// whatever is wrong with its parent.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    places: HashMap<(TraceId, SpanId), usize>,
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
    orphans: Vec<usize>,
    cyclic: Vec<usize>,
    repeated: Vec<usize>,
}

impl Shape {
    pub(crate) fn of(spans: &[Facts]) -> Self {
        let mut places = HashMap::new();
        let mut anywhere = HashMap::new();
        let mut repeated = Vec::new();
        for (index, span) in spans.iter().enumerate() {
            if *places.entry((span.trace, span.id)).or_insert(index) != index {
                repeated.push(index);
            }
            anywhere.entry(span.id).or_insert(index);
        }
        let mut shape = Self {
            places,
            parents: vec![None; spans.len()],
            children: vec![Vec::new(); spans.len()],
            roots: Vec::new(),
            orphans: Vec::new(),
            cyclic: Vec::new(),
            repeated,
        };
        for (index, span) in spans.iter().enumerate() {
            // A parent in another trace is wrong; it is still the place where one looks for it.
            let parent = span.parent.and_then(|parent| {
                shape.place(span.trace, parent).or_else(|| anywhere.get(&parent).copied())
            });
            shape.parents[index] = parent;
            match parent {
                Some(parent) => shape.children[parent].push(index),
                None => shape.roots.push(index),
            }
            if parent.is_none() && span.parent.is_some() && !span.local_root {
                shape.orphans.push(index);
            }
        }
        shape.cut_cycles();
        shape
    }

    /// Makes a root of one span in each cycle: no walk from the roots would reach it.
    fn cut_cycles(&mut self) {
        let mut reached = vec![false; self.parents.len()];
        let mark = |shape: &Self, from: usize, reached: &mut Vec<bool>| {
            let mut waiting = vec![from];
            while let Some(index) = waiting.pop() {
                reached[index] = true;
                waiting.extend(&shape.children[index]);
            }
        };
        for &root in &self.roots {
            mark(self, root, &mut reached);
        }
        let mut seen = vec![None; self.parents.len()];
        for start in 0..self.parents.len() {
            if reached[start] {
                continue;
            }
            let cut = self.in_cycle_above(start, &mut seen);
            if let Some(parent) = self.parents[cut].take() {
                self.children[parent].retain(|&child| child != cut);
            }
            self.roots.push(cut);
            self.cyclic.push(cut);
            mark(self, cut, &mut reached);
        }
        self.roots.sort_unstable();
        self.cyclic.sort_unstable();
    }

    /// The first span, going up from there, that is its own ancestor.
    fn in_cycle_above(&self, start: usize, seen: &mut [Option<usize>]) -> usize {
        let mut index = start;
        while seen[index].replace(start) != Some(start) {
            index = self.parents[index].unwrap_or(index);
        }
        index
    }

    /// Where the span of these ids is.
    pub(crate) fn place(&self, trace: TraceId, span: SpanId) -> Option<usize> {
        self.places.get(&(trace, span)).copied()
    }

    pub(crate) fn roots(&self) -> &[usize] {
        &self.roots
    }

    pub(crate) fn children(&self, index: usize) -> &[usize] {
        &self.children[index]
    }

    pub(crate) fn parent(&self, index: usize) -> Option<usize> {
        self.parents[index]
    }

    /// Spans whose parent should be here, and is not.
    pub(crate) fn orphans(&self) -> &[usize] {
        &self.orphans
    }

    /// One span of each cycle of parents.
    pub(crate) fn cycles(&self) -> &[usize] {
        &self.cyclic
    }

    /// Spans whose ids an earlier one has.
    pub(crate) fn repeated(&self) -> &[usize] {
        &self.repeated
    }

    pub(crate) fn is_orphan(&self, index: usize) -> bool {
        self.orphans.binary_search(&index).is_ok()
    }

    pub(crate) fn is_cyclic(&self, index: usize) -> bool {
        self.cyclic.binary_search(&index).is_ok()
    }

    /// All spans with their depths, each before its children.
    pub(crate) fn walk(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut waiting: Vec<_> = self.roots.iter().rev().map(|&root| (0, root)).collect();
        std::iter::from_fn(move || {
            let (depth, index) = waiting.pop()?;
            waiting.extend(self.children[index].iter().rev().map(|&child| (depth + 1, child)));
            Some((depth, index))
        })
    }
}

//! Finds spans a few levels away from where they are expected.

use std::collections::{HashMap, HashSet};

use crate::{
    compare::{node, pairing::LOOKED_AT},
    expected::{Node, Pattern},
    tree::Spans,
};

/// The spans that are extra below one span, and those below them. Each is taken at most once.
pub(super) struct Nearby<'a> {
    spans: &'a Spans,
    /// By component, the highest first, with their depths: 0 for those that are extra.
    places: HashMap<&'a str, Vec<(usize, usize)>>,
    /// Spans that are taken, and those above and below them.
    closed: HashSet<usize>,
}

impl<'a> Nearby<'a> {
    pub(super) fn new(spans: &'a Spans, extra: &[usize]) -> Self {
        let mut places: HashMap<_, Vec<_>> = HashMap::new();
        for (depth, index) in spans.tree().walk_from(extra) {
            places.entry(spans.all()[index].component_name()).or_default().push((depth, index));
        }
        for places in places.values_mut() {
            places.sort_by_key(|(depth, _)| *depth);
        }
        Self { spans, places, closed: HashSet::new() }
    }

    /// Takes a span below one that is extra. Returns the number of levels between, and the span.
    pub(super) fn deeper(&mut self, node: &Node) -> Option<(usize, usize)> {
        self.take(node, |depth| depth > 0)
    }

    /// Takes a span that is extra.
    pub(super) fn here(&mut self, node: &Node) -> Option<usize> {
        self.take(node, |depth| depth == 0).map(|(_, index)| index)
    }

    fn take(&mut self, node: &Node, at: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
        let Pattern::Exactly(component) = &node.component else { return None };
        let spans = self.spans;
        let open = self.places.get(component.as_str())?.iter().copied();
        let open = open.filter(|(depth, index)| at(*depth) && !self.closed.contains(index));
        let open = open.take(LOOKED_AT);
        let like = open.clone().find(|(_, index)| node::is_like(node, &spans.all()[*index]));
        let named = || open.clone().find(|(_, index)| node::is_named(node, &spans.all()[*index]));
        let (depth, index) = like.or_else(named)?;
        self.closed.extend(spans.tree().walk_from(&[index]).map(|(_, below)| below));
        let above = std::iter::successors(Some(index), |&index| spans.tree().parent_index(index));
        self.closed.extend(above.take(depth + 1));
        Some((depth, index))
    }
}

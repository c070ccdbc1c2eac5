//! Whether nodes in any order each have found siblings of their own.

use std::{cmp::Reverse, collections::HashMap};

use crate::{
    Spans,
    compare::{index::Index, matching},
    expected::{Node, Pattern},
};

/// How many pairs of a node and a sibling are looked at in search of another arrangement, when the
/// first one does not come out.
///
/// So many are 1,000 spans that differ in nothing one could sort them by. Beyond that each node
/// has what it takes at the first go, those that say more before those that say less.
const MOST_PAIRS: usize = 1_000_000;

pub(super) struct Partners<'a> {
    spans: &'a Spans,
    nodes: Vec<&'a Node>,
    found: &'a [usize],
    index: Index<'a>,
}

impl<'a> Partners<'a> {
    pub(super) fn new(spans: &'a Spans, nodes: &[&'a Node], found: &'a [usize]) -> Self {
        let mut nodes = nodes.to_vec();
        nodes.sort_by_key(|node| said_by(node));
        let index = Index::new(spans, &nodes, found);
        Self { spans, nodes, found, index }
    }

    /// Whether all nodes have as many as they count, and all siblings have a node unless others
    /// are allowed.
    pub(super) fn are_for_all(&self, others_allowed: bool) -> bool {
        let pairs = self.nodes.iter().map(|node| self.index.candidates(node).len());
        self.at_first_go(others_allowed)
            || pairs.fold(0, usize::saturating_add) <= MOST_PAIRS && self.somehow(others_allowed)
    }

    fn fits(&self, node: &Node, place: usize) -> bool {
        matching::whole(self.spans, node, self.found[place])
    }

    /// Each node takes the first that fit, as few as it needs; then what is left is shared out.
    fn at_first_go(&self, others_allowed: bool) -> bool {
        let mut free = Free::new(self.found.len());
        let mut counts = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let places = self.index.candidates(node);
            let count = free.take(places, node.count.least(), |place| self.fits(node, place));
            if count < node.count.least() {
                return false;
            }
            counts.push(count);
        }
        if others_allowed || free.left == 0 {
            return true;
        }
        for (node, count) in self.nodes.iter().zip(counts) {
            let places = self.index.candidates(node);
            free.take(places, node.count.most() - count, |place| self.fits(node, place));
        }
        free.left == 0
    }

    /// Whether there is any arrangement at all.
    ///
    /// One that gives each node enough and one that gives each sibling a node need not be the
    /// same: where both exist, one that does both does too (Mendelsohn and Dulmage).
    fn somehow(&self, others_allowed: bool) -> bool {
        let mut fits = vec![Vec::new(); self.found.len()];
        for (number, node) in self.nodes.iter().enumerate() {
            for &place in self.index.candidates(node) {
                if self.fits(node, place) {
                    fits[place].push(number);
                }
            }
        }
        let least: Vec<_> = self.nodes.iter().map(|node| node.count.least()).collect();
        let needed = least.iter().fold(0usize, |sum, least| sum.saturating_add(*least));
        let most = self.nodes.iter().map(|node| node.count.most()).collect();
        placed(&fits, least) == needed
            && (others_allowed || placed(&fits, most) == self.found.len())
    }
}

/// Nodes that say more come first, so that those that say less leave them what they need.
fn said_by(node: &Node) -> (bool, Reverse<usize>) {
    let exact = |pattern: &Pattern| matches!(pattern, Pattern::Exactly(_));
    let said = node.attributes.len()
        + node.events.len()
        + node.durations.len()
        + usize::from(node.status.is_some())
        + [&node.kind, &node.component, &node.method, &node.name]
            .into_iter()
            .filter(|pattern| exact(pattern))
            .count();
    (!(exact(&node.kind) && exact(&node.component)), Reverse(said))
}

/// Siblings that no node has yet.
struct Free {
    taken: Vec<bool>,
    left: usize,
    /// For a list of candidates, by where it is kept, how many of its first are taken.
    skipped: HashMap<*const usize, usize>,
}

impl Free {
    fn new(count: usize) -> Self {
        Self { taken: vec![false; count], left: count, skipped: HashMap::new() }
    }

    /// Takes so many at most that fit; how many it were.
    fn take(&mut self, places: &[usize], most: usize, fits: impl Fn(usize) -> bool) -> usize {
        let skipped = self.skipped.entry(places.as_ptr()).or_default();
        while places.get(*skipped).is_some_and(|&place| self.taken[place]) {
            *skipped += 1;
        }
        let mut count = 0;
        for &place in &places[*skipped..] {
            if count == most {
                break;
            }
            if !self.taken[place] && fits(place) {
                self.taken[place] = true;
                count += 1;
            }
        }
        self.left -= count;
        count
    }
}

/// How many siblings can have a node at once, if no node has more than its share.
fn placed(fits: &[Vec<usize>], share: Vec<usize>) -> usize {
    let nodes = share.len();
    let mut search =
        Search { fits, having: vec![Vec::new(); nodes], share, tried: vec![None; nodes] };
    (0..fits.len()).filter(|&place| search.place(place, place)).count()
}

struct Search<'a> {
    fits: &'a [Vec<usize>],
    share: Vec<usize>,
    /// Which siblings each node has.
    having: Vec<Vec<usize>>,
    /// For which sibling a node was last asked.
    tried: Vec<Option<usize>>,
}

impl Search<'_> {
    /// Gives a sibling to a node; one that has its share gives another sibling away, if it can.
    fn place(&mut self, place: usize, asked_for: usize) -> bool {
        for &node in &self.fits[place] {
            if self.tried[node].replace(asked_for) == Some(asked_for) {
                continue;
            }
            if self.having[node].len() < self.share[node] {
                self.having[node].push(place);
                return true;
            }
            for at in 0..self.having[node].len() {
                if self.place(self.having[node][at], asked_for) {
                    self.having[node][at] = place;
                    return true;
                }
            }
        }
        false
    }
}

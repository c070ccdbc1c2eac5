//! What to mark in two trees that differ.
//!
//! Expected siblings and found ones are paired: first those that are alike in all, then those of
//! the same kind, component and method, then those of the same component. What is left over is missing or extra;
//! what is missing here and extra there is misplaced. Of pairs that stand in another order, as few
//! as possible are called misplaced.

use std::{collections::HashMap, ptr};

use super::{Mismatch, matching, node};
use crate::{
    Expected, Pattern, Spans,
    expected::{self, Item, Node, Siblings},
    tree::{Mark, Row},
};

pub(super) fn diff(expected: &Expected, spans: &Spans) -> Mismatch {
    let (rows, places) = expected::rows(expected);
    let found = vec![(Mark::None, None); spans.len()];
    let mut diff = Diff { spans, rows, places, found, missing: Vec::new(), extra: Vec::new() };
    diff.siblings(&expected.roots, spans.shape().roots());
    diff.find_misplaced();
    diff.mark_leftovers();
    let found = spans.rows(|index| diff.found[index].clone());
    Mismatch { expected: diff.rows, found }
}

/// Whether the found sibling at a place can stand for a node.
type Alike<'a> = dyn Fn(&Node, usize) -> bool + 'a;

struct Diff<'a> {
    spans: &'a Spans,
    rows: Vec<Row>,
    places: HashMap<*const Node, usize>,
    found: Vec<(Mark, Option<String>)>,
    missing: Vec<&'a Node>,
    extra: Vec<usize>,
}

impl<'a> Diff<'a> {
    fn siblings(&mut self, expected: &'a Siblings, found: &[usize]) {
        if matching::siblings(self.spans, expected, found) {
            return;
        }
        let slots = slots(expected);
        let pairs = self.pair(&slots, found);
        for (slot, pair) in slots.iter().zip(&pairs) {
            match pair {
                Some(at) => self.compare(slot.node, found[*at]),
                None => self.missing.push(slot.node),
            }
        }
        let left = (0..found.len()).filter(|at| !pairs.contains(&Some(*at)));
        let extra = left.filter(|&at| !may_have_others(expected, &slots, &pairs, at));
        self.extra.extend(extra.map(|at| found[at]));
        self.mark_order(&slots, &pairs, found);
    }

    fn compare(&mut self, expected: &'a Node, found: usize) {
        let differences = node::differences(expected, &self.spans.all()[found]);
        if !differences.is_empty() {
            self.mark_expected(expected, Mark::Different, None);
            self.found[found] = (Mark::Different, Some(differences.join("; ")));
        }
        self.siblings(&expected.children, self.spans.shape().children(found));
    }

    /// Which found sibling stands for each slot.
    fn pair(&self, slots: &[Slot<'a>], found: &[usize]) -> Vec<Option<usize>> {
        let spans = self.spans.all();
        let mut pairs = vec![None; slots.len()];
        let mut taken = vec![false; found.len()];
        let alike: [&Alike<'_>; 3] = [
            &|node, at| matching::whole(self.spans, node, found[at]),
            &|node, at| node::is_named(node, &spans[found[at]]),
            &|node, at| {
                node.component != Pattern::Any
                    && node.component.matches(spans[found[at]].component().name())
            },
        ];
        for alike in alike {
            for (slot, pair) in slots.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
                *pair = (0..found.len()).find(|&at| !taken[at] && alike(slot.node, at));
                if let Some(at) = *pair {
                    taken[at] = true;
                }
            }
        }
        pairs
    }

    /// Marks pairs that stand in another order than expected.
    fn mark_order(&mut self, slots: &[Slot<'a>], pairs: &[Option<usize>], found: &[usize]) {
        let mut placed: Vec<_> =
            slots.iter().zip(pairs).filter_map(|(slot, pair)| Some((slot, (*pair)?))).collect();
        // Within a group no order is wrong.
        placed.sort_by_key(|(slot, at)| (slot.position, *at));
        let found_at: Vec<_> = placed.iter().map(|(_, at)| *at).collect();
        let kept = longest_rising(&found_at);
        for (index, (slot, at)) in placed.into_iter().enumerate() {
            if !kept.contains(&index) && self.found[found[at]].0 == Mark::None {
                self.mark_expected(slot.node, Mark::Misplaced, None);
                self.found[found[at]] =
                    (Mark::Misplaced, Some("stands elsewhere among its siblings".to_owned()));
            }
        }
    }

    /// What is missing in one place and extra in another.
    fn find_misplaced(&mut self) {
        for node in std::mem::take(&mut self.missing) {
            let spans = self.spans;
            let moved =
                self.extra.iter().position(|&extra| node::is_like(node, &spans.all()[extra]));
            let Some(moved) = moved else {
                self.missing.push(node);
                continue;
            };
            let found = self.extra.remove(moved);
            let here = match spans.shape().parent(found) {
                Some(parent) => format!("found under {}", spans.path(&spans.all()[parent])),
                None => "found at the top".to_owned(),
            };
            self.mark_expected(node, Mark::Misplaced, Some(here));
            self.found[found] = (Mark::Misplaced, None);
            self.siblings(&node.children, spans.shape().children(found));
        }
    }

    fn mark_leftovers(&mut self) {
        for node in std::mem::take(&mut self.missing) {
            self.mark_missing(node);
        }
        let mut waiting = std::mem::take(&mut self.extra);
        while let Some(extra) = waiting.pop() {
            self.found[extra].0 = Mark::Extra;
            waiting.extend(self.spans.shape().children(extra));
        }
    }

    fn mark_missing(&mut self, node: &Node) {
        self.mark_expected(node, Mark::Missing, None);
        for child in node.children.nodes() {
            self.mark_missing(child);
        }
    }

    fn mark_expected(&mut self, node: &Node, mark: Mark, remark: Option<String>) {
        if let Some(row) = self.places.get(&ptr::from_ref(node)).map(|&at| &mut self.rows[at]) {
            row.mark = mark;
            row.note = remark.or(row.note.take());
        }
    }
}

/// One expected span, and where it stands among its siblings; in a group all stand in one place.
struct Slot<'a> {
    node: &'a Node,
    position: usize,
}

fn slots(siblings: &Siblings) -> Vec<Slot<'_>> {
    let mut slots = Vec::new();
    for (position, item) in siblings.items.iter().enumerate() {
        let nodes = match item {
            Item::Node(node) => vec![node],
            Item::AnyOrder(group) => group.nodes(),
            Item::Others => Vec::new(),
        };
        for node in nodes {
            slots.extend((0..node.count).map(|_| Slot { node, position }));
        }
    }
    slots
}

/// Whether a sibling that nobody described may stand there: a `..` stands between those that it
/// was found between.
fn may_have_others(
    expected: &Siblings,
    slots: &[Slot<'_>],
    pairs: &[Option<usize>],
    at: usize,
) -> bool {
    let paired =
        || slots.iter().zip(pairs).filter_map(|(slot, pair)| Some((pair.as_ref()?, slot.position)));
    let before = paired().filter(|(pair, _)| **pair < at).max().map(|(_, position)| position);
    let after = paired().filter(|(pair, _)| **pair > at).min().map(|(_, position)| position);
    expected.items.iter().enumerate().any(|(position, item)| {
        let between = before.is_none_or(|before| before <= position)
            && after.is_none_or(|after| position <= after);
        between
            && match item {
                Item::Node(_) => false,
                Item::AnyOrder(group) => group.is_open(),
                Item::Others => true,
            }
    })
}

/// The places of a longest rising subsequence.
fn longest_rising(values: &[usize]) -> Vec<usize> {
    // `ends[n]` is where the best sequence of length n + 1 ends so far.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![None; values.len()];
    for (index, value) in values.iter().enumerate() {
        let length = ends.partition_point(|&end| values[end] < *value);
        before[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    let mut kept = Vec::new();
    let mut at = ends.last().copied();
    while let Some(index) = at {
        kept.push(index);
        at = before[index];
    }
    kept.reverse();
    kept
}

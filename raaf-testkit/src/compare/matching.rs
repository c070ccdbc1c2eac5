//! Decides whether siblings match, without explaining why.
//!
//! Each item of an expected list covers a run of the found siblings, so that what is known after
//! an item is at which places its run can end. Without `..` and ranges that is one place at most,
//! and the work grows with the number of siblings alone. Places from which the items behind could
//! not come to the very end are left out.

use std::ops::RangeInclusive;

use crate::{
    compare::{arrangement, node},
    expected::{Item, Node, Siblings},
    tree::Spans,
};

/// Returns true if `found` are the expected siblings, with everything below them.
pub(super) fn siblings(spans: &Spans, expected: &Siblings, found: &[usize]) -> bool {
    let behind = lengths_behind(&expected.items);
    // The places, in order, at which all items so far can end.
    let mut ends = vec![0];
    for (item, (least, most)) in expected.items.iter().zip(behind) {
        let Some(latest) = found.len().checked_sub(least) else { return false };
        let window = found.len().saturating_sub(most)..=latest;
        ends = match item {
            Item::Node(node) => after_node(spans, node, found, &ends, &window),
            Item::AnyOrder(group) => after_group(spans, group, found, &ends, &window),
            Item::Others => match ends.first() {
                Some(&first) => (first.max(*window.start())..=latest).collect(),
                None => Vec::new(),
            },
        };
        if ends.is_empty() {
            return false;
        }
    }
    ends.last() == Some(&found.len())
}

/// Returns true if `found` is the expected node, with everything below it.
pub(super) fn whole(spans: &Spans, node: &Node, found: usize) -> bool {
    node::is_like(node, &spans.all()[found])
        && siblings(spans, &node.children, spans.tree().child_indices(found))
}

/// Returns, for each item, the least and the largest number of siblings that the items after it
/// cover.
fn lengths_behind(items: &[Item]) -> Vec<(usize, usize)> {
    let mut behind = vec![(0, 0); items.len()];
    let mut sum = (0usize, 0usize);
    for (item, behind) in items.iter().zip(&mut behind).rev() {
        *behind = sum;
        let (least, most) = length(item);
        sum = (sum.0.saturating_add(least), sum.1.saturating_add(most));
    }
    behind
}

fn length(item: &Item) -> (usize, usize) {
    match item {
        Item::Node(node) => (node.count.least(), node.count.most()),
        Item::AnyOrder(group) => length_of(group),
        Item::Others => (0, usize::MAX),
    }
}

/// Returns the positions at which a run of equal nodes can end. Visits each sibling about once, for
/// any number of starts.
fn after_node(
    spans: &Spans,
    node: &Node,
    found: &[usize],
    starts: &[usize],
    window: &RangeInclusive<usize>,
) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut next_end = *window.start();
    // From the last start up to here all are alike; there, perhaps, stands one that is not.
    let (mut alike, mut other) = (0, None);
    for &start in starts {
        let farthest = start.saturating_add(node.count.most()).min(*window.end());
        alike = alike.max(start);
        while alike < farthest && other != Some(alike) {
            if whole(spans, node, found[alike]) {
                alike += 1;
            } else {
                other = Some(alike);
            }
        }
        let nearest = start.saturating_add(node.count.least()).max(next_end);
        for end in nearest..=alike.min(farthest) {
            ends.push(end);
            next_end = end + 1;
        }
    }
    ends
}

/// Returns the positions at which a group in any order can end.
fn after_group(
    spans: &Spans,
    group: &Siblings,
    found: &[usize],
    starts: &[usize],
    window: &RangeInclusive<usize>,
) -> Vec<usize> {
    let (least, most) = length_of(group);
    let nodes = group.nodes();
    let fits = |start: usize, end: usize| {
        arrangement::exists(spans, &nodes, &found[start..end], group.is_open())
    };
    let lengths = |start: usize| {
        let nearest = start.saturating_add(least).max(*window.start());
        nearest..=start.saturating_add(most).min(*window.end())
    };
    if group.is_open() {
        // What fits into a part fits into more: the first start will do, and each later end.
        let Some(&start) = starts.first() else { return Vec::new() };
        let lengths = lengths(start);
        let (mut low, mut high) = (*lengths.start(), *lengths.end());
        if low > high || !fits(start, high) {
            return Vec::new();
        }
        while low < high {
            let middle = low.midpoint(high);
            if fits(start, middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return (low..=*lengths.end()).collect();
    }
    let mut ends: Vec<_> = starts
        .iter()
        .flat_map(|&start| lengths(start).map(move |end| (start, end)))
        .filter(|&(start, end)| fits(start, end))
        .map(|(_, end)| end)
        .collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

fn length_of(group: &Siblings) -> (usize, usize) {
    group.items.iter().map(length).fold((0, 0), |sum: (usize, usize), (least, most)| {
        (sum.0.saturating_add(least), sum.1.saturating_add(most))
    })
}

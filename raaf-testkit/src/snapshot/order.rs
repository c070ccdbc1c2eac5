//! Orders siblings by start, and sorts those whose order is a matter of timing.

use std::{cmp::Ordering, time::Duration};

use super::Options;
use crate::tree::Spans;

/// By how much spans must overlap to have run beside each other: times that were written to a
/// file and read back are off by less.
const CHANCE: Duration = Duration::from_micros(1);

/// All spans with their depths, each before those inside it. `own` is what each says.
pub(super) fn in_order(spans: &Spans, options: &Options, own: &[String]) -> Vec<(usize, usize)> {
    let tree = spans.tree();
    let mut siblings: Vec<Vec<usize>> =
        (0..own.len()).map(|index| tree.child_indices(index).to_vec()).collect();
    // From the innermost out: what is inside two spans decides between them.
    let walked: Vec<_> = tree.walk_from(tree.top_indices()).collect();
    for &(_, index) in walked.iter().rev() {
        let component = spans.all()[index].component_name();
        let all = options.sort_all || options.sort_under.iter().any(|name| name == component);
        let mut children = std::mem::take(&mut siblings[index]);
        sort(&mut children, spans, all, |one, other| compare(one, other, &siblings, own));
        siblings[index] = children;
    }
    let mut roots = tree.top_indices().to_vec();
    sort(&mut roots, spans, options.sort_all, |one, other| compare(one, other, &siblings, own));
    walk(&roots, &siblings).collect()
}

fn walk(roots: &[usize], siblings: &[Vec<usize>]) -> impl Iterator<Item = (usize, usize)> {
    let mut waiting: Vec<_> = roots.iter().rev().map(|&root| (0, root)).collect();
    std::iter::from_fn(move || {
        let (depth, index) = waiting.pop()?;
        waiting.extend(siblings[index].iter().rev().map(|&child| (depth + 1, child)));
        Some((depth, index))
    })
}

/// Sorts all, or each run of those that overlap.
fn sort(
    siblings: &mut [usize],
    spans: &Spans,
    all: bool,
    compare: impl Fn(usize, usize) -> Ordering,
) {
    let compare = |one: &usize, other: &usize| compare(*one, *other);
    if all {
        siblings.sort_by(compare);
        return;
    }
    let mut from = 0;
    while from < siblings.len() {
        let mut end = spans.all()[siblings[from]].end_time();
        let mut to = from + 1;
        while to < siblings.len() {
            let next = &spans.all()[siblings[to]];
            if next.start_time() + CHANCE >= end {
                break;
            }
            end = end.max(next.end_time());
            to += 1;
        }
        siblings[from..to].sort_by(compare);
        from = to;
    }
}

/// Compares what two spans and those inside them say, one after the other.
fn compare(one: usize, other: usize, siblings: &[Vec<usize>], own: &[String]) -> Ordering {
    let says = |root| {
        walk(&[root], siblings)
            .map(|(depth, index)| (depth, own[index].as_str()))
            .collect::<Vec<_>>()
    };
    // Mostly the spans themselves differ.
    own[one].cmp(&own[other]).then_with(|| says(one).cmp(&says(other)))
}

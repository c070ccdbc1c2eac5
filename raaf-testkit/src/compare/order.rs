//! Finds siblings in the wrong order, and siblings where none are allowed.

use super::pairing::Slot;
use crate::expected::{Item, Siblings};

/// Pairs that are out of order: as few as bring the others into order.
///
/// Given are the positions of their slots and their places, by position and, since within a group
/// no order is wrong, by place.
pub(super) fn out_of_order(places: &[usize]) -> Vec<bool> {
    // `ends[n]` is where the best rising sequence of length n + 1 ends so far.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![None; places.len()];
    for (index, place) in places.iter().enumerate() {
        let length = ends.partition_point(|&end| places[end] < *place);
        before[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    let mut out = vec![true; places.len()];
    let mut at = ends.last().copied();
    while let Some(index) = at {
        out[index] = false;
        at = before[index];
    }
    out
}

/// Positions at which unexpected siblings are allowed.
pub(super) struct Gaps {
    /// The pairs by place, with the positions of their slots.
    pairs: Vec<(usize, usize)>,
    /// For each position, the number of preceding items that allow others.
    open_before: Vec<usize>,
}

impl Gaps {
    pub(super) fn new(expected: &Siblings, slots: &[Slot<'_>]) -> Self {
        let mut pairs: Vec<_> =
            slots.iter().filter_map(|slot| Some((slot.found?, slot.position))).collect();
        pairs.sort_unstable();
        let mut open_before = vec![0];
        for item in &expected.items {
            let open = match item {
                Item::Node(_) => false,
                Item::AnyOrder(group) => group.is_open(),
                Item::Others => true,
            };
            open_before.push(open_before[open_before.len() - 1] + usize::from(open));
        }
        Self { pairs, open_before }
    }

    /// Returns true if a sibling is allowed at that position: a `..` covers the gap between its
    /// neighbours.
    pub(super) fn allow(&self, place: usize) -> bool {
        let next = self.pairs.partition_point(|(paired, _)| *paired < place);
        let first = next.checked_sub(1).map_or(0, |before| self.pairs[before].1);
        // The positions are those of items, of which there is one more number here.
        let behind_all = self.open_before.len() - 1;
        let end = self.pairs.get(next).map_or(behind_all, |(_, position)| position + 1);
        first < end && self.open_before[end] > self.open_before[first]
    }
}

#[cfg(test)]
mod tests {
    use super::out_of_order;

    #[test]
    fn as_few_as_possible_are_out_of_order() {
        assert!(out_of_order(&[]).is_empty());
        assert_eq!(out_of_order(&[0, 2, 5]), [false; 3]);
        assert_eq!(out_of_order(&[1, 2, 3, 0]), [false, false, false, true]);
        assert_eq!(out_of_order(&[3, 0, 1, 2]), [true, false, false, false]);
    }
}

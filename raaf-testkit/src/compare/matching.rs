//! Whether siblings are as expected: a plain yes or no.
//!
//! Each item of an expected list covers a run of the found siblings, so that what is known after
//! an item is at which places its run can end. Without `..` that is one place at most, and the
//! work grows with the number of siblings alone.

use crate::{
    Spans,
    compare::node,
    expected::{Item, Node, Siblings},
};

/// Whether `found` are the expected siblings, with all that hangs under them.
pub(super) fn siblings(spans: &Spans, expected: &Siblings, found: &[usize]) -> bool {
    // The places, in order, at which all items so far can end.
    let mut ends = vec![0];
    for item in &expected.items {
        ends = match item {
            Item::Node(node) => {
                let mut length = Matching::new(spans, node, found);
                ends.into_iter()
                    .filter(|&start| length.holds_for(start))
                    .map(|start| start + node.count)
                    .collect()
            }
            Item::AnyOrder(group) => after_group(spans, group, found, &ends),
            Item::Others => {
                ends.first().map_or_else(Vec::new, |&first| (first..=found.len()).collect())
            }
        };
        if ends.is_empty() {
            return false;
        }
    }
    ends.last() == Some(&found.len())
}

/// Whether `found` is the expected node, with all that hangs under it.
pub(super) fn whole(spans: &Spans, node: &Node, found: usize) -> bool {
    node::is_like(node, &spans.all()[found])
        && siblings(spans, &node.children, spans.shape().children(found))
}

/// Where runs of `count` nodes alike can begin; looks at each sibling once.
struct Matching<'a> {
    spans: &'a Spans,
    node: &'a Node,
    found: &'a [usize],
    known: Vec<Option<bool>>,
}

impl<'a> Matching<'a> {
    fn new(spans: &'a Spans, node: &'a Node, found: &'a [usize]) -> Self {
        Self { spans, node, found, known: Vec::new() }
    }

    fn holds_for(&mut self, start: usize) -> bool {
        let end = start + self.node.count;
        end <= self.found.len() && (start..end).all(|place| self.is_match(place))
    }

    fn is_match(&mut self, place: usize) -> bool {
        if self.known.len() <= place {
            self.known.resize(place + 1, None);
        }
        *self.known[place].get_or_insert_with(|| whole(self.spans, self.node, self.found[place]))
    }
}

/// Where a group in any order can end.
fn after_group(spans: &Spans, group: &Siblings, found: &[usize], starts: &[usize]) -> Vec<usize> {
    let nodes: Vec<_> =
        group.nodes().into_iter().flat_map(|node| std::iter::repeat_n(node, node.count)).collect();
    let lengths = |start: usize| {
        let longest = if group.is_open() { found.len() } else { start + nodes.len() };
        start + nodes.len()..=longest.min(found.len())
    };
    let mut ends: Vec<_> = starts
        .iter()
        .flat_map(|&start| lengths(start).map(move |end| (start, end)))
        .filter(|&(start, end)| all_have_a_partner(spans, &nodes, &found[start..end]))
        .map(|(_, end)| end)
        .collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// Whether each node can be given a found span of its own.
///
/// Nodes that have one give way to one that has none when they can move to another.
fn all_have_a_partner(spans: &Spans, nodes: &[&Node], found: &[usize]) -> bool {
    let fits: Vec<Vec<usize>> = nodes
        .iter()
        .map(|node| (0..found.len()).filter(|&at| whole(spans, node, found[at])).collect())
        .collect();
    let mut taken: Vec<Option<usize>> = vec![None; found.len()];
    (0..nodes.len()).all(|node| place(node, &fits, &mut taken, &mut vec![false; found.len()]))
}

fn place(
    node: usize,
    fits: &[Vec<usize>],
    taken: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for &at in &fits[node] {
        if std::mem::replace(&mut tried[at], true) {
            continue;
        }
        if taken[at].is_none_or(|other| place(other, fits, taken, tried)) {
            taken[at] = Some(node);
            return true;
        }
    }
    false
}

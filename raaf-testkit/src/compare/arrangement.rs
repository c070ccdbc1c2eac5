//! Decides whether nodes in any order each have found siblings of their own.

use crate::{compare::matching, expected::Node, tree::Spans};

/// Returns true if the found siblings can be shared out so that each node has as many as it counts,
/// and no sibling is left over unless others are allowed.
pub(super) fn exists(spans: &Spans, nodes: &[&Node], found: &[usize], others: bool) -> bool {
    let fits: Vec<Vec<_>> = found
        .iter()
        .map(|&span| {
            let fits = |&number: &usize| matching::whole(spans, nodes[number], span);
            (0..nodes.len()).filter(fits).collect()
        })
        .collect();
    let least: Vec<_> = nodes.iter().map(|node| node.count.least()).collect();
    let needed = least.iter().fold(0usize, |sum, least| sum.saturating_add(*least));
    let most = nodes.iter().map(|node| node.count.most()).collect();
    // One arrangement that gives each node enough and one that gives each sibling a node need not
    // be the same: where both exist, one that does both does too (Mendelsohn and Dulmage).
    placed(&fits, least) == needed && (others || placed(&fits, most) == found.len())
}

/// Returns how many siblings can have a node at once, if no node has more than its share.
fn placed(fits: &[Vec<usize>], share: Vec<usize>) -> usize {
    let nodes = share.len();
    let mut search = Search { fits, share, having: vec![Vec::new(); nodes] };
    (0..fits.len()).filter(|&place| search.place(place, &mut vec![false; nodes])).count()
}

struct Search<'a> {
    /// The nodes that fit each sibling.
    fits: &'a [Vec<usize>],
    share: Vec<usize>,
    /// The siblings that each node has.
    having: Vec<Vec<usize>>,
}

impl Search<'_> {
    /// Gives a sibling to a node; one that has its share gives another sibling away, if it can.
    fn place(&mut self, place: usize, tried: &mut [bool]) -> bool {
        let fits = &self.fits[place];
        if let Some(&node) = fits.iter().find(|&&node| self.having[node].len() < self.share[node]) {
            self.having[node].push(place);
            return true;
        }
        for &node in fits {
            if std::mem::replace(&mut tried[node], true) {
                continue;
            }
            for at in 0..self.having[node].len() {
                if self.place(self.having[node][at], tried) {
                    self.having[node][at] = place;
                    return true;
                }
            }
        }
        false
    }
}

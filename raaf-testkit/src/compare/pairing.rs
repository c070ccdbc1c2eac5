//! Pairs found siblings with expected ones that they do not match exactly.
//!
//! First the ends are paired as long as they are alike in all, then what is alike in its place, or
//! wherever it stands, then what is of the same kind, component and method, then of the same component,
//! and at last what has another name, by what is below it or a name that is misspelled.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use raaf_trace_model::{environment::nearest, span::FinishedSpan};

use crate::{
    compare::{matching, node},
    expected::{Item, Node, Pattern, Siblings},
    tree::Spans,
};

/// Largest number of spans like a node that are compared with it including everything below them.
pub(super) const LOOKED_AT: usize = 64;

/// An expected span, and its position among its siblings. All spans of a group have one position.
pub(super) struct Slot<'a> {
    pub(super) node: &'a Node,
    pub(super) position: usize,
    /// True if the slot may stay empty.
    optional: bool,
    /// The place among the found siblings of the span that stands for it.
    pub(super) found: Option<usize>,
}

impl Slot<'_> {
    pub(super) fn is_missing(&self) -> bool {
        self.found.is_none() && !self.optional
    }
}

/// All slots, each with its partner if it has one.
pub(super) fn pair<'a>(
    spans: &'a Spans,
    expected: &'a Siblings,
    found: &'a [usize],
) -> Vec<Slot<'a>> {
    let mut pairing = Pairing { spans, found, taken: vec![false; found.len()] };
    let mut slots = slots(expected, found.len());
    pairing.ends(&mut slots);
    pairing.side_by_side(&mut slots);
    // A node that says little must not take what one that says more needs.
    let (mut some, mut any): (Vec<_>, Vec<_>) =
        slots.iter_mut().filter(|slot| slot.found.is_none()).partition(|slot| is_exact(slot.node));
    for slots in [&mut some, &mut any] {
        pairing.by(slots, Likeness::Whole);
    }
    for slots in [&mut some, &mut any] {
        pairing.by(slots, Likeness::Name);
    }
    pairing.by_component(&mut some);
    pairing.renamed(&mut slots, expected.is_open());
    slots
}

fn slots(siblings: &Siblings, found: usize) -> Vec<Slot<'_>> {
    let mut slots = Vec::new();
    for (position, item) in siblings.items.iter().enumerate() {
        let nodes = match item {
            Item::Node(node) => vec![&**node],
            Item::AnyOrder(group) => group.nodes(),
            Item::Others => Vec::new(),
        };
        for node in nodes {
            let least = node.count.least();
            let most = node.count.most().min(found).max(least);
            // More than one beyond what was found say no more.
            let most = most.min(found + 1).max(least.min(found + 1));
            slots.extend((0..most).map(|number| Slot {
                node,
                position,
                optional: number >= least,
                found: None,
            }));
        }
    }
    slots
}

fn is_exact(node: &Node) -> bool {
    matches!(node.component, Pattern::Exactly(_))
}

#[derive(Clone, Copy, PartialEq)]
enum Likeness {
    Whole,
    Name,
}

struct Pairing<'a> {
    spans: &'a Spans,
    found: &'a [usize],
    taken: Vec<bool>,
}

impl<'a> Pairing<'a> {
    /// Pairs what is alike from both ends.
    fn ends(&mut self, slots: &mut [Slot<'_>]) {
        let mut start = 0;
        while start < slots.len().min(self.found.len()) && self.whole(slots[start].node, start) {
            self.take(&mut slots[start], start);
            start += 1;
        }
        let (mut slot, mut place) = (slots.len(), self.found.len());
        while slot > start && place > start && self.whole(slots[slot - 1].node, place - 1) {
            (slot, place) = (slot - 1, place - 1);
            self.take(&mut slots[slot], place);
        }
    }

    /// Compares each expected span first with the one at its position, if their numbers are equal.
    /// Otherwise a span that differs could take the partner of the next one.
    fn side_by_side(&mut self, slots: &mut [Slot<'_>]) {
        let open: Vec<_> = (0..slots.len()).filter(|&at| slots[at].found.is_none()).collect();
        let free: Vec<_> = (0..self.found.len()).filter(|&place| !self.taken[place]).collect();
        if open.len() != free.len() {
            return;
        }
        for (at, place) in open.into_iter().zip(free) {
            if self.whole(slots[at].node, place) {
                self.take(&mut slots[at], place);
            }
        }
    }

    fn by(&mut self, slots: &mut [&mut Slot<'a>], likeness: Likeness) {
        for slot in slots.iter_mut().filter(|slot| slot.found.is_none()) {
            let mut free = (0..self.found.len()).filter(|&place| !self.taken[place]);
            let fitting = match likeness {
                Likeness::Whole => free
                    .filter(|&place| node::is_like(slot.node, self.span(place)))
                    .take(LOOKED_AT)
                    .find(|&place| self.whole(slot.node, place)),
                Likeness::Name => free.find(|&place| node::is_named(slot.node, self.span(place))),
            };
            if let Some(place) = fitting {
                self.take(slot, place);
            }
        }
    }

    /// Pairs what is left with spans of the same component that have another kind or method.
    fn by_component(&mut self, slots: &mut [&mut Slot<'_>]) {
        let mut free: HashMap<_, Vec<usize>> = HashMap::new();
        for place in (0..self.found.len()).rev().filter(|&place| !self.taken[place]) {
            free.entry(self.span(place).component_name()).or_default().push(place);
        }
        for slot in slots.iter_mut().filter(|slot| slot.is_missing()) {
            if let Pattern::Exactly(component) = &slot.node.component
                && let Some(place) = free.get_mut(component.as_str()).and_then(Vec::pop)
            {
                slot.found = Some(place);
                self.taken[place] = true;
            }
        }
    }

    /// Pairs what is left with spans of another name.
    fn renamed(&mut self, slots: &mut [Slot<'_>], others: bool) {
        if !slots.iter().any(Slot::is_missing) {
            return;
        }
        let free = (0..self.found.len()).filter(|&place| !self.taken[place]);
        let mut free: Vec<_> =
            free.map(|place| Unknown::new(self.spans, self.found, place)).collect();
        for slot in slots.iter_mut().filter(|slot| slot.is_missing()) {
            let best = free.iter().take(LOOKED_AT).enumerate().filter_map(|(at, unknown)| {
                Some((unknown.likeness(slot.node, others)?, Reverse(at)))
            });
            if let Some((_, Reverse(at))) = best.max() {
                self.take(slot, free.remove(at).place);
            }
        }
    }

    fn take(&mut self, slot: &mut Slot<'_>, place: usize) {
        slot.found = Some(place);
        self.taken[place] = true;
    }

    fn whole(&self, node: &Node, place: usize) -> bool {
        matching::whole(self.spans, node, self.found[place])
    }

    fn span(&self, place: usize) -> &'a FinishedSpan {
        &self.spans.all()[self.found[place]]
    }
}

/// A found sibling that no expected one has taken.
struct Unknown<'a> {
    place: usize,
    span: &'a FinishedSpan,
    /// Components of its children.
    below: HashSet<&'a str>,
}

impl<'a> Unknown<'a> {
    fn new(spans: &'a Spans, found: &[usize], place: usize) -> Self {
        let (index, all) = (found[place], spans.all());
        let below = spans.tree().child_indices(index).iter().map(|&at| all[at].component_name());
        Self { place, span: &all[index], below: below.collect() }
    }

    /// Returns how likely this is the node under another name: of the same kind, a similar name, and
    /// the number of expected children that are there. `None` if neither half of the children nor
    /// the name fits. Where others are allowed, the name has to.
    fn likeness(&self, node: &Node, others: bool) -> Option<(bool, bool, usize)> {
        let kind = node.kind.matches(self.span.kind().as_str());
        let named = match &node.component {
            Pattern::Exactly(expected) if kind => are_near(expected, self.span.component_name()),
            _ => false,
        };
        let children = node.children.nodes();
        let exact = children.iter().take(LOOKED_AT).filter_map(|child| match &child.component {
            Pattern::Exactly(component) => Some(self.below.contains(component.as_str())),
            Pattern::Like(_) | Pattern::Any => None,
        });
        let (mut all, mut there) = (0, 0);
        exact.for_each(|is_there| (all, there) = (all + 1, there + usize::from(is_there)));
        let by_children = !others && there > 0 && 2 * there >= all;
        (by_children || named).then_some((kind, named, there))
    }
}

/// Returns true if one name may be the other misspelled. Long names are not compared, which would
/// take a time that grows with their square.
fn are_near(expected: &str, found: &str) -> bool {
    const LONGEST: usize = 64;
    expected.len().max(found.len()) <= LONGEST && nearest(expected, [found]).is_some()
}

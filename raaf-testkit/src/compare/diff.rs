//! Marks the differences between two trees.
//!
//! Expected siblings and found ones are paired, level by level. What is left over is missing or
//! extra; what is missing here and extra there is misplaced, and what is extra beside one just
//! like it is duplicated. What is below an extra span, or instead of a missing one, has found its
//! place a level away. Of pairs that stand in another order as few as possible are misplaced.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    mem, ptr,
};

use raaf_trace_model::{
    keys,
    span::{FinishedSpan, TreeProblem},
};

use super::{
    Mismatch,
    levels::Nearby,
    matching, node,
    order::{Gaps, out_of_order},
    pairing::{self, Slot},
};
use crate::{
    expected::{self, Expected, Node, Pattern, Siblings, describe},
    tree::{Mark, Row, Said, Spans, plain, quoted},
};

pub(super) fn diff(expected: &Expected, spans: &Spans) -> Mismatch {
    let (rows, places) = expected::rows(expected);
    let found = vec![Said::default(); spans.len()];
    let mut diff = Diff {
        spans,
        rows,
        places,
        found,
        missing: Vec::new(),
        extra: Vec::new(),
        moved: vec![false; spans.len()],
        paired: Vec::new(),
    };
    diff.siblings(&expected.roots, spans.tree().top_indices(), None);
    diff.find_misplaced();
    diff.find_levels();
    diff.mark_leftovers();
    diff.mark_impossible();
    let told = asked_of(&expected.roots);
    let mut found = diff.found;
    let found = spans.rows(|index| {
        let mut said = mem::take(&mut found[index]);
        said.properties = properties(&spans.all()[index], &told, &said.notes);
        said
    });
    Mismatch { expected: diff.rows, found }
}

struct Diff<'a> {
    spans: &'a Spans,
    rows: Vec<Row>,
    places: HashMap<*const Node, usize>,
    found: Vec<Said>,
    /// Nodes without a span, and the span below which one should be.
    missing: Vec<(&'a Node, Option<usize>)>,
    extra: Vec<usize>,
    /// Spans that were found elsewhere than expected.
    moved: Vec<bool>,
    /// Extra spans, with the node that identical spans matched.
    paired: Vec<(usize, &'a Node)>,
}

impl<'a> Diff<'a> {
    fn siblings(&mut self, expected: &'a Siblings, found: &'a [usize], parent: Option<usize>) {
        if matching::siblings(self.spans, expected, found) {
            return;
        }
        let slots = pairing::pair(self.spans, expected, found);
        let mut free = vec![true; found.len()];
        for slot in &slots {
            match slot.found {
                Some(place) => {
                    free[place] = false;
                    self.compare(slot.node, found[place]);
                }
                None if slot.is_missing() => self.missing.push((slot.node, parent)),
                None => {}
            }
        }
        self.note_counts(&slots);
        let gaps = Gaps::new(expected, &slots);
        for place in (0..found.len()).filter(|&place| free[place] && !gaps.allow(place)) {
            self.extra.push(found[place]);
            if let Some(node) = one_too_many(self.spans, &slots, found, place) {
                self.paired.push((found[place], node));
            }
        }
        self.mark_order(&slots, found);
    }

    fn compare(&mut self, expected: &'a Node, found: usize) {
        let differences = node::differences(expected, &self.spans.all()[found]);
        if !differences.is_empty() {
            self.mark_expected(expected, Mark::Different, None);
            self.found[found] = said(Mark::Different, differences);
        }
        self.siblings(&expected.children, self.spans.tree().child_indices(found), Some(found));
    }

    /// Says how many of several alike there are.
    fn note_counts(&mut self, slots: &[Slot<'a>]) {
        for alike in slots.chunk_by(|one, next| ptr::eq(one.node, next.node)) {
            let node = alike[0].node;
            let there = alike.iter().filter(|slot| slot.found.is_some()).count();
            if there > 0 && alike.iter().any(Slot::is_missing) {
                let counts = format!("found {there}, not {}", node.count);
                self.mark_expected(node, Mark::None, Some(counts));
            }
        }
    }

    /// Marks pairs that stand in another order than expected.
    fn mark_order(&mut self, slots: &[Slot<'a>], found: &[usize]) {
        let mut placed: Vec<_> =
            slots.iter().filter_map(|slot| Some((slot.position, slot.found?, slot.node))).collect();
        placed.sort_by_key(|(position, place, _)| (*position, *place));
        let out = out_of_order(&placed.iter().map(|(_, place, _)| *place).collect::<Vec<_>>());
        let mut before = None;
        for (at, (_, place, node)) in placed.iter().enumerate() {
            let index = found[*place];
            if !out[at] {
                before = Some(index);
            } else if self.found[index].mark == Mark::None {
                let after =
                    (at + 1..placed.len()).find(|&at| !out[at]).map(|at| found[placed[at].1]);
                let stands = match (before, after) {
                    (Some(before), _) => format!("expected after {}", self.spans.label(before)),
                    (None, Some(after)) => format!("expected before {}", self.spans.label(after)),
                    (None, None) => "expected elsewhere among its siblings".to_owned(),
                };
                self.mark_expected(node, Mark::Misplaced, None);
                self.found[index] = said(Mark::Misplaced, vec![stands]);
            }
        }
    }

    /// Finds spans that are missing in one place and extra in another.
    fn find_misplaced(&mut self) {
        let mut extra: HashMap<&str, VecDeque<usize>> = HashMap::new();
        for &index in &self.extra {
            let span = &self.spans.all()[index];
            extra.entry(span.component_name()).or_default().push_back(index);
        }
        // Those found elsewhere can have differences in what is below them.
        let mut waiting: VecDeque<_> = mem::take(&mut self.missing).into();
        let mut missing = Vec::new();
        while let Some((node, parent)) = waiting.pop_front() {
            let elsewhere = match &node.component {
                Pattern::Exactly(component) => extra.get_mut(component.as_str()),
                Pattern::Any | Pattern::Like(_) => None,
            };
            let taken = elsewhere.and_then(|places| {
                let all = self.spans.all();
                let like = places.iter().position(|&index| node::is_like(node, &all[index]));
                let named = || places.iter().position(|&index| node::is_named(node, &all[index]));
                places.remove(like.or_else(named)?)
            });
            let Some(found) = taken else {
                missing.push((node, parent));
                continue;
            };
            let here = self.place(self.spans.tree().parent_index(found));
            let there = self.place(parent);
            self.mark_moved(node, found, format!("found {here}"), format!("expected {there}"));
            waiting.extend(mem::take(&mut self.missing));
        }
        self.missing = missing;
    }

    /// Finds spans below extra ones beside which they are expected, and beside missing ones below
    /// which they are.
    fn find_levels(&mut self) {
        let mut waiting = VecDeque::from(by_parent(mem::take(&mut self.missing)));
        let mut missing = Vec::new();
        while let Some((parent, nodes)) = waiting.pop_front() {
            let extra = self.extra.iter().copied().filter(|&index| {
                !self.moved[index] && self.spans.tree().parent_index(index) == parent
            });
            let mut nearby = Nearby::new(self.spans, &extra.collect::<Vec<_>>());
            for node in nodes {
                let Some((levels, found)) = nearby.deeper(node) else {
                    self.find_higher(node, parent, 1, &mut nearby, &mut missing);
                    continue;
                };
                let above = self.spans.tree().parent_index(found).map(|at| self.spans.label(at));
                let (away, above) = (far(levels), above.unwrap_or_default());
                self.mark_moved(
                    node,
                    found,
                    format!("found {away} deeper, under {above}"),
                    format!("expected {away} higher, {}", self.place(parent)),
                );
            }
            waiting.extend(by_parent(mem::take(&mut self.missing)));
        }
        self.missing = missing;
    }

    /// Finds what should be below a missing node and is beside it instead. `self.missing` has the
    /// differences below what was found, and `missing` the nodes that were not.
    fn find_higher(
        &mut self,
        node: &'a Node,
        parent: Option<usize>,
        levels: usize,
        nearby: &mut Nearby<'_>,
        missing: &mut Vec<(&'a Node, Option<usize>)>,
    ) {
        missing.push((node, parent));
        for child in node.children.nodes() {
            if child.count.least() == 0 {
                continue;
            }
            let Some(found) = nearby.here(child) else {
                self.find_higher(child, parent, levels + 1, nearby, missing);
                continue;
            };
            let (away, above) = (far(levels), describe::label(node));
            self.mark_moved(
                child,
                found,
                format!("found {away} higher, {}", self.place(parent)),
                format!("expected {away} deeper, under {above}"),
            );
        }
    }

    /// Marks a node and the span that was found elsewhere, and compares what is below them.
    fn mark_moved(&mut self, node: &'a Node, found: usize, here: String, there: String) {
        self.moved[found] = true;
        self.mark_expected(node, Mark::Misplaced, Some(here));
        let mut notes = vec![there];
        notes.extend(node::differences(node, &self.spans.all()[found]));
        self.found[found] = said(Mark::Misplaced, notes);
        self.siblings(&node.children, self.spans.tree().child_indices(found), Some(found));
    }

    fn place(&self, parent: Option<usize>) -> String {
        match parent {
            Some(parent) => {
                format!("under {}", plain(&self.spans.path(&self.spans.all()[parent])))
            }
            None => "at the top".to_owned(),
        }
    }

    fn mark_leftovers(&mut self) {
        for (node, _) in mem::take(&mut self.missing) {
            self.mark_expected(node, Mark::Missing, None);
        }
        let extra = mem::take(&mut self.extra);
        let mut waiting = extra.clone();
        while let Some(index) = waiting.pop() {
            if !self.moved[index] {
                self.found[index].mark = Mark::Extra;
                waiting.extend(self.spans.tree().child_indices(index));
            }
        }
        let extra: HashSet<_> = extra.into_iter().collect();
        for (index, node) in mem::take(&mut self.paired) {
            if extra.contains(&index) && !self.moved[index] {
                let note = format!("one more than expected: {}", describe::node(node));
                self.found[index] = said(Mark::Duplicated, vec![note]);
            }
        }
    }

    /// Marks problems of the spans that no expectation could allow.
    fn mark_impossible(&mut self) {
        for (index, problem) in self.spans.tree().located_problems() {
            let (Some(index), Some(mark)) = (index, impossible(problem)) else { continue };
            self.found[index].mark = mark;
            if mark == Mark::Duplicated {
                self.found[index].notes = vec!["a span of this id is there already".to_owned()];
            }
        }
    }

    fn mark_expected(&mut self, node: &Node, mark: Mark, remark: Option<String>) {
        if let Some(row) = self.places.get(&ptr::from_ref(node)).map(|&at| &mut self.rows[at]) {
            if mark != Mark::None {
                row.mark = mark;
            }
            if let Some(remark) = remark.filter(|remark| !row.notes.contains(remark)) {
                row.notes.push(remark);
            }
        }
    }
}

/// Returns the mark of a problem that no expectation could allow.
pub(super) fn impossible(problem: &TreeProblem) -> Option<Mark> {
    match problem {
        TreeProblem::Duplicate { .. } => Some(Mark::Duplicated),
        TreeProblem::Loop { .. } => Some(Mark::Misplaced),
        _ => None,
    }
}

/// Groups missing nodes by the span below which they should be, in order.
fn by_parent(missing: Vec<(&Node, Option<usize>)>) -> Vec<(Option<usize>, Vec<&Node>)> {
    let mut groups: Vec<(_, Vec<_>)> = Vec::new();
    let mut places = HashMap::new();
    for (node, parent) in missing {
        let place = *places.entry(parent).or_insert(groups.len());
        if place == groups.len() {
            groups.push((parent, Vec::new()));
        }
        groups[place].1.push(node);
    }
    groups
}

fn far(levels: usize) -> String {
    if levels == 1 { "one level".to_owned() } else { format!("{levels} levels") }
}

fn said(mark: Mark, notes: Vec<String>) -> Said {
    Said { mark, notes, properties: Vec::new() }
}

/// The attributes of which the test speaks: those of found spans say which is which.
fn asked_of(siblings: &Siblings) -> BTreeSet<&str> {
    let mut keys = BTreeSet::new();
    let mut waiting = siblings.nodes();
    while let Some(node) = waiting.pop() {
        keys.extend(node.attributes.iter().map(|(key, _)| key.as_str()));
        waiting.extend(node.children.nodes());
    }
    // Told of each span that failed.
    keys.remove(keys::ERROR_TYPE);
    keys
}

/// Returns the attributes in `told` that the notes do not mention.
fn properties(span: &FinishedSpan, told: &BTreeSet<&str>, notes: &[String]) -> Vec<String> {
    let attributes = span.attributes();
    let set = told.iter().filter_map(|key| Some((quoted(key), attributes.get(key)?)));
    set.filter(|(key, _)| !notes.iter().any(|note| note.starts_with(key.as_str())))
        .map(|(key, value)| format!("{key} = {}", describe::shown_beside(value)))
        .collect()
}

/// The node that has as many as it counts, where the sibling is just like them.
fn one_too_many<'a>(
    spans: &Spans,
    slots: &[Slot<'a>],
    found: &[usize],
    place: usize,
) -> Option<&'a Node> {
    let exact = |pattern: &Pattern| matches!(pattern, Pattern::Exactly(_));
    let alike = slots.iter().filter(|slot| {
        let node = slot.node;
        slot.found.is_some() && exact(&node.kind) && exact(&node.component)
    });
    let mut alike = alike.filter(|slot| node::is_named(slot.node, &spans.all()[found[place]]));
    alike.find(|slot| matching::whole(spans, slot.node, found[place])).map(|slot| slot.node)
}

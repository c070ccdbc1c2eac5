//! Which found siblings can stand for which node, without looking at all pairs.
//!
//! Found siblings are kept by kind and component. Where many nodes share both and all say which
//! value an attribute has, as a hundred thousand calls of one tool would, they are kept by that
//! value too.

use std::collections::HashMap;

use raaf_trace_core::{FinishedSpan, ValueRef};

use crate::{
    Spans,
    expected::{Node, Pattern},
};

/// So many nodes of one kind and component are worth a look at their attributes.
const MANY: usize = 8;

pub(super) struct Index<'a> {
    /// All places among the siblings.
    all: Vec<usize>,
    alike: HashMap<(&'a str, &'a str), Alike<'a>>,
}

/// The nodes and found siblings of one kind and component.
#[derive(Default)]
struct Alike<'a> {
    nodes: Vec<&'a Node>,
    places: Vec<usize>,
    /// An attribute on which all nodes insist, and the places by its value.
    by_value: Option<(&'a str, HashMap<String, Vec<usize>>)>,
}

impl<'a> Index<'a> {
    pub(super) fn new(spans: &'a Spans, nodes: &[&'a Node], found: &[usize]) -> Self {
        let mut alike: HashMap<_, Alike<'a>> = HashMap::new();
        for node in nodes {
            if let Some(key) = key_of_node(node) {
                alike.entry(key).or_default().nodes.push(node);
            }
        }
        for (place, &index) in found.iter().enumerate() {
            if let Some(alike) = alike.get_mut(&key_of_span(&spans.all()[index])) {
                alike.places.push(place);
            }
        }
        for alike in alike.values_mut().filter(|alike| alike.nodes.len() >= MANY) {
            alike.sort_by_value(|place| &spans.all()[found[place]]);
        }
        Self { all: (0..found.len()).collect(), alike }
    }

    /// Places among the siblings, in order, at which the node can stand. No other fits, but these
    /// need not.
    pub(super) fn candidates(&self, node: &'a Node) -> &[usize] {
        let Some(alike) = key_of_node(node).map(|key| self.alike.get(&key)) else {
            return &self.all;
        };
        let Some(alike) = alike else { return &[] };
        let Some((key, by_value)) = &alike.by_value else { return &alike.places };
        let value = exact(node, key).map(text);
        value.and_then(|value| by_value.get(&value)).map_or(&[], Vec::as_slice)
    }

    /// As [`candidates`](Self::candidates), whatever the attributes are.
    pub(super) fn namesakes(&self, node: &'a Node) -> &[usize] {
        match key_of_node(node) {
            None => &self.all,
            Some(key) => self.alike.get(&key).map_or(&[], |alike| &alike.places),
        }
    }
}

impl<'a> Alike<'a> {
    fn sort_by_value(&mut self, span: impl Fn(usize) -> &'a FinishedSpan) {
        let Some((first, others)) = self.nodes.split_first() else { return };
        let keys = first.attributes.iter().map(|(key, _)| key.as_str());
        let mut shared = keys
            .filter(|key| exact(first, key).is_some())
            .filter(|key| others.iter().all(|node| exact(node, key).is_some()));
        let Some(key) = shared.next() else { return };
        let mut by_value: HashMap<_, Vec<usize>> = HashMap::new();
        for &place in &self.places {
            if let Some(value) = span(place).attributes().get(key) {
                by_value.entry(text(value)).or_default().push(place);
            }
        }
        self.by_value = Some((key, by_value));
    }
}

/// The value on which the node insists.
fn exact<'n>(node: &'n Node, key: &str) -> Option<ValueRef<'n>> {
    let mut said = node.attributes.iter().filter(|(said, _)| said == key);
    said.find_map(|(_, matcher)| matcher.exact()).map(|value| value.as_ref())
}

/// The value and its type.
fn text(value: ValueRef<'_>) -> String {
    match value {
        // Zero has two signs, which are equal.
        ValueRef::Float(number) => format!("{:?}", number + 0.0),
        // Two that are equal can be written in two orders.
        ValueRef::Json(_) => "JSON".to_owned(),
        value => format!("{value:?}"),
    }
}

fn key_of_node(node: &Node) -> Option<(&str, &str)> {
    match (&node.kind, &node.component) {
        (Pattern::Exactly(kind), Pattern::Exactly(component)) => Some((kind, component)),
        _ => None,
    }
}

fn key_of_span(span: &FinishedSpan) -> (&str, &str) {
    (span.kind().as_str(), span.component_name())
}

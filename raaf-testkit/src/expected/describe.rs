//! The expected tree, drawn.

use std::{collections::HashMap, fmt, ptr};

use raaf_trace_core::{Value, ValueRef};

use super::{Expected, Item, Node, Pattern, Siblings};
use crate::tree::{Mark, Row, draw, quoted, word};

/// The lines of an expected tree, and which of them is whose.
pub(crate) fn rows(expected: &Expected) -> (Vec<Row>, HashMap<*const Node, usize>) {
    let mut rows = Rows::default();
    rows.add(&expected.roots, 0);
    (rows.rows, rows.places)
}

#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    places: HashMap<*const Node, usize>,
}

impl Rows {
    fn add(&mut self, siblings: &Siblings, depth: usize) {
        for item in &siblings.items {
            match item {
                Item::Node(node) => {
                    self.places.insert(ptr::from_ref(node), self.rows.len());
                    self.push(depth, describe(node));
                    self.add(&node.children, depth + 1);
                }
                Item::AnyOrder(group) => {
                    self.push(depth, "in_any_order".to_owned());
                    self.add(group, depth + 1);
                }
                Item::Others => self.push(depth, "..".to_owned()),
            }
        }
    }

    fn push(&mut self, depth: usize, text: String) {
        self.rows.push(Row { depth, mark: Mark::None, text, note: None });
    }
}

/// A node without its children.
fn describe(node: &Node) -> String {
    let any_or = |pattern: &Pattern, show: fn(&str) -> String| match pattern {
        Pattern::Any => "*".to_owned(),
        Pattern::Exactly(text) => show(text),
    };
    let mut text = format!("{} {}", any_or(&node.kind, word), any_or(&node.component, quoted));
    if let Pattern::Exactly(method) = &node.method {
        text.push('.');
        text.push_str(&word(method));
    }
    let status = node.status.map(|status| format!("status = {status}"));
    let name = match &node.name {
        Pattern::Any => None,
        Pattern::Exactly(name) => Some(format!("name = {}", quoted(name))),
    };
    let attributes = node.attributes.iter().map(|(key, expected)| {
        let expected = value(expected.as_ref().map(Value::as_ref));
        format!("{} = {expected}", quoted(key))
    });
    let properties: Vec<_> = status.into_iter().chain(name).chain(attributes).collect();
    if !properties.is_empty() {
        text.extend([" [", &properties.join(", "), "]"]);
    }
    if node.count != 1 {
        text.extend([" x ", &node.count.to_string()]);
    }
    text
}

/// A value as one would write it.
pub(crate) fn value(value: Option<ValueRef<'_>>) -> String {
    let Some(value) = value else { return "None".to_owned() };
    match value.as_str() {
        Some(text) => quoted(text),
        None => match value.as_json() {
            Some(json) => json.to_string(),
            None => value.to_string(),
        },
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        draw(f, "", &rows(self).0)
    }
}

//! Draws the expected tree.

use std::{borrow::Cow, collections::HashMap, fmt, ops::Bound, ptr, time::Duration};

use raaf_trace_model::attributes::ValueRef;

use super::{Count, Expected, ExpectedEvent, Item, Matcher, Node, Pattern, Siblings};
use crate::tree::{Row, draw, plain, quoted, word};

/// Largest number of characters shown of a string that differs.
const LONGEST: usize = 80;

/// Largest number of characters shown of a string beside others.
const LONGEST_BESIDE: usize = 40;

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
                Item::Node(expected) => {
                    self.places.insert(ptr::from_ref(&**expected), self.rows.len());
                    self.push(depth, node(expected), true);
                    self.add(&expected.children, depth + 1);
                }
                Item::AnyOrder(group) => {
                    self.push(depth, "in_any_order".to_owned(), false);
                    self.add(group, depth + 1);
                }
                Item::Others => self.push(depth, "..".to_owned(), false),
            }
        }
    }

    fn push(&mut self, depth: usize, text: String, is_span: bool) {
        self.rows.push(Row { is_span, ..Row::new(depth, text) });
    }
}

/// A node without its children.
pub(crate) fn node(node: &Node) -> String {
    let mut text = label(node);
    if node.name != Pattern::Any {
        text.extend([" name ", &pattern(&node.name, quoted)]);
    }
    let status = node.status.map(|status| format!("status = {status}"));
    let properties: Vec<_> = status
        .into_iter()
        .chain(node.attributes.iter().map(attribute))
        .chain(node.events.iter().map(event))
        .chain(node.durations.iter().map(duration))
        .collect();
    if !properties.is_empty() {
        text.extend([" [", &properties.join(", "), "]"]);
    }
    if node.count != Count::ONE {
        text.extend([" x ", &node.count.to_string()]);
    }
    text
}

/// Kind, component and method of a node.
pub(crate) fn label(node: &Node) -> String {
    let mut text = format!("{} {}", pattern(&node.kind, word), pattern(&node.component, quoted));
    if node.method != Pattern::Any {
        text.extend([".", &pattern(&node.method, word)]);
    }
    text
}

/// Parentheses keep a star from standing for any text.
fn pattern(pattern: &Pattern, show: fn(&str) -> String) -> String {
    match pattern {
        Pattern::Any => "*".to_owned(),
        Pattern::Exactly(text) if text.contains('*') => format!("({})", quoted(text)),
        Pattern::Exactly(text) => show(text),
        Pattern::Like(text) => quoted(text),
    }
}

fn attribute((key, matcher): &(String, Matcher)) -> String {
    matcher.of_key(&quoted(key))
}

pub(crate) fn event(event: &ExpectedEvent) -> String {
    let never = event.count.most() == 0;
    let not = if never { "!" } else { "" };
    let mut text = format!("{not}event {}", pattern(&event.name, quoted));
    if !event.attributes.is_empty() {
        let attributes: Vec<_> = event.attributes.iter().map(attribute).collect();
        text.extend([" [", &attributes.join(", "), "]"]);
    }
    if event.count != Count::SOME && !never {
        text.extend([" x ", &event.count.to_string()]);
    }
    text
}

fn duration(range: &(Bound<Duration>, Bound<Duration>)) -> String {
    format!("duration {}", length(*range))
}

/// Describes the bounds on a duration.
pub(crate) fn length(range: (Bound<Duration>, Bound<Duration>)) -> String {
    match range {
        (Bound::Included(start), Bound::Included(end)) if start == end => format!("= {start:?}"),
        (Bound::Unbounded, Bound::Unbounded) => ">= 0s".to_owned(),
        (Bound::Included(start), Bound::Unbounded) => format!(">= {start:?}"),
        (Bound::Excluded(start), Bound::Unbounded) => format!("> {start:?}"),
        (Bound::Unbounded, Bound::Included(end)) => format!("<= {end:?}"),
        (Bound::Unbounded, Bound::Excluded(end)) => format!("< {end:?}"),
        (Bound::Included(start), Bound::Included(end)) => format!("in {start:?}..={end:?}"),
        (Bound::Included(start), Bound::Excluded(end)) => format!("in {start:?}..{end:?}"),
        (Bound::Excluded(start), end) => {
            format!("> {start:?}, duration {}", length((Bound::Unbounded, end)))
        }
    }
}

/// A value as text: what is not text as it is shown.
pub(crate) fn text_of(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Str(text) => Cow::Borrowed(text),
        ValueRef::Json(json) => Cow::Owned(json.to_string()),
        other => Cow::Owned(other.to_string()),
    }
}

/// A value as one would write it, up to a length at which it is still read.
pub(crate) fn shown(value: ValueRef<'_>) -> String {
    excerpt(value, 0, LONGEST)
}

/// Shows a value in shorter form.
pub(crate) fn shown_beside(value: ValueRef<'_>) -> String {
    excerpt(value, 0, LONGEST_BESIDE)
}

pub(crate) fn optional(value: Option<ValueRef<'_>>) -> String {
    value.map_or_else(|| "None".to_owned(), shown_beside)
}

/// Two values that differ, long texts from a little before where they do.
pub(crate) fn apart(one: ValueRef<'_>, other: ValueRef<'_>) -> (String, String) {
    const BEFORE: usize = 20;
    let (texts, letters) = ((text_of(one), text_of(other)), LONGEST / 2);
    let same = texts.0.chars().zip(texts.1.chars()).take_while(|(one, other)| one == other).count();
    let skipped = if same > letters { same - BEFORE } else { 0 };
    (excerpt(one, skipped, LONGEST), excerpt(other, skipped, LONGEST))
}

fn excerpt(value: ValueRef<'_>, skipped: usize, longest: usize) -> String {
    let text = text_of(value);
    let length = text.chars().count();
    let part: String = text.chars().skip(skipped).take(longest).collect();
    let part = match value {
        ValueRef::Str(_) => quoted(&part),
        _ => plain(&part),
    };
    match (skipped > 0, length > skipped + longest) {
        (false, false) => part,
        (before, after) => {
            let dots = |is: bool| if is { "…" } else { "" };
            format!("{}{part}{} ({length} characters)", dots(before), dots(after))
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        draw(f, "", &rows(self).0)
    }
}

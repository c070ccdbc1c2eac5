//! Compares one span with one expected node, ignoring children.

use std::ops::RangeBounds as _;

use raaf_trace_model::span::FinishedSpan;

use crate::{
    expected::{Count, ExpectedEvent, Node, Pattern, describe},
    tree::quoted,
};

/// Returns true if kind, component and method match.
pub(super) fn is_named(node: &Node, span: &FinishedSpan) -> bool {
    node.kind.matches(span.kind().as_str())
        && node.component.matches(span.component_name())
        && node.method.matches(span.method())
}

/// Returns true if all properties of the node match.
pub(super) fn is_like(node: &Node, span: &FinishedSpan) -> bool {
    is_named(node, span)
        && node.status.is_none_or(|status| status == span.status())
        && (node.name == Pattern::Any || node.name.matches(&span.name()))
        && attributes_fit(node, span)
        && node.durations.iter().all(|range| range.contains(&span.duration()))
        && node.events.iter().all(|event| event.count.allows(count(event, span)))
}

fn attributes_fit(node: &Node, span: &FinishedSpan) -> bool {
    if node.attributes.is_empty() {
        return true;
    }
    let attributes = span.attributes();
    node.attributes.iter().all(|(key, matcher)| matcher.holds_for(attributes.get(key)))
}

fn count(event: &ExpectedEvent, span: &FinishedSpan) -> usize {
    span.events().filter(|found| event.is_like(found)).count()
}

/// Describes the properties that do not match.
pub(super) fn differences(node: &Node, span: &FinishedSpan) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = |what: &str, expected: &Pattern, actual: &str| match expected {
        expected if expected.matches(actual) => {}
        Pattern::Like(expected) => {
            found.push(format!("{what} is {}, not like {}", quoted(actual), quoted(expected)));
        }
        Pattern::Exactly(expected) => {
            found.push(format!("{what} is {}, not {}", quoted(actual), quoted(expected)));
        }
        Pattern::Any => {}
    };
    word("kind", &node.kind, span.kind().as_str());
    word("component", &node.component, span.component_name());
    word("method", &node.method, span.method());
    word("name", &node.name, &span.name());
    if let Some(expected) = node.status.filter(|&status| status != span.status()) {
        found.push(format!("status is {}, not {expected}", span.status()));
    }
    let attributes = span.attributes();
    for (key, matcher) in &node.attributes {
        let value = attributes.get(key);
        if !matcher.holds_for(value) {
            found.push(format!("{} {}", quoted(key), matcher.complaint(value)));
        }
    }
    for event in &node.events {
        found.extend(complaint(event, span));
    }
    for range in node.durations.iter().filter(|range| !range.contains(&span.duration())) {
        found.push(format!("duration is {:?}, not {}", span.duration(), describe::length(*range)));
    }
    found
}

/// Describes a mismatch of events with one name. An event with other attributes is reported in
/// preference to a missing one.
fn complaint(event: &ExpectedEvent, span: &FinishedSpan) -> Option<String> {
    let count = count(event, span);
    if event.count.allows(count) {
        return None;
    }
    let times = match count {
        0 => "is not there".to_owned(),
        1 => "is there once".to_owned(),
        count => format!("is there {count} times"),
    };
    let should = match (event.count, event.count.most()) {
        (Count::SOME, _) => String::new(),
        (_, 0) => ", and should be absent".to_owned(),
        (expected, _) => format!(", and should be x {expected}"),
    };
    let near = if count == 0 { nearest(event, span) } else { String::new() };
    let sort = describe::event(&ExpectedEvent { count: Count::SOME, ..event.clone() });
    Some(format!("{sort} {times}{should}{near}"))
}

/// Describes the events that were found instead.
fn nearest(event: &ExpectedEvent, span: &FinishedSpan) -> String {
    const SHOWN: usize = 8;
    if let Some(near) = span.events().find(|found| event.name.matches(found.name())) {
        let wrong = event.attributes.iter().filter_map(|(key, matcher)| {
            let value = near.attributes().get(key);
            let fits = matcher.holds_for(value);
            (!fits).then(|| format!("{} {}", quoted(key), matcher.complaint(value)))
        });
        return format!("; in the one that is, {}", wrong.collect::<Vec<_>>().join(", "));
    }
    let names: Vec<_> = span.events().map(|event| quoted(event.name())).take(SHOWN).collect();
    if names.is_empty() {
        return "; there are no events".to_owned();
    }
    format!("; there are {}", names.join(", "))
}

//! One span against one expected node, children aside.

use raaf_trace_core::{FinishedSpan, Value};

use crate::{
    expected::{Node, Pattern, value},
    tree::quoted,
};

/// Whether the span is of that kind, component and method.
pub(super) fn is_named(node: &Node, span: &FinishedSpan) -> bool {
    node.kind.matches(span.kind().as_str())
        && node.component.matches(span.component().name())
        && node.method.matches(span.method())
}

/// Whether all that the node says holds for the span.
pub(super) fn is_like(node: &Node, span: &FinishedSpan) -> bool {
    is_named(node, span)
        && node.status.is_none_or(|status| status == span.status())
        && (node.name == Pattern::Any || node.name.matches(&span.name()))
        && node.attributes.iter().all(|(key, expected)| {
            span.attributes().get(key) == expected.as_ref().map(Value::as_ref)
        })
}

/// What does not hold, in words.
pub(super) fn differences(node: &Node, span: &FinishedSpan) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = |what: &str, expected: &Pattern, actual: &str| {
        if let Pattern::Exactly(expected) = expected
            && expected != actual
        {
            found.push(format!("{what} is {}, not {}", quoted(actual), quoted(expected)));
        }
    };
    word("kind", &node.kind, span.kind().as_str());
    word("component", &node.component, span.component().name());
    word("method", &node.method, span.method());
    word("name", &node.name, &span.name());
    if let Some(expected) = node.status.filter(|&status| status != span.status()) {
        found.push(format!("status is {}, not {expected}", span.status()));
    }
    for (key, expected) in &node.attributes {
        let actual = span.attributes().get(key);
        let expected = expected.as_ref().map(Value::as_ref);
        if actual != expected {
            found.push(match (actual, expected) {
                (None, _) => format!("{} is not set, not {}", quoted(key), value(expected)),
                (_, None) => format!("{} is {}, not absent", quoted(key), value(actual)),
                _ => format!("{} is {}, not {}", quoted(key), value(actual), value(expected)),
            });
        }
    }
    found
}

//! Labels of spans, in the notation of `assert_span_tree!`.

use raaf_trace_model::{
    keys,
    naming::distinct_method,
    span::{FinishedSpan, SpanError, Status},
};

/// Number of characters of an error's message that are shown.
const MOST_OF_MESSAGE: usize = 80;

/// Returns text as a string literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// Escapes invisible characters and those that move the cursor.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\'' | '\\' => plain.push(letter),
            letter => plain.extend(letter.escape_debug()),
        }
    }
    plain
}

/// Returns a bare word if possible, otherwise a string literal.
pub(crate) fn word(text: &str) -> String {
    let mut letters = text.chars();
    let starts = letters.next().is_some_and(|first| first == '_' || first.is_alphabetic());
    if starts && letters.all(|letter| letter == '_' || letter.is_alphanumeric()) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Returns kind and component, and the method if it is neither `run` nor the component's name.
pub(crate) fn label(kind: &str, component: &str, method: &str) -> String {
    let mut label = format!("{} {}", word(kind), quoted(component));
    if let Some(method) = distinct_method(component, method) {
        label.push('.');
        label.push_str(&word(method));
    }
    label
}

/// Returns the label of a span, its status unless it is ok, and other properties; for a failed one,
/// the messages of its error and the causes as a comment.
pub(super) fn of_span(span: &FinishedSpan, more: impl IntoIterator<Item = String>) -> String {
    let mut text = label(span.kind().as_str(), span.component_name(), span.method());
    let mut properties = Vec::new();
    if span.status() != Status::Ok {
        properties.push(format!("status = {}", span.status()));
        if let Some(error) = span.attributes().get(keys::ERROR_TYPE) {
            properties.push(format!("\"error.type\" = {}", quoted(&error.to_string())));
        }
    }
    properties.extend(more);
    if !properties.is_empty() {
        text.extend([" [", &properties.join(", "), "]"]);
    }
    if let Some(message) = span.error().and_then(SpanError::with_causes)
        && !message.is_empty()
    {
        let short: String = message.chars().take(MOST_OF_MESSAGE).collect();
        let rest = if short.len() < message.len() { "…" } else { "" };
        text.extend([" // ", &plain(&short), rest]);
    }
    text
}

//! Span errors.

use std::{borrow::Cow, fmt};

use serde_json::Value as Json;

use crate::{
    attributes::{SpanLimits, Value, cut_plain},
    keys,
    redact::Redactor,
};

/// Error of a failed span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanError {
    kind: String,
    message: Option<String>,
    /// Source chain as a JSON array of strings, its form as an attribute.
    sources: Option<Json>,
}

impl SpanError {
    /// Creates an error of that type, within `limits`.
    ///
    /// Message and sources are content and are left out where content is: the error of a tool or a
    /// model can contain user input, and errors propagate to outer spans.
    pub fn new<S: AsRef<str>>(
        kind: &str,
        message: Option<&str>,
        sources: impl IntoIterator<Item = S>,
        limits: SpanLimits,
    ) -> Self {
        let cut = |text: &str| cut_plain(text, limits.max_value_bytes as usize).to_string();
        let mut error = Self { kind: cut(kind), message: None, sources: None };
        if limits.include_content {
            let sources = sources.into_iter().map(|source| Json::String(cut(source.as_ref())));
            let sources: Vec<Json> = sources.collect();
            error.message = message.map(cut);
            error.sources = (!sources.is_empty()).then_some(Json::Array(sources));
        }
        error
    }

    /// Replaces secrets in message and sources, which may be JSON from a server.
    pub(crate) fn redact(&mut self, redactor: &Redactor) {
        let searched = |message: &str| {
            redactor.redacted(keys::ERROR_MESSAGE, Value::from(message)).as_ref().to_string()
        };
        if let Some(message) = &mut self.message {
            *message = searched(message);
        }
        // One by one: `authorization: expired` is a message, not a header in a list.
        for source in self.sources.iter_mut().filter_map(Json::as_array_mut).flatten() {
            if let Json::String(message) = source {
                *message = searched(message);
            }
        }
    }

    /// Removes message and sources.
    pub(crate) fn drop_content(&mut self) {
        self.message = None;
        self.sources = None;
    }

    /// Returns the error's type (`error.type`), a string of low cardinality.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the error's message (`error.message`); `None` when sensitive data is left out.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Returns the messages of the error and its sources, joined by colons: `reading failed: disk
    /// full`; `None` when sensitive data is left out.
    pub fn with_causes(&self) -> Option<Cow<'_, str>> {
        let sources = self.sources.as_ref().and_then(Json::as_array).into_iter().flatten();
        Some(with_causes(self.message.as_deref()?, sources.filter_map(Json::as_str)))
    }

    /// Returns the messages of the error's sources, outermost first (`error.chain`); `None` when
    /// there are none, or when sensitive data is left out.
    pub fn sources(&self) -> Option<&Json> {
        self.sources.as_ref()
    }
}

/// Returns an error's message followed by those of its causes, joined by colons. A message that ends
/// in that of its cause is not followed by it.
///
/// ```
/// use raaf_trace_core::span::with_causes;
///
/// let text = with_causes("request failed", ["connection lost", "broken pipe"]);
/// assert_eq!(text, "request failed: connection lost: broken pipe");
/// assert_eq!(with_causes("saving: disk full", ["disk full"]), "saving: disk full");
/// ```
pub fn with_causes<S: AsRef<str>>(
    message: &str,
    causes: impl IntoIterator<Item = S>,
) -> Cow<'_, str> {
    causes.into_iter().fold(message.into(), |text, cause| match cause.as_ref() {
        cause if text.ends_with(cause) => text,
        cause => format!("{text}: {cause}").into(),
    })
}

/// Writes the type, and the message if it is recorded: `ParseIntError: invalid digit found in string`.
impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        self.message.iter().try_for_each(|message| write!(f, ": {message}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_type_and_message() {
        let error = |message| {
            SpanError::new("ParseIntError", message, [""; 0], SpanLimits::default()).to_string()
        };
        assert_eq!(error(Some("invalid digit")), "ParseIntError: invalid digit");
        assert_eq!(error(None), "ParseIntError");
    }
}

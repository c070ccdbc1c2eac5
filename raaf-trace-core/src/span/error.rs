//! Why a span failed, as its attributes say it.

use serde_json::Value as Json;

use crate::{Redactor, SpanLimits, Value, attributes::cut_plain, keys, outcome::ErrorReport};

/// The error of a failed span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanError {
    kind: String,
    message: Option<String>,
    /// The source chain as a JSON array of strings: the form in which attributes show it.
    sources: Option<Json>,
}

impl SpanError {
    /// Texts are content: a tool's or a model's error can hold what the user typed, and errors
    /// travel up, so that the switch leaves them out of every span.
    pub(crate) fn new(error: &ErrorReport, limits: SpanLimits) -> Self {
        let cut = |text: &str| cut_plain(text, limits.max_value_bytes as usize).to_string();
        let sources: Vec<Json> = error.sources.iter().map(|text| Json::String(cut(text))).collect();
        Self {
            kind: cut(&error.type_name),
            message: limits.include_content.then(|| cut(&error.message)),
            sources: (limits.include_content && !sources.is_empty())
                .then_some(Json::Array(sources)),
        }
    }

    /// Takes secrets out of the texts, which may be JSON that a server sent.
    pub(crate) fn screen(&mut self, redactor: &Redactor) {
        if let Some(message) = &mut self.message {
            let searched = redactor.redacted(keys::ERROR_MESSAGE, Value::from(message.as_str()));
            *message = searched.as_ref().to_string();
        }
        if let Some(sources) = self.sources.take() {
            self.sources = match redactor.redacted(keys::ERROR_CHAIN, Value::from(sources)) {
                Value::Json(sources) => Some(Json::clone(&sources)),
                _ => None,
            };
        }
    }

    /// Leaves out the texts.
    pub(crate) fn drop_texts(&mut self) {
        self.message = None;
        self.sources = None;
    }

    /// The short name of the error's type (`error.type`), or the word a component chose instead.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What the error said (`error.message`); `None` when sensitive data is left out.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What caused it, outermost first (`error.chain`); `None` when nothing did, or when
    /// sensitive data is left out.
    pub fn sources(&self) -> Option<&Json> {
        self.sources.as_ref()
    }
}

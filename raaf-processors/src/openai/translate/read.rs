//! Reads attributes of a span.

use std::borrow::Cow;

use raaf_trace_model::{
    attributes::ValueRef,
    keys,
    span::{FinishedSpan, SpanAttributes},
};
use serde_json::{Map, Value as Json};

use super::super::fit::{self, MAX_CONTENT};

/// Typed access to a span's attributes.
#[derive(Clone, Copy)]
pub(super) struct Read<'a>(SpanAttributes<'a>);

impl<'a> Read<'a> {
    pub(super) fn new(span: &'a FinishedSpan) -> Self {
        Self(span.attributes())
    }

    pub(super) fn value(self, key: &str) -> Option<ValueRef<'a>> {
        self.0.get(key)
    }

    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.value(key)?.as_str()
    }

    /// Returns a list of names; a single name is a list of one.
    pub(super) fn names(self, key: &str) -> Vec<&'a str> {
        match self.value(key) {
            Some(ValueRef::Str(name)) => vec![name],
            Some(ValueRef::Json(Json::Array(names))) => {
                names.iter().filter_map(Json::as_str).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the first of these attributes that is set, text as it is and anything else as JSON
    /// text, within the size limit of content.
    pub(super) fn shown<const N: usize>(self, keys: [&str; N]) -> Option<Cow<'a, str>> {
        let value = keys.into_iter().find_map(|key| self.value(key))?;
        Some(match value {
            ValueRef::Str(text) => fit::text(text, MAX_CONTENT),
            other => Cow::Owned(fit::text(&other.to_string(), MAX_CONTENT).into_owned()),
        })
    }

    /// Returns all attributes whose keys begin with `prefix`, with the prefix removed.
    pub(super) fn under(self, prefix: &str) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> {
        let stored = self.0.stored();
        stored.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value)))
    }
}

/// Converts a value to JSON.
pub(super) fn json(value: ValueRef<'_>) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

/// Returns the settings of a model under OpenAI's names.
pub(super) fn model_config(read: Read<'_>) -> Map<String, Json> {
    let settings = read.under("gen_ai.request.").filter(|(name, _)| *name != "model");
    let settings = settings.map(|(name, value)| match name {
        "stop_sequences" => ("stop", value),
        "reasoning.level" => ("reasoning_effort", value),
        other => (other, value),
    });
    let address = read.text(keys::URL).map(|url| ("base_url", ValueRef::Str(base_url(url))));
    let choice = read.value(keys::MODEL_TOOL_CHOICE).map(|choice| ("tool_choice", choice));
    settings
        .chain(choice)
        .chain(address)
        .map(|(name, value)| (name.to_owned(), json(value)))
        .collect()
}

/// Returns the base URL of a call's URL: without the path of the operation and the query.
fn base_url(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let calls =
        ["chat/completions", "completions", "responses", "audio/speech", "audio/transcriptions"];
    let api = calls.iter().find_map(|call| path.strip_suffix(call));
    api.filter(|api| api.ends_with('/')).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use raaf_trace_model::Kind;
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_of_a_model_have_the_names_of_the_api() {
        let span = FinishedSpan::builder(Kind::Llm, "m")
            .attribute(keys::GEN_AI_REQUEST_MODEL, "m")
            .attribute(keys::GEN_AI_REQUEST_SEED, 7)
            .attribute(keys::GEN_AI_REQUEST_REASONING_LEVEL, "low")
            .attribute(keys::MODEL_TOOL_CHOICE, "required")
            .build();
        let expected = json!({"seed": 7, "reasoning_effort": "low", "tool_choice": "required"});
        assert_eq!(Json::Object(model_config(Read::new(&span))), expected);
    }

    #[test]
    fn the_address_of_a_call_becomes_that_of_the_api() {
        for (url, base) in [
            ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1/"),
            ("https://api.openai.com/v1/responses", "https://api.openai.com/v1/"),
            ("https://host/m/chat/completions?api-version=1&key=k", "https://host/m/"),
            ("http://127.0.0.1:1/v1/", "http://127.0.0.1:1/v1/"),
            ("http://host/my-responses", "http://host/my-responses"),
            ("", ""),
        ] {
            assert_eq!(base_url(url), base);
        }
    }
}

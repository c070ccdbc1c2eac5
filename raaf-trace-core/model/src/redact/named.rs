//! Fields that name what another field of the same object holds.

use serde_json::{Map, Value as Json};

use super::words::{Hides, SecretWords, last_word};

/// Last words of the keys of fields whose string is a name: `name`, `headerName`, `param`.
const NAME: [&str; 13] = [
    "attribute",
    "env",
    "field",
    "header",
    "k",
    "key",
    "label",
    "name",
    "option",
    "param",
    "parameter",
    "var",
    "variable",
];

/// Last words of the keys of fields that hold the value of that name: `value`, `stringValue`.
const VALUE: [&str; 5] = ["default", "v", "val", "value", "values"];

/// Returns the secret values in the field `value`, by the fields that name it: that of
/// `{"name": "Authorization", "value": "…"}` is hidden.
pub(super) fn hidden_value(words: &SecretWords, fields: &Map<String, Json>) -> Hides {
    let named = |(key, field): (&String, &Json)| match field {
        Json::String(name) if is_name(key) => words.hidden_by(name),
        _ => Hides::Nothing,
    };
    if !fields.keys().any(|key| is_value(key)) {
        return Hides::Nothing;
    }
    fields.iter().map(named).max().unwrap_or_default()
}

/// Returns whether the field names the one that holds a value.
pub(super) fn is_name(key: &str) -> bool {
    ends_with(key, &NAME) || key.eq_ignore_ascii_case("id")
}

/// Returns whether the field holds the value of a name.
pub(super) fn is_value(key: &str) -> bool {
    ends_with(key, &VALUE)
}

/// Returns whether the field may list alternating names and values of headers, as `rawHeaders` of Node.js.
pub(super) fn is_header_list(key: &str) -> bool {
    ["headers", "rawHeaders", "raw_headers"].iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// Field of a JSON schema that maps names of fields to their schemas.
pub(super) const SCHEMAS: &str = "properties";

/// Returns whether the field of a JSON schema describes the values, and is not one itself.
pub(super) fn describes(key: &str) -> bool {
    ["$ref", "description", "format", "title", "type"].contains(&key)
}

fn ends_with(key: &str, words: &[&str]) -> bool {
    let last = last_word(key);
    words.iter().any(|known| known.eq_ignore_ascii_case(last))
}

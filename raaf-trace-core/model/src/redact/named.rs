//! Fields that name what another field of the same object holds.

use serde_json::{Map, Value as Json};

use super::words::{Hides, SecretWords};

/// Keys of fields whose string is a name, in lower case.
const NAME: [&str; 5] = ["field", "header", "key", "name", "variable"];

/// Keys of fields that hold the value of that name, in lower case.
const VALUE: [&str; 3] = ["val", "value", "values"];

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
    NAME.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// Returns whether the field holds the value of a name.
pub(super) fn is_value(key: &str) -> bool {
    VALUE.iter().any(|known| known.eq_ignore_ascii_case(key))
}

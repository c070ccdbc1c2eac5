//! Deserialization that accepts numbers as text and text as numbers, as some servers send them. A member
//! of any other type counts as missing, so that the rest can still be read.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value as Json;

/// Reads text, or a number as text.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Json::deserialize(from)? {
        Json::String(text) => Some(text),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// Reads a non-negative number, which may be text. A fraction is rounded.
pub(super) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(match Json::deserialize(from)? {
        Json::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(rounded)),
        Json::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse().ok().and_then(rounded))
        }
        _ => None,
    })
}

/// Reads a member; `None` if it has another type.
pub(super) fn member<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Json::deserialize(from)?).ok())
}

/// Reads a list, or a single object as a list of one. Items of another type are left out.
pub(super) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let items = match Json::deserialize(from)? {
        Json::Array(items) => items,
        item @ Json::Object(_) => vec![item],
        _ => Vec::new(),
    };
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}

/// Reads `null` as a default.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Largest number up to which `f64` represents each integer.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
fn rounded(number: f64) -> Option<u64> {
    (0.0..=MAX_EXACT).contains(&number).then(|| number.round() as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_in_all_forms_and_nonsense_is_nothing() {
        for (json, expected) in [
            (json!(7), Some(7)),
            (json!(7.0), Some(7)),
            (json!("7"), Some(7)),
            (json!(" 7.2 "), Some(7)),
            (json!(null), None),
            (json!(-1), None),
            (json!("NaN"), None),
            (json!(1e20), None),
            (json!("1e999"), None),
            (json!([7]), None),
        ] {
            assert_eq!(count(json.clone()).unwrap(), expected, "{json}");
        }
    }
}

//! Translates token usage.

use raaf_trace_model::{attributes::ValueRef, keys};
use serde_json::{Map, Number, Value as Json};

use super::{super::wire::Usage, read::Read};

const PREFIX: &str = "gen_ai.usage.";
/// Details that were set as an object.
const DETAILS: &str = "gen_ai.usage.details";

const INPUT_DETAILS: &str = "input_tokens_details";
const OUTPUT_DETAILS: &str = "output_tokens_details";

/// Counts within groups of the details, with their keys here; of two keys, the last that is set.
const DETAILED: [(&str, &str, &str); 4] = [
    (INPUT_DETAILS, "cached_tokens", keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS),
    // The name in older conventions.
    (INPUT_DETAILS, "cache_write_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    (INPUT_DETAILS, "cache_write_tokens", keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS),
    (OUTPUT_DETAILS, "reasoning_tokens", keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS),
];

/// Returns the usage of a model call; `None` unless both of its numbers are known, since the server
/// requires both, and a 0 would be a claim. The server refuses a whole batch for an unknown name at the
/// top level or for a value that is not a number, so everything else goes into the details.
pub(super) fn of(read: Read<'_>) -> Option<Usage> {
    let tokens = |key: &str| read.value(key).and_then(count);
    let input_tokens = tokens(keys::GEN_AI_USAGE_INPUT_TOKENS)?;
    let output_tokens = tokens(keys::GEN_AI_USAGE_OUTPUT_TOKENS)?;
    let given = read.value(DETAILS).and_then(|details| details.as_json()?.as_object());
    let mut details = given.cloned().unwrap_or_default();
    for (name, value) in read.under(PREFIX).filter(|(name, _)| !is_said(name)) {
        if let Some(number) = number(value) {
            details.insert(name.to_owned(), Json::Number(number));
        }
    }
    let total = input_tokens.saturating_add(output_tokens);
    for (name, number) in [("requests", 1), ("total_tokens", total)] {
        details.entry(name).or_insert(number.into());
    }
    for group in [INPUT_DETAILS, OUTPUT_DETAILS] {
        let mut counts = match details.remove(group) {
            Some(Json::Object(counts)) => counts,
            _ => Map::new(),
        };
        for (_, name, key) in DETAILED.into_iter().filter(|(of, ..)| *of == group) {
            match tokens(key) {
                Some(count) => _ = counts.insert(name.to_owned(), count.into()),
                None => _ = counts.entry(name).or_insert(0.into()),
            }
        }
        if group == INPUT_DETAILS {
            counts.entry("cache_write_tokens_details").or_insert(Json::Null);
        }
        details.insert(group.to_owned(), counts.into());
    }
    Some(Usage { input_tokens, output_tokens, details })
}

/// Returns whether a key under the prefix has a place of its own.
fn is_said(name: &str) -> bool {
    matches!(name, "input_tokens" | "output_tokens")
        || DETAILED.iter().any(|(.., key)| key.strip_prefix(PREFIX) == Some(name))
}

fn count(value: ValueRef<'_>) -> Option<u64> {
    match value {
        ValueRef::Int(count) => u64::try_from(count).ok(),
        ValueRef::Json(Json::Number(count)) => count.as_u64(),
        // Other libraries count in floats; fractions are not valid counts.
        ValueRef::Float(count) => count.to_string().parse().ok(),
        _ => None,
    }
}

fn number(value: ValueRef<'_>) -> Option<Number> {
    match value {
        ValueRef::Int(number) => Some(number.into()),
        ValueRef::Float(number) => Number::from_f64(number),
        ValueRef::Json(Json::Number(number)) => Some(number.clone()),
        _ => None,
    }
}

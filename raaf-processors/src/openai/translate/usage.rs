//! Translates token usage.

use raaf_trace_model::{attributes::ValueRef, keys};
use serde_json::{Map, Number, Value as Json, json};

use super::{super::wire::Usage, read::Read};

const PREFIX: &str = "gen_ai.usage.";

/// Returns the usage of a model call; `None` unless both of its numbers are known, since the server
/// requires both, and a 0 would be a claim. The server refuses a whole batch for an unknown name at the
/// top level or for a value that is not a number, so everything else goes into the details.
pub(super) fn of(read: Read<'_>) -> Option<Usage> {
    let tokens = |key: &str| read.value(key).and_then(count);
    let input_tokens = tokens(keys::GEN_AI_USAGE_INPUT_TOKENS)?;
    let output_tokens = tokens(keys::GEN_AI_USAGE_OUTPUT_TOKENS)?;
    let detail = |name: &str| tokens(&[PREFIX, name].concat()).unwrap_or_default();
    let mut details = Map::new();
    details.insert("requests".to_owned(), 1.into());
    details.insert("total_tokens".to_owned(), input_tokens.saturating_add(output_tokens).into());
    details.insert(
        "input_tokens_details".to_owned(),
        json!({
            "cached_tokens": detail("cache_read.input_tokens"),
            "cache_write_tokens": detail("cache_creation.input_tokens"),
            "cache_write_tokens_details": null,
        }),
    );
    details.insert(
        "output_tokens_details".to_owned(),
        json!({ "reasoning_tokens": detail("reasoning.output_tokens") }),
    );
    for (name, value) in read.under(PREFIX).filter(|(name, _)| !is_said(name)) {
        if let Some(number) = number(value) {
            details.entry(name).or_insert(Json::Number(number));
        }
    }
    Some(Usage { input_tokens, output_tokens, details })
}

fn is_said(name: &str) -> bool {
    let said = [
        "input_tokens",
        "output_tokens",
        "cache_read.input_tokens",
        "cache_creation.input_tokens",
        "reasoning.output_tokens",
    ];
    said.contains(&name)
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

//! Token usage, whose members have other names than in Chat Completions.

use serde_json::{Map, Value as Json};

use super::super::wire::UsageBody;

const NAMES: [(&str, &str); 4] = [
    ("input_tokens", "prompt_tokens"),
    ("output_tokens", "completion_tokens"),
    ("input_tokens_details", "prompt_tokens_details"),
    ("output_tokens_details", "completion_tokens_details"),
];

/// Reads usage; members of another type count as not reported.
pub(super) fn read(mut members: Map<String, Json>) -> UsageBody {
    for (name, known) in NAMES {
        if let Some(value) = members.remove(name).filter(|value| !value.is_null()) {
            members.insert(known.to_owned(), value);
        }
    }
    serde_json::from_value(members.into()).unwrap_or_default()
}

//! Finish reasons of various servers.

use super::error_words::normal;
use crate::model::FinishReason;

/// End of an answer.
#[derive(Debug, PartialEq)]
pub(in super::super) enum End {
    /// The model ended the answer.
    Reason(FinishReason),
    /// The server failed during the answer.
    Failure,
}

const LENGTH: &[&str] = &[
    "length",
    "maxtokens",
    "maxoutputtokens",
    "modellength",
    "maxlength",
    "tokenlimit",
    "modelcontextwindowexceeded",
];
const FILTER: &[&str] = &[
    "contentfilter",
    "contentfiltered",
    "safety",
    "imagesafety",
    "recitation",
    "prohibitedcontent",
    "blocklist",
    "spii",
    "sensitive",
    "guardrailintervened",
];
const FAILURE: &[&str] =
    &["error", "networkerror", "insufficientsystemresource", "abort", "aborted", "failed"];

impl End {
    /// Reads the finish reason of a server, in upper or lower case.
    pub(in super::super) fn of(word: &str) -> Self {
        let normal = normal(word);
        let is = |words: &[&str]| words.contains(&normal.as_str());
        Self::Reason(match normal.as_str() {
            _ if is(FAILURE) || normal.contains("malformedfunctioncall") => return Self::Failure,
            _ if is(LENGTH) => FinishReason::Length,
            _ if is(FILTER) => FinishReason::ContentFilter,
            "stop" | "endturn" | "stopsequence" | "eos" | "eostoken" => FinishReason::Stop,
            "toolcalls" | "toolcall" | "tooluse" | "functioncall" => FinishReason::ToolCalls,
            "refusal" => FinishReason::Refusal,
            _ => FinishReason::from(word),
        })
    }

    /// Returns whether this reason takes precedence over a more favorable one beside it.
    pub(super) fn is_decisive(&self) -> bool {
        use FinishReason::{ContentFilter, Length, Refusal};
        matches!(self, Self::Failure | Self::Reason(Length | ContentFilter | Refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_all_servers_are_read_in_any_case() {
        for (words, expected) in [
            (
                &["length", "LENGTH", "max_tokens", "MAX_TOKENS", "model_length"][..],
                FinishReason::Length,
            ),
            (
                &["content_filter", "SAFETY", "content-filter", "sensitive"],
                FinishReason::ContentFilter,
            ),
            (&["stop", "STOP", "end_turn"], FinishReason::Stop),
            (&["tool_calls", "tool_use", "function_call"], FinishReason::ToolCalls),
            (&["Odd"], FinishReason::Other("Odd".to_owned())),
        ] {
            for word in words {
                assert_eq!(End::of(word), End::Reason(expected.clone()), "{word}");
            }
        }
        for word in [
            "error",
            "insufficient_system_resource",
            "network_error",
            "function_call_filter: MALFORMED_FUNCTION_CALL",
        ] {
            assert_eq!(End::of(word), End::Failure, "{word}");
        }
    }
}

//! Errors that servers report, whatever their form.

use std::time::Duration;

use serde_json::Value as Json;

use super::{
    MAX_MESSAGE,
    error_words::{Words, sizes, status_of},
};
use crate::model::ModelError;

/// Error of a server.
#[derive(Debug)]
pub(in super::super) struct Fault {
    status: u16,
    code: String,
    kind: String,
    message: String,
    param: Option<String>,
    body: Json,
    pub(in super::super) retry_after: Option<Duration>,
    /// The address of the request, if the server may be another one than expected.
    pub(in super::super) url: String,
}

/// Remedy for a response that a server cannot continue.
const LOST: &str = "the server does not have the response: send the whole conversation, with \
                    `ServerState::None`";

/// Beginnings of error messages, in lower case, of servers that have no endpoint at an address.
const NO_ENDPOINT: [&str; 6] =
    ["404", "cannot post", "file not found", "invalid url", "method not allowed", "not found"];

/// Remedy for an address that is not that of a model server.
pub(super) const BASE_URL: &str = "check the base URL: that of most servers ends with `/v1`";

impl Fault {
    /// Reads the body of a response with an error status.
    pub(in super::super) fn of_body(status: u16, body: &str) -> Self {
        let mut fault = Self::of_text(body);
        fault.status = status;
        if fault.message.is_empty() {
            title_of(body).unwrap_or(body.trim()).clone_into(&mut fault.message);
        }
        fault
    }

    /// Reads an error that is JSON or text.
    pub(in super::super) fn of_text(text: &str) -> Self {
        let json: Option<Json> = serde_json::from_str(text).ok();
        Self::of_json(&json.unwrap_or_else(|| match title_of(text) {
            _ if text.trim().is_empty() => Json::Null,
            title => title.unwrap_or(text.trim()).into(),
        }))
    }

    /// Reads the body of a response with a successful status that is not an answer; `None` unless it
    /// reports an error.
    pub(in super::super) fn in_success(body: &Json) -> Option<Self> {
        let members = unwrapped(body).as_object()?;
        let has_words = members.iter().any(|(key, value)| match key.as_str() {
            "error" => !matches!(value, Json::Null | Json::Bool(_)),
            "base_resp" => value["status_code"] != 0,
            key => ERRORS.contains(&key) && !words_of(value).is_empty(),
        });
        has_words.then(|| Self::of_json(body))
    }

    /// Reads an error that does not come with an error status.
    pub(in super::super) fn of_json(body: &Json) -> Self {
        let outer = unwrapped(body);
        let error = match outer.get("error") {
            Some(error @ Json::Object(_)) => error,
            _ => outer,
        };
        let word = |key: &str| match error.get(key).or_else(|| outer.get(key)) {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let mut message = words_of(error);
        let code = word("code");
        let mut kind = word("type");
        if kind.is_empty() || kind == "error" {
            kind = word("status");
        }
        // The gateway's message reports only that a provider failed; the reason is in the metadata.
        if let Some(raw) = error.pointer("/metadata/raw") {
            let raw = Self::of_text(&text_of(raw));
            message = format!("{message}: {}", raw.message);
            kind = [kind, raw.code, raw.kind].join(" ");
        }
        if message.is_empty() {
            message = text_of(error);
        }
        let is_status = |status: &u16| (400..600).contains(status);
        let known = [&code, &kind, &word("status_code")];
        let known = known.into_iter().find_map(|word| word.parse().ok().filter(is_status));
        let status = known.unwrap_or_else(|| status_of(&code).or(status_of(&kind)).unwrap_or(500));
        let param = error.get("param").and_then(Json::as_str).map(str::to_owned);
        let (body, url) = (error.clone(), String::new());
        Self { status, code, kind, message, param, body, retry_after: None, url }
    }

    /// Converts into an error. `scrub` removes the API key from the server's message, which is
    /// truncated.
    pub(in super::super) fn into_error(self, scrub: impl Fn(&str) -> String) -> ModelError {
        let lower = self.message.to_lowercase();
        let mut message: String = scrub(&self.message).chars().take(MAX_MESSAGE).collect();
        if message.is_empty() {
            "an empty response".clone_into(&mut message);
        }
        let Self { status, retry_after, ref code, ref kind, .. } = self;
        let words = Words { status, code, kind, message: &lower };
        if words.is_overflow() {
            let (tokens, limit) = sizes(&lower);
            let number = |key: &str| self.body.get(key).and_then(Json::as_u64);
            let (tokens, limit) = (number("n_prompt_tokens").or(tokens), number("n_ctx").or(limit));
            return ModelError::ContextOverflow { status, message, tokens, limit };
        }
        if words.is_filtered() {
            return ModelError::ContentFiltered { status, message };
        }
        if words.is_quota(retry_after.is_some()) {
            return ModelError::QuotaExceeded { status, message };
        }
        // Some servers report rate limits with another status.
        let is_limited = || status_of(code).or_else(|| status_of(kind)) == Some(429);
        if status == 429 || (matches!(status, 400 | 403) && is_limited()) {
            return ModelError::RateLimited { message, retry_after };
        }
        if let Some(hint) = self.hint() {
            message = format!("{message}; {hint}");
            if hint == BASE_URL && !self.url.is_empty() {
                message = format!("{message}; the request went to {}", scrub(&self.url));
            }
        }
        match status {
            401 | 403 => ModelError::Authentication { status, message },
            // Not implemented, or not this version of HTTP: a retry would fail as well.
            501 | 505 => ModelError::Rejected { status, message },
            408 | 409 | 500.. => ModelError::Server { status, message, retry_after },
            _ => ModelError::Rejected { status, message },
        }
    }

    /// Returns how to change a request that the server does not understand.
    fn hint(&self) -> Option<&'static str> {
        let unsupported = ["unsupported_parameter", "unsupported_value", "unknown_parameter"];
        let is_lost =
            self.message.contains("esponse with id") && self.message.contains("not found");
        if is_lost && matches!(self.status, 400 | 404) {
            return Some(LOST);
        }
        if matches!(self.status, 404 | 405 | 501) {
            let message = self.message.to_ascii_lowercase();
            let has_none = NO_ENDPOINT.iter().any(|words| message.starts_with(words));
            let is_other = self.status == 501 || message.is_empty();
            return (has_none || is_other).then_some(BASE_URL);
        }
        if self.status != 400 && self.status != 422 {
            return None;
        }
        let is_unsupported = unsupported.contains(&&*self.code);
        let names = |param: &str| {
            self.param.as_deref().is_some_and(|named| named.starts_with(param))
                || (is_unsupported && self.message.contains(param))
                || (self.message.contains(param) && {
                    let message = self.message.to_ascii_lowercase();
                    [
                        "not support",
                        "unsupported",
                        "unknown",
                        "unrecognized",
                        "not permitted",
                        "extra",
                    ]
                    .iter()
                    .any(|word| message.contains(word))
                })
        };
        [
            (
                "max_completion_tokens",
                "set `token_limit` of the model's profile to `TokenLimit::MaxTokens`",
            ),
            (
                "max_tokens",
                "set `token_limit` of the model's profile to `TokenLimit::MaxCompletionTokens`",
            ),
            ("stream_options", "set `stream_usage` of the model's profile to `false`"),
            ("parallel_tool_calls", "set `parallel_tool_calls` of the model's profile to `false`"),
            ("strict", "set `strict_schemas` of the model's profile to `false`"),
            ("previous_response_id", LOST),
            (
                "response_format",
                "set `typed_answers` of the model's profile to `TypedAnswers::Tool`",
            ),
            (
                "developer",
                "set `instructions` of the model's profile to `InstructionsRole::System`",
            ),
            (
                "reasoning_content",
                "set `reasoning_back` of the model's profile to `ReasoningBack::Never`",
            ),
        ]
        .into_iter()
        .find_map(|(param, hint)| names(param).then_some(hint))
    }
}

/// Members that hold the message of an error, directly or in their own members.
const MESSAGES: [&str; 9] = [
    "message",
    "detail",
    "error",
    "errors",
    "error_message",
    "error_msg",
    "msg",
    "base_resp",
    "status_msg",
];

/// Members of [`MESSAGES`] that answers do not have.
const ERRORS: [&str; 6] = ["message", "detail", "errors", "error_message", "error_msg", "msg"];

/// Returns the message of an error.
fn words_of(error: &Json) -> String {
    match error {
        Json::String(text) => text.trim().to_owned(),
        Json::Array(errors) => errors.first().map(words_of).unwrap_or_default(),
        Json::Object(members) => {
            let mut texts = MESSAGES.iter().filter_map(|key| members.get(*key)).map(words_of);
            let text = texts.find(|text| !text.is_empty()).unwrap_or_default();
            match members.get("loc") {
                Some(place) if !text.is_empty() => format!("{text} at {place}"),
                _ => text,
            }
        }
        _ => String::new(),
    }
}

/// Returns the error; some servers put it into a list.
fn unwrapped(error: &Json) -> &Json {
    match error {
        Json::Array(errors) => errors.first().unwrap_or(error),
        error => error,
    }
}

/// Returns an error without a message as text.
fn text_of(error: &Json) -> String {
    match error {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the title of an HTML page.
fn title_of(page: &str) -> Option<&str> {
    let (_, rest) = page.trim_start().starts_with('<').then(|| page.split_once("<title>"))??;
    Some(rest.split_once("</title>")?.0.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(status: u16, body: &Json) -> ModelError {
        Fault::of_body(status, &body.to_string()).into_error(str::to_owned)
    }

    #[test]
    fn messages_are_found_in_all_forms() {
        for (body, message) in [
            (json!({"error": {"message": "a"}}), "a"),
            (json!({"error": "a"}), "a"),
            (json!({"message": "a", "code": 3}), "a"),
            (json!({"detail": "a"}), "a"),
            (json!({"object": "error", "message": "a"}), "a"),
        ] {
            let found = error(404, &body);
            let expected = ModelError::Rejected { status: 404, message: message.to_owned() };
            assert_eq!(found, expected, "{body}");
        }
        let plain = Fault::of_body(502, " Bad Gateway\n").into_error(str::to_owned);
        let message = "Bad Gateway".to_owned();
        assert_eq!(plain, ModelError::Server { status: 502, message, retry_after: None });
        let page = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
        let page = Fault::of_body(502, page).into_error(str::to_owned);
        assert!(page.to_string().ends_with("502 Bad Gateway"), "{page}");
    }

    #[test]
    fn an_address_without_an_endpoint_is_a_matter_of_the_base_url() {
        for body in [
            "",
            "404 page not found",
            r#"{"detail":"Not Found"}"#,
            r#"{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}"#,
            r#"{"error":{"message":"Invalid URL (POST /chat/completions)","code":null}}"#,
            "<html><head><title>404 Not Found</title></head></html>",
        ] {
            let error = Fault::of_body(404, body).into_error(str::to_owned).to_string();
            assert!(
                error.ends_with("the base URL: that of most servers ends with `/v1`"),
                "{error}"
            );
        }
        let body = json!({"error": {"message": "The model `m` does not exist"}});
        assert!(!error(404, &body).to_string().contains("URL"));
    }

    #[test]
    fn an_exhausted_quota_is_not_a_rate_limit() {
        for body in [
            json!({"error": {"code": "insufficient_quota", "message": "no money"}}),
            json!({"error": {"type": "usage_limit_reached", "message": "no", "resets_in_seconds": 9}}),
        ] {
            let error = error(429, &body);
            assert!(matches!(error, ModelError::QuotaExceeded { status: 429, .. }), "{error:?}");
            assert!(!error.is_retryable());
        }
        let limited =
            error(429, &json!({"error": {"code": "rate_limit_exceeded", "message": "a"}}));
        assert!(limited.is_retryable());
        let other = error(403, &json!({"error": {"code": "rateLimitExceeded", "message": "slow"}}));
        assert_eq!(other.kind(), "rate_limited");
    }

    #[test]
    fn overflow_has_its_numbers() {
        for (body, sizes) in [
            (
                json!({"error": {"code": "context_length_exceeded", "message":
                    "This model's maximum context length is 8,192 tokens. However, your messages \
                     resulted in 9001 tokens."}}),
                (Some(9001), Some(8192)),
            ),
            (
                json!({"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 600,
                    "n_ctx": 512, "message": "request (600 tokens) exceeds the available context \
                    size (512 tokens), try increasing it"}}),
                (Some(600), Some(512)),
            ),
            (json!({"error": {"message": "Prompt is too long"}}), (None, None)),
        ] {
            let ModelError::ContextOverflow { tokens, limit, .. } = error(400, &body) else {
                panic!("{body}")
            };
            assert_eq!((tokens, limit), sizes, "{body}");
        }
    }

    #[test]
    fn an_unsupported_parameter_names_the_switch() {
        let body = json!({"error": {"code": "unsupported_parameter", "param": "max_tokens",
            "message": "Unsupported parameter: 'max_tokens'"}});
        let error = error(400, &body).to_string();
        assert!(error.contains("TokenLimit::MaxCompletionTokens"), "{error}");
    }

    #[test]
    fn words_inside_a_success_become_a_status() {
        for (body, status) in [
            (json!({"code": 429, "message": "a"}), 429),
            (json!({"code": "503", "message": "a"}), 503),
            (json!({"code": "rate_limit_exceeded", "message": "a"}), 429),
            (json!({"message": "a"}), 500),
            (json!("a"), 500),
        ] {
            let error = Fault::of_json(&body).into_error(str::to_owned);
            assert_eq!(error.status(), Some(status), "{body}");
            assert!(error.is_retryable(), "{body}");
        }
    }
}

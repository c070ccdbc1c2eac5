//! Attributes of model calls.

use raaf_trace_core::{Attributes, Value, keys};

use crate::model::{ModelError, ModelRequest, ModelResponse, parts};

pub(super) fn request(request: &ModelRequest, attributes: &mut Attributes) {
    let settings = &request.settings;
    let stop = Some(&settings.stop).filter(|stop| !stop.is_empty());
    attributes
        .set(keys::GEN_AI_REQUEST_TEMPERATURE, settings.temperature)
        .set(keys::GEN_AI_REQUEST_TOP_P, settings.top_p)
        .set(keys::GEN_AI_REQUEST_MAX_TOKENS, settings.max_tokens)
        .set(keys::GEN_AI_REQUEST_FREQUENCY_PENALTY, settings.frequency_penalty)
        .set(keys::GEN_AI_REQUEST_PRESENCE_PENALTY, settings.presence_penalty)
        .set(keys::GEN_AI_REQUEST_SEED, settings.seed)
        .set(keys::GEN_AI_REQUEST_STOP_SEQUENCES, stop.map(Value::json))
        .set_content(keys::GEN_AI_SYSTEM_INSTRUCTIONS, request.instructions.as_deref())
        .set_content_with(keys::GEN_AI_INPUT_MESSAGES, || {
            parts::of_conversation(&request.messages)
        });
}

/// Sets the URL of the call.
pub(super) fn address(url: Option<&str>, attributes: &mut Attributes) {
    let Some(url) = url else { return };
    attributes.set(keys::URL, url);
    if let Some((host, port)) = server(url) {
        attributes.set(keys::SERVER_ADDRESS, host).set(keys::SERVER_PORT, port);
    }
}

/// Returns the host and the port of a URL, by default the port of its scheme.
fn server(url: &str) -> Option<(&str, Option<u16>)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    // IPv6 addresses have colons within brackets.
    let end = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let (host, port) = match end {
        Some(at) => (&authority[..at], authority[at + 1..].parse().ok()),
        None => (authority, usual),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then_some((host, port))
}

pub(super) fn response(response: &ModelResponse, attributes: &mut Attributes) {
    let usage = response.usage;
    let some = |tokens: u64| (tokens > 0).then_some(tokens);
    attributes
        .set(keys::GEN_AI_RESPONSE_MODEL, response.model.as_deref())
        .set(keys::GEN_AI_RESPONSE_ID, response.id.as_deref())
        .set(keys::GEN_AI_RESPONSE_FINISH_REASONS, [response.finish_reason.as_str()])
        .set(keys::GEN_AI_USAGE_INPUT_TOKENS, usage.reported_input_tokens())
        .set(keys::GEN_AI_USAGE_OUTPUT_TOKENS, usage.reported_output_tokens())
        .set(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, some(usage.cached_input_tokens))
        .set(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, some(usage.reasoning_tokens))
        .set_content_with(keys::GEN_AI_OUTPUT_MESSAGES, || {
            parts::of_response(&response.message, response.finish_reason.as_str())
        });
}

pub(super) fn error(error: &ModelError, attributes: &mut Attributes) {
    attributes.set(keys::HTTP_STATUS_CODE, error.status());
}

#[cfg(test)]
mod tests {
    use super::server;

    #[test]
    fn server_is_host_and_port() {
        for (url, expected) in [
            ("https://api.openai.com/v1", Some(("api.openai.com", Some(443)))),
            ("http://localhost:11434/v1", Some(("localhost", Some(11434)))),
            ("http://[::1]:80", Some(("::1", Some(80)))),
            ("http://[::1]/v1", Some(("::1", Some(80)))),
            ("grpc://host/x", Some(("host", None))),
            ("http://host:99999", Some(("host", None))),
            ("http://", None),
            ("host", None),
        ] {
            assert_eq!(server(url), expected, "{url}");
        }
    }
}

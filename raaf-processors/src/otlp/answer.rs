//! Parses replies of the server.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::{DecodeError, Message as _};
use raaf_trace_core::diagnostics::{self, Category, Repeated};
use raaf_trace_model::sink::ExportError;
use serde::Deserialize;
use serde_json::Value as Json;
use ureq::http::{HeaderMap, StatusCode};

use crate::http::{Protocol, Secret, words};

/// Rules of OTLP over HTTP.
pub(super) const PROTOCOL: Protocol = Protocol {
    is_passing,
    reason,
    expected: "the port for OTLP over HTTP, usually 4318; the port for gRPC, usually 4317, is another",
    authorities: "OTEL_EXPORTER_OTLP_CERTIFICATE or SSL_CERT_FILE",
};

/// Returns true for the statuses that the protocol allows to retry.
fn is_passing(status: StatusCode, _: &HeaderMap) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// Reply to a rejected request: gRPC's status, as protobuf or JSON.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Extracts the message from the reply to a rejected request, in any format.
fn reason(body: &[u8]) -> String {
    let status = Status::decode(body).ok();
    let status = status.or_else(|| serde_json::from_slice(body).ok()).unwrap_or_default();
    if status.message.is_empty() {
        return String::from_utf8_lossy(body).into_owned();
    }
    status.message
}

/// Parses a reply, as JSON too: some servers answer in that whatever they were asked in.
fn parse(body: &[u8]) -> Result<ExportTraceServiceResponse, DecodeError> {
    ExportTraceServiceResponse::decode(body).or_else(|error| {
        let json: JsonReply = serde_json::from_slice(body).map_err(|_| error)?;
        let partial_success = json.partial_success.map(|part| ExportTracePartialSuccess {
            rejected_spans: part.rejected_spans.as_ref().and_then(whole).unwrap_or_default(),
            error_message: part.error_message,
        });
        Ok(ExportTraceServiceResponse { partial_success })
    })
}

/// Reply in JSON.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonReply {
    #[serde(alias = "partial_success")]
    partial_success: Option<JsonPart>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JsonPart {
    #[serde(alias = "rejected_spans")]
    rejected_spans: Option<Json>,
    #[serde(alias = "error_message")]
    error_message: String,
}

/// Reads an integer, which JSON's form of protobuf writes as a string.
fn whole(number: &Json) -> Option<i64> {
    number.as_i64().or_else(|| number.as_str()?.parse().ok())
}

/// Parses the reply to a batch that was accepted, perhaps in part.
pub(super) fn read(
    body: &[u8],
    batch: usize,
    secrets: &[&Secret],
    warnings: &Repeated,
) -> Result<(), ExportError> {
    let reply = match parse(body) {
        Ok(reply) => reply,
        // Checked only then: valid protobuf may begin with a line feed and a `<`, too.
        Err(_) if body.trim_ascii_start().starts_with(b"<") => {
            let text =
                "the server answered with a web page; the address must be that of a trace receiver";
            return Err(ExportError::permanent(text));
        }
        Err(error) => {
            let text = format_args!("the reply to a batch cannot be parsed: {error}");
            diagnostics::debug(Category::Http, text);
            return Ok(());
        }
    };
    let Some(part) = reply.partial_success else { return Ok(()) };
    let words = words(part.error_message.as_bytes(), secrets);
    if let Ok(rejected @ 1..) = usize::try_from(part.rejected_spans) {
        let text = format!("the server rejected {rejected} of {batch} spans: {words}");
        return Err(ExportError::partial(rejected, text));
    }
    if !words.is_empty()
        && let Some(times) = warnings.happened()
    {
        let text = format_args!("the server warns: {words} (warning {times})");
        diagnostics::warn(Category::Http, text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(body: &[u8]) -> Result<(), ExportError> {
        read(body, 9, &[], &Repeated::new())
    }

    #[test]
    fn a_reply_of_any_length_is_no_web_page() {
        // The reply begins with a line feed, as its first field is the first; then comes its length,
        // which may be that of a `<`.
        for length in 0..200 {
            let part =
                ExportTracePartialSuccess { rejected_spans: 1, error_message: "x".repeat(length) };
            let reply = ExportTraceServiceResponse { partial_success: Some(part) };
            let error = answered(&reply.encode_to_vec()).unwrap_err();
            assert_eq!(error.rejected_of(9), 1, "{length}: {error}");
        }
    }

    #[test]
    fn a_partial_success_in_json_is_one() {
        for (json, rejected) in [
            (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"old"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":2,"errorMessage":"old"},"more":1}"#, 2),
            (r#"{"partial_success":{"rejected_spans":4,"error_message":"old"}}"#, 4),
            (r#"{"partialSuccess":{"rejectedSpans":"99","errorMessage":"old"}}"#, 9),
        ] {
            let error = answered(json.as_bytes()).unwrap_err();
            assert_eq!(error.rejected_of(9), rejected, "{json}");
            assert!(error.to_string().ends_with("of 9 spans: old"), "{error}");
        }
        for none in
            [r#"{"partialSuccess":{"errorMessage":"slow"}}"#, r#"{"partialSuccess":null}"#, "[]"]
        {
            assert_eq!(answered(none.as_bytes()), Ok(()), "{none}");
        }
    }

    #[test]
    fn a_status_gives_its_message_in_any_format() {
        let status = Status { code: 3, message: "bad id".to_owned() }.encode_to_vec();
        for body in [&status[..], br#"{"code":3,"message":"bad id","details":[]}"#, b"bad id"] {
            assert_eq!(reason(body), "bad id");
        }
    }

    #[test]
    fn a_web_page_is_none_that_takes_traces() {
        for page in ["<!doctype html>", "\n\n  <html><body>Sign in</body></html>", "\r\n<p>"] {
            let error = answered(page.as_bytes()).unwrap_err();
            assert_eq!(error.rejected_of(9), 9, "{page}: {error}");
        }
        for other in ["", "{}", "ok"] {
            assert_eq!(answered(other.as_bytes()), Ok(()), "{other}");
        }
    }
}

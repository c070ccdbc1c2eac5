//! Parses replies of the server.

use raaf_trace_core::diagnostics::{self, Category, Repeated};
use raaf_trace_model::sink::ExportError;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use ureq::http::{HeaderMap, StatusCode};

use crate::{
    http::{Protocol, Secret, words},
    protobuf::{Field, Fields, Malformed},
};

const AUTHORITIES: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE or SSL_CERT_FILE";

/// Rules of OTLP over HTTP.
pub(super) const HTTP: Protocol = Protocol {
    is_passing,
    reason,
    expected: "the port for OTLP over HTTP, usually 4318, not the one for gRPC, usually 4317",
    authorities: AUTHORITIES,
};

/// Rules of OTLP over gRPC, for replies in HTTP.
#[cfg(feature = "otlp-grpc")]
pub(super) const GRPC: Protocol = Protocol {
    expected: "the port for OTLP over gRPC, usually 4317, not the one for HTTP, usually 4318",
    ..HTTP
};

/// Returns true for the statuses that the protocol allows to retry.
fn is_passing(status: StatusCode, _: &HeaderMap) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// Reply to a rejected request: gRPC's status, as JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
}

/// Extracts the message from the reply to a rejected request, in any format.
fn reason(body: &[u8]) -> String {
    let message = text(body, 2).ok().or_else(|| {
        let status: Status = serde_json::from_slice(body).ok()?;
        Some(status.message)
    });
    let message = message.filter(|message| !message.is_empty());
    message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

/// Returns the string in that field of a message; empty if it is not there.
fn text(message: &[u8], number: u64) -> Result<String, Malformed> {
    let mut text = String::new();
    for field in Fields::of(message) {
        match field? {
            (found, Field::Bytes(bytes)) if found == number => {
                str::from_utf8(bytes).map_err(|_| Malformed)?.clone_into(&mut text);
            }
            (found, _) if found == number => return Err(Malformed),
            _ => {}
        }
    }
    Ok(text)
}

/// Part of a batch that was rejected, or a warning if nothing was.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Part {
    #[serde(alias = "rejected_spans", deserialize_with = "whole")]
    rejected_spans: i64,
    #[serde(alias = "error_message")]
    error_message: String,
}

/// Reply in JSON.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonReply {
    #[serde(alias = "partial_success")]
    partial_success: Option<Part>,
}

/// Parses a reply, as JSON too: some servers answer in that whatever they were asked in.
fn parse(body: &[u8]) -> Result<Option<Part>, Malformed> {
    parse_protobuf(body).or_else(|error| {
        let json: JsonReply = serde_json::from_slice(body).map_err(|_| error)?;
        Ok(json.partial_success)
    })
}

fn parse_protobuf(body: &[u8]) -> Result<Option<Part>, Malformed> {
    let mut part = None;
    for field in Fields::of(body) {
        match field? {
            (1, Field::Bytes(message)) => part = Some(parse_part(message)?),
            (1, _) => return Err(Malformed),
            _ => {}
        }
    }
    Ok(part)
}

fn parse_part(message: &[u8]) -> Result<Part, Malformed> {
    let mut part = Part { rejected_spans: 0, error_message: text(message, 2)? };
    for field in Fields::of(message) {
        match field? {
            (1, Field::Varint(rejected)) => part.rejected_spans = rejected.cast_signed(),
            (1, _) => return Err(Malformed),
            _ => {}
        }
    }
    Ok(part)
}

/// Reads an integer, which JSON's form of protobuf writes as a string.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = Json::deserialize(deserializer)?;
    let whole = number.as_i64().or_else(|| number.as_str()?.parse().ok());
    Ok(whole.unwrap_or_default())
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
    let Some(part) = reply else { return Ok(()) };
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
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceResponse,
    };
    use prost::Message as _;

    use super::*;
    use crate::protobuf::Writer;

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
        let mut status = Writer::default();
        status.varint(1, 3);
        status.bytes(2, b"bad id");
        let status = status.into_bytes();
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

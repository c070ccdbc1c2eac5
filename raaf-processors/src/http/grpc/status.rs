//! Replies: the message, or the status of a call that failed.

use std::time::Duration;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use raaf_trace_model::{
    grpc::{code_name, decode_message},
    sink::ExportError,
};
use ureq::http::{HeaderMap, header::CONTENT_TYPE};

use super::{Protocol, Refusal, Reply, Secret};
use crate::{
    http::{refusal::Target, words},
    protobuf::{Field, Fields},
};

/// Base 64, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const RETRY_INFO: &[u8] = b"/google.rpc.RetryInfo";

/// Reads a reply's message.
///
/// # Errors
///
/// If the reply has another status than `OK`, or none.
pub(super) fn read(
    reply: Reply,
    protocol: &Protocol,
    target: Target<'_>,
    secrets: &[&Secret],
) -> Result<Vec<u8>, Refusal> {
    // A reply without a message has its trailers in place of its headers.
    let last =
        if reply.trailers.contains_key("grpc-status") { &reply.trailers } else { &reply.headers };
    let text = |name| last.get(name).and_then(|value| value.to_str().ok());
    let Some(code) = text("grpc-status").and_then(|code| code.trim().parse::<usize>().ok()) else {
        let content = reply.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let error = format!(
            "{} does not answer in gRPC ({}); expected {}",
            target.shown(),
            content.map_or_else(
                || "no content type".to_owned(),
                |text| words(text.as_bytes(), secrets)
            ),
            protocol.expected
        );
        return Err(ExportError::permanent(error).into());
    };
    if code == 0 {
        return Ok(message(reply.body));
    }
    let said = decode_message(last.get("grpc-message").map_or(&[], |value| value.as_bytes()));
    Err(refusal(code, &words(&said, secrets), retry_delay(last)))
}

/// Returns the message of a reply's first frame; nothing of one that is compressed, which was not
/// asked for.
fn message(mut frame: Vec<u8>) -> Vec<u8> {
    let is_plain = frame.len() > 5 && frame[0] == 0;
    if is_plain { frame.split_off(5) } else { Vec::new() }
}

/// Creates an error by the rules of OTLP: these codes may be tried again, and `RESOURCE_EXHAUSTED`
/// if the server says when.
fn refusal(code: usize, said: &str, delay: Option<Duration>) -> Refusal {
    let name = code_name(code).map_or_else(|| format!("code {code}"), str::to_owned);
    let mut text = format!("the server answered {name}");
    if !said.is_empty() {
        text.extend([": ", said]);
    }
    let is_too_large = is_too_large(&name, said);
    let is_passing = match &*name {
        "CANCELLED" | "DEADLINE_EXCEEDED" | "ABORTED" | "OUT_OF_RANGE" | "UNAVAILABLE"
        | "DATA_LOSS" => !is_too_large,
        "RESOURCE_EXHAUSTED" => delay.is_some(),
        _ => false,
    };
    let error = match (is_passing, delay) {
        (false, _) => ExportError::permanent(text),
        (true, None) => ExportError::retryable(text),
        (true, Some(delay)) => ExportError::retryable(text).after(delay),
    };
    Refusal::new(is_too_large && !is_passing, error)
}

/// Returns true if the server reports that the message is too large for it. The codes alone also mean
/// that a quota is used up, or that the batch is at fault.
fn is_too_large(name: &str, said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["RESOURCE_EXHAUSTED", "OUT_OF_RANGE"].contains(&name)
        && ["larger than", "too large", "exceeds maximum", "exceeded maximum", "size limit"]
            .iter()
            .any(|words| said.contains(words))
}

/// Returns the delay that the details of a status ask for.
fn retry_delay(trailers: &HeaderMap) -> Option<Duration> {
    let details = trailers.get("grpc-status-details-bin")?;
    let status = BASE64.decode(details.as_bytes()).ok()?;
    let info = messages(&status, 3).find_map(|any| {
        let is_retry_info = messages(any, 1).any(|name| name.ends_with(RETRY_INFO));
        is_retry_info.then(|| messages(any, 2).last().unwrap_or_default())
    })?;
    let delay = messages(info, 1).last()?;
    let part = |number| {
        let part = Fields::of(delay).flatten().find_map(|field| match field {
            (found, Field::Varint(value)) if found == number => Some(value),
            _ => None,
        });
        part.unwrap_or_default()
    };
    Some(Duration::new(part(1), u32::try_from(part(2)).ok()?.min(999_999_999)))
}

/// Returns the strings, bytes and messages in the field of that number.
fn messages(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).flatten().filter_map(move |field| match field {
        (found, Field::Bytes(bytes)) if found == number => Some(bytes),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_the_codes_that_the_protocol_names_are_tried_again() {
        let again = |code, delay| refusal(code, "", delay).into_error().is_retryable();
        for (code, name) in (1..17).map(|code| (code, code_name(code).unwrap())) {
            let retried = [1, 4, 10, 11, 14, 15].contains(&code);
            assert_eq!(again(code, None), retried, "{name}");
        }
        assert!(again(8, Some(Duration::from_secs(1))), "RESOURCE_EXHAUSTED with a delay");
        assert!(!again(3, Some(Duration::from_secs(1))) && !again(99, None));
    }

    #[test]
    fn a_message_that_is_too_large_is_told_from_a_quota() {
        for (code, said) in [
            (8, "grpc: received message larger than max (5242880 vs. 4194304)"),
            (8, "gRPC message exceeds maximum size 4194304: 5242880"),
            (11, "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes"),
        ] {
            let refusal = refusal(code, said, None);
            assert!(refusal.is_too_large(), "{said}");
            assert!(!refusal.into_error().is_retryable(), "{said}");
        }
        for (code, said) in [(8, "quota used up"), (11, "try later"), (3, "a value is too large")] {
            assert!(!refusal(code, said, None).is_too_large(), "{said}");
        }
    }

    #[test]
    fn the_delay_is_read_from_the_details() {
        // Code 8, and a detail: `RetryInfo` of 7.5 s.
        let delay = [8, 7, 16, 0x80, 0xca, 0xb5, 0xee, 1];
        let name = b"type.googleapis.com/google.rpc.RetryInfo";
        let mut any = vec![10, name.len() as u8];
        any.extend(name);
        any.extend([18, 2 + delay.len() as u8, 10, delay.len() as u8]);
        any.extend(delay);
        let mut status = vec![8, 8, 26, any.len() as u8];
        status.extend(any);
        for encoded in [BASE64.encode(&status), BASE64.encode(&status).trim_end_matches('=').into()]
        {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status-details-bin", encoded.parse().unwrap());
            assert_eq!(retry_delay(&trailers), Some(Duration::from_millis(7_500)));
        }
        assert_eq!(retry_delay(&HeaderMap::new()), None);
        let mut wrong = HeaderMap::new();
        wrong.insert("grpc-status-details-bin", "!".parse().unwrap());
        assert_eq!(retry_delay(&wrong), None);
    }
}

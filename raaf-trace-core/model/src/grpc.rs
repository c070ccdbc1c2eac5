//! Statuses of gRPC calls, as in the trailers `grpc-status` and `grpc-message`.

use crate::percent;

/// Names of the status codes, in order.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Returns the name of a status code; `None` if gRPC has no such code.
pub fn code_name(code: usize) -> Option<&'static str> {
    CODES.get(code).copied()
}

/// Decodes the message of a status, which is percent-encoded. Bytes that are not an escape stay as
/// they are, and the result may be invalid UTF-8.
pub fn decode_message(message: &[u8]) -> Vec<u8> {
    percent::decoded(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names() {
        let names = [0, 5, 16, 17].map(code_name);
        assert_eq!(names, [Some("OK"), Some("NOT_FOUND"), Some("UNAUTHENTICATED"), None]);
    }

    #[test]
    fn messages_are_decoded() {
        for (message, decoded) in [
            ("no%20such%20thing", "no such thing"),
            ("a%20b%C3%A4%", "a b\u{e4}%"),
            ("100% or %2", "100% or %2"),
            ("100%zz%2", "100%zz%2"),
            ("%+1", "%+1"),
        ] {
            assert_eq!(decode_message(message.as_bytes()), decoded.as_bytes(), "{message}");
        }
        assert_eq!(decode_message(b"%ff"), [0xff]);
    }
}

//! Headers that a setting adds to requests.

use ureq::http::{HeaderName, HeaderValue};

/// Headers about the body or its transfer. The sink sets them itself.
const OWN: [&str; 8] = [
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "grpc-encoding",
    "te",
    "trailer",
    "transfer-encoding",
];

/// Parses a header's name; `None` if it cannot be sent, or would contradict what the sink sends.
pub(crate) fn name(name: &str) -> Option<HeaderName> {
    name.parse().ok().filter(|name: &HeaderName| !OWN.contains(&name.as_str()))
}

/// Parses a header's value, which is never shown; `None` if it cannot be sent: the client sends
/// printable ASCII only, though a `HeaderValue` holds other bytes as well.
pub(crate) fn value(value: &str) -> Option<HeaderValue> {
    let mut value: HeaderValue =
        value.parse().ok().filter(|value: &HeaderValue| value.to_str().is_ok())?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_no_header() {
        assert!(name("x-key").is_some() && value("Bearer sk-1\t=").is_some());
        for wrong in
            ["", "a b", "é", "a:b", "content-length", "Transfer-Encoding", "Content-Encoding", "te"]
        {
            assert_eq!(name(wrong), None, "{wrong}");
        }
        for wrong in ["sk-é", "a\nb", "a\0", "\u{7f}"] {
            assert_eq!(value(wrong), None, "{wrong:?}");
        }
    }
}

//! Responses that are no answer.

use super::fault::{BASE_URL, Fault};

/// Reason that no response can be assembled.
#[derive(Debug)]
pub(in super::super) enum Rejected {
    /// The server reported an error within a successful response.
    Fault(Box<Fault>),
    /// The response violates the protocol, in this way.
    Malformed(String),
}

/// Returns the failure to read a response: the error that it reports, if it does. Other text is left out,
/// since it may be a completion.
pub(in super::super) fn unexpected_json(text: &str, error: &serde_json::Error) -> Rejected {
    if let Some(fault) = fault_in(text) {
        return fault;
    }
    let text = text.trim_start();
    Rejected::Malformed(match text.chars().next() {
        None => "an empty response".to_owned(),
        Some('<') => page(),
        // A struct can be read from a list, about the length of which is the error.
        Some('[') => "unexpected JSON: expected an object".to_owned(),
        Some(_) => format!("unexpected JSON: {error}"),
    })
}

/// Returns the message about a web page in place of a response.
pub(in super::super) fn page() -> String {
    format!("a page instead of JSON; {BASE_URL}")
}

/// Returns the error that a text without an answer reports, if it does.
pub(in super::super) fn fault_in(text: &str) -> Option<Rejected> {
    let fault = Fault::in_success(&serde_json::from_str(text).ok()?)?;
    Some(Rejected::Fault(Box::new(fault)))
}

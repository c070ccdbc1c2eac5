//! Responses that are not answers.

use serde_json::Value as Json;

use super::{
    fault::{BASE_URL, Fault},
    surrogates,
};

/// Reason that no response can be assembled.
#[derive(Debug)]
pub(in super::super) enum Rejected {
    /// The server reported an error within a successful response.
    Fault(Box<Fault>),
    /// The response violates the protocol; the string describes the violation.
    Malformed(String),
}

/// Returns the failure to read a response: the error that it reports, if any, or else the error of the
/// parser. The text itself is left out, since it may be a completion.
pub(in super::super) fn unexpected_json(text: &str, error: &serde_json::Error) -> Rejected {
    if let Some(fault) = fault_in(text) {
        return fault;
    }
    let text = text.trim_start();
    Rejected::Malformed(match text.chars().next() {
        None => "an empty response".to_owned(),
        Some('<') => page(),
        // The parser also reads structs from lists, and would report the list's length.
        Some('[') => "unexpected JSON: expected an object".to_owned(),
        Some(_) => format!("unexpected JSON: {error}"),
    })
}

/// Returns the message for a web page instead of a response.
pub(in super::super) fn page() -> String {
    format!("a page instead of JSON; {BASE_URL}")
}

/// Returns the error that a text without an answer reports, if any.
pub(in super::super) fn fault_in(text: &str) -> Option<Rejected> {
    let fault = Fault::in_success(&serde_json::from_str(&surrogates::replace(text)).ok()?)?;
    Some(Rejected::Fault(Box::new(fault)))
}

/// Returns the error that a text reports, without an answer beside it.
pub(in super::super) fn reported(text: &str) -> Rejected {
    let mut json: Json = serde_json::from_str(&surrogates::replace(text)).unwrap_or_default();
    if let Some(members) = json.as_object_mut() {
        members.retain(|name, _| name != "choices");
    }
    Rejected::Fault(Box::new(Fault::of_json(&json)))
}

/// Returns whether a member reports an error.
pub(in super::super) fn is_error(error: &Json) -> bool {
    match error {
        Json::Null => false,
        Json::Bool(is_error) => *is_error,
        Json::Number(code) => code.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(errors) => !errors.is_empty(),
        Json::Object(members) => !members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_error_is_none() {
        for none in [json!(null), json!(false), json!(0), json!(""), json!([]), json!({})] {
            assert!(!is_error(&none), "{none}");
        }
        for error in [json!(true), json!(1), json!("no"), json!(["no"]), json!({"code": 1})] {
            assert!(is_error(&error), "{error}");
        }
    }
}

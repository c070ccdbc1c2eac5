//! Values of attributes.

use std::borrow::Cow;

use raaf_trace_model::attributes::ValueRef;
use serde_json::Value as Json;

/// Value in OpenTelemetry's type.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Any<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// A bool.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A finite float.
    Double(f64),
    /// Values of one type.
    List(Vec<Self>),
}

/// Converts a value to OpenTelemetry's type.
///
/// Lists of one simple type stay lists. All other structured values become JSON text, and floats
/// that are not finite become strings: backends differ in their treatment of maps and `NaN`, and
/// some reject the whole batch.
pub fn any(value: ValueRef<'_>) -> Any<'_> {
    match value {
        ValueRef::Bool(value) => Any::Bool(value),
        ValueRef::Int(value) => Any::Int(value),
        ValueRef::Float(value) if value.is_finite() => Any::Double(value),
        other => {
            let list = other.as_json().and_then(Json::as_array).and_then(|items| list(items));
            list.unwrap_or_else(|| Any::Text(as_text(other)))
        }
    }
}

/// Returns a string value.
pub(crate) fn text<'a>(text: impl Into<Cow<'a, str>>) -> Any<'a> {
    Any::Text(text.into())
}

/// Returns text as it is, and anything else as JSON.
pub(crate) fn as_text(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Str(text) => Cow::Borrowed(text),
        // Writing to a string fails only where keys are no strings, which these are.
        ValueRef::Json(json) => serde_json::to_string(json).unwrap_or_default().into(),
        other => other.to_string().into(),
    }
}

/// Converts a list whose items are all strings, all bools, all integers or all numbers.
fn list(items: &[Json]) -> Option<Any<'_>> {
    let values: Option<Vec<Any<'_>>> = match items.first() {
        None => Some(Vec::new()),
        Some(Json::String(_)) => items.iter().map(|item| item.as_str().map(text)).collect(),
        Some(Json::Bool(_)) => items.iter().map(|item| item.as_bool().map(Any::Bool)).collect(),
        Some(Json::Number(_)) => {
            let whole = items.iter().map(|item| item.as_i64().map(Any::Int)).collect();
            // An integer among floats must convert without loss.
            let float = |item: &Json| match item.as_i64() {
                Some(whole) => i32::try_from(whole).ok().map(f64::from),
                None if item.is_f64() => item.as_f64(),
                None => None,
            };
            let floats = || items.iter().map(|item| float(item).map(Any::Double)).collect();
            Option::or_else(whole, floats)
        }
        Some(_) => None,
    };
    values.map(Any::List)
}

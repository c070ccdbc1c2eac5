//! Translates attribute values.

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value::Value as Any};
use raaf_trace_model::attributes::ValueRef;
use serde_json::Value as Json;

/// Converts a value to OpenTelemetry's type.
///
/// Lists of one simple type stay lists. All other structured values become JSON text, and floats
/// that are not finite become strings: backends differ in their treatment of maps and `NaN`, and
/// some reject the whole batch.
pub(super) fn any(value: ValueRef<'_>) -> AnyValue {
    let value = match value {
        ValueRef::Bool(value) => Any::BoolValue(value),
        ValueRef::Int(value) => Any::IntValue(value),
        ValueRef::Float(value) if value.is_finite() => Any::DoubleValue(value),
        ValueRef::Str(text) => Any::StringValue(text.to_owned()),
        other => {
            let list = other.as_json().and_then(Json::as_array).and_then(|items| list(items));
            list.unwrap_or_else(|| Any::StringValue(other.to_string()))
        }
    };
    AnyValue { value: Some(value) }
}

/// Returns a string value.
pub(super) fn text(text: impl Into<String>) -> AnyValue {
    AnyValue { value: Some(Any::StringValue(text.into())) }
}

/// Converts a list whose items are all strings, all bools, all integers or all numbers.
fn list(items: &[Json]) -> Option<Any> {
    let values: Option<Vec<Any>> = match items.first() {
        None => Some(Vec::new()),
        Some(Json::String(_)) => {
            items.iter().map(|item| Some(Any::StringValue(item.as_str()?.to_owned()))).collect()
        }
        Some(Json::Bool(_)) => {
            items.iter().map(|item| item.as_bool().map(Any::BoolValue)).collect()
        }
        Some(Json::Number(_)) => {
            let whole = items.iter().map(|item| item.as_i64().map(Any::IntValue)).collect();
            // An integer among floats must convert without loss.
            let float = |item: &Json| match item.as_i64() {
                Some(whole) => i32::try_from(whole).ok().map(f64::from),
                None if item.is_f64() => item.as_f64(),
                None => None,
            };
            let floats = || items.iter().map(|item| float(item).map(Any::DoubleValue)).collect();
            Option::or_else(whole, floats)
        }
        Some(_) => None,
    };
    let values = values?.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
    Some(Any::ArrayValue(ArrayValue { values }))
}

#[cfg(test)]
mod tests {
    use raaf_trace_model::attributes::Value;
    use serde_json::json;

    use super::*;

    fn sent(value: impl Into<Value>) -> Any {
        any(value.into().as_ref()).value.unwrap()
    }

    fn sent_text(value: impl Into<Value>) -> String {
        match sent(value) {
            Any::StringValue(text) => text,
            other => format!("not a string: {other:?}"),
        }
    }

    fn array(values: impl IntoIterator<Item = Any>) -> Any {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
        Any::ArrayValue(ArrayValue { values })
    }

    #[test]
    fn scalars_keep_their_types() {
        assert_eq!(sent(true), Any::BoolValue(true));
        assert_eq!(sent(i64::MIN), Any::IntValue(i64::MIN));
        assert_eq!(sent(0.5), Any::DoubleValue(0.5));
        assert_eq!(sent("a\0\u{1b}[31m\n"), Any::StringValue("a\0\u{1b}[31m\n".to_owned()));
    }

    #[test]
    fn a1_numbers_that_are_none_become_text() {
        assert_eq!(sent_text(f64::NAN), "NaN");
        assert_eq!(sent_text(f64::NEG_INFINITY), "-inf");
        assert_eq!(sent_text(json!(u64::MAX)), "18446744073709551615");
    }

    #[test]
    fn lists_of_one_type_stay_lists() {
        assert_eq!(sent(json!([])), array([]));
        assert_eq!(sent(json!(["a", ""])), array(["a", ""].map(|s| Any::StringValue(s.into()))));
        assert_eq!(sent(json!([true])), array([Any::BoolValue(true)]));
        assert_eq!(sent(json!([1, -2])), array([1, -2].map(Any::IntValue)));
        assert_eq!(sent(json!([1, 0.5])), array([1.0, 0.5].map(Any::DoubleValue)));
    }

    #[test]
    fn other_structures_become_json_text() {
        for json in [
            json!(null),
            json!({"a": [1, {"b": "\u{1b}"}]}),
            json!([1, "a"]),
            json!([null]),
            json!([[1]]),
            json!([{"role": "user"}]),
            json!([0.5, u64::MAX]),
            json!([0.5, i64::MAX]),
        ] {
            assert_eq!(serde_json::from_str::<Json>(&sent_text(json.clone())).unwrap(), json);
        }
    }
}

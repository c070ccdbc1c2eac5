//! Encodes attributes: keys with values.

use crate::{
    conventions::Any,
    protobuf::{Writer, length_of},
};

/// Writes a pair into that field.
pub(super) fn pair(out: &mut Writer, field: u32, key: &str, value: &Any<'_>) {
    let length = value.length();
    out.head(field, message_length(key.len()) + message_length(length));
    out.bytes(1, key.as_bytes());
    out.head(2, length);
    value.write(out);
}

/// Returns the length of a field with a string or message of that length, if its number is small.
fn message_length(length: usize) -> usize {
    1 + length_of(length as u64) + length
}

impl Any<'_> {
    fn length(&self) -> usize {
        match self {
            Self::Text(text) => message_length(text.len()),
            Self::Bool(_) => 2,
            Self::Int(value) => 1 + length_of(value.cast_unsigned()),
            Self::Double(_) => 9,
            Self::List(values) => message_length(list_length(values)),
        }
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Self::Text(text) => out.bytes(1, text.as_bytes()),
            Self::Bool(value) => out.varint(2, u64::from(*value)),
            Self::Int(value) => out.varint(3, value.cast_unsigned()),
            Self::Double(value) => out.fixed64(4, value.to_bits()),
            Self::List(values) => {
                out.head(5, list_length(values));
                for value in values {
                    out.head(1, value.length());
                    value.write(out);
                }
            }
        }
    }
}

fn list_length(values: &[Any<'_>]) -> usize {
    values.iter().map(|value| message_length(value.length())).sum()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, ArrayValue, any_value::Value as Wire},
        resource::v1::Resource,
    };
    use prost::Message as _;
    use raaf_trace_model::attributes::Value;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::conventions::any;

    /// A value as it is read after it was written.
    fn sent(value: impl Into<Value>) -> Wire {
        let mut out = Writer::default();
        pair(&mut out, 1, "key", &any(value.into().as_ref()));
        let resource = Resource::decode(&*out.into_bytes()).unwrap();
        let pair = &resource.attributes[0];
        assert_eq!(pair.key, "key");
        pair.value.clone().unwrap().value.unwrap()
    }

    fn sent_text(value: impl Into<Value>) -> String {
        match sent(value) {
            Wire::StringValue(text) => text,
            other => format!("not a string: {other:?}"),
        }
    }

    fn array(values: impl IntoIterator<Item = Wire>) -> Wire {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
        Wire::ArrayValue(ArrayValue { values })
    }

    #[test]
    fn scalars_keep_their_types() {
        assert_eq!(sent(true), Wire::BoolValue(true));
        assert_eq!(sent(i64::MIN), Wire::IntValue(i64::MIN));
        assert_eq!(sent(0.5), Wire::DoubleValue(0.5));
        assert_eq!(sent("a\0\u{1b}[31m\n"), Wire::StringValue("a\0\u{1b}[31m\n".to_owned()));
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
        assert_eq!(sent(json!(["a", ""])), array(["a", ""].map(|s| Wire::StringValue(s.into()))));
        assert_eq!(sent(json!([true])), array([Wire::BoolValue(true)]));
        assert_eq!(sent(json!([1, -2])), array([1, -2].map(Wire::IntValue)));
        assert_eq!(sent(json!([1, 0.5])), array([1.0, 0.5].map(Wire::DoubleValue)));
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

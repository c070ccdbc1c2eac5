//! Attribute values.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use smol_str::{SmolStr, format_smolstr};

use super::{ValueRef, serializer};

/// An attribute value: a string, an integer, a float, a bool, or JSON.
///
/// Values keep their type; none is converted to a string. Strings of up to 23 bytes and static
/// strings are stored without allocating.
///
/// Floats that are not finite serialise as the strings `NaN`, `inf` and `-inf`, since JSON has no
/// numbers for them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A bool.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float, finite or not.
    Float(f64),
    /// A string.
    Str(SmolStr),
    /// A JSON value, usually an array or an object, or a number beyond [`Int`](Self::Int).
    Json(Arc<Json>),
}

impl Value {
    /// Creates a string value that refers to `text` without copying it.
    #[inline]
    pub const fn from_static(text: &'static str) -> Self {
        Self::Str(SmolStr::new_static(text))
    }

    /// Converts any serialisable value: arrays, maps and structs become JSON, scalars become
    /// scalars.
    ///
    /// Never fails. A value whose serialisation fails becomes a string with the error. Floats that
    /// are not finite become the strings `NaN`, `inf` and `-inf`, integers beyond the range of JSON
    /// readers become decimal strings, and levels deeper than 64 are left out and marked.
    ///
    /// ```
    /// use raaf_trace_core::Value;
    ///
    /// assert_eq!(Value::json(&["a", "b"]).to_string(), r#"["a","b"]"#);
    /// assert_eq!(Value::json(&3), Value::Int(3));
    /// ```
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        match serializer::to_json(value) {
            Ok(json) => json.into(),
            Err(error) => Self::Str(format_smolstr!("[not serialisable: {error}]")),
        }
    }

    /// Returns the borrowed form.
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Bool(value) => ValueRef::Bool(*value),
            Self::Int(value) => ValueRef::Int(*value),
            Self::Float(value) => ValueRef::Float(*value),
            Self::Str(value) => ValueRef::Str(value),
            Self::Json(value) => ValueRef::Json(value),
        }
    }

    /// Converts the value to JSON, as it is serialised.
    pub(crate) fn into_json(self) -> Json {
        match self {
            Self::Bool(value) => Json::Bool(value),
            Self::Int(value) => Json::from(value),
            Self::Float(value) => serializer::float(value),
            Self::Str(value) => Json::String(value.into()),
            Self::Json(value) => Arc::unwrap_or_clone(value),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Str(SmolStr::new(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Str(value.into())
    }
}

impl From<Json> for Value {
    /// Converts scalars to scalars; `null` stays JSON.
    fn from(value: Json) -> Self {
        match value {
            Json::Bool(value) => Self::Bool(value),
            Json::String(value) => Self::Str(value.into()),
            Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(int), ..) => Self::Int(int),
                (None, None, Some(float)) if float.is_finite() => Self::Float(float),
                _ => Self::Json(Arc::new(Json::Number(number))),
            },
            other => Self::Json(Arc::new(other)),
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Refuses;

    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }

    #[test]
    fn is_as_small_as_a_string() {
        assert_eq!(size_of::<Value>(), 24);
        assert_eq!(size_of::<Option<Value>>(), 24);
    }

    #[test]
    fn a1_json_scalars_become_scalars() {
        assert_eq!(Value::from(json!(true)), Value::Bool(true));
        assert_eq!(Value::from(json!(-3)), Value::Int(-3));
        assert_eq!(Value::from(json!(0.5)), Value::Float(0.5));
        assert_eq!(Value::from(json!("x")), Value::from_static("x"));
        assert_eq!(Value::from(json!(u64::MAX)).to_string(), "18446744073709551615");
        assert_eq!(Value::from(Json::Null), Value::Json(Arc::new(Json::Null)));
        assert_eq!(Value::from(json!([1])).to_string(), "[1]");
    }

    #[test]
    fn a1_what_cannot_be_serialised_says_so() {
        assert_eq!(Value::json(&Refuses), Value::from_static("[not serialisable: not today]"));
        assert_eq!(Value::json(&[Refuses]), Value::from_static("[not serialisable: not today]"));
    }

    #[test]
    fn a1_every_value_serialises_to_valid_json() {
        for (value, text) in [
            (Value::Float(f64::NAN), "\"NaN\""),
            (Value::Float(f64::INFINITY), "\"inf\""),
            (Value::Float(f64::NEG_INFINITY), "\"-inf\""),
            (Value::Float(1.0), "1.0"),
            (Value::Bool(false), "false"),
            (Value::from_static("a\0\u{1b}\"\n"), r#""a\u0000\u001b\"\n""#),
            (Value::json(&(1, "a")), r#"[1,"a"]"#),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
            assert_eq!(serde_json::to_string(&value.into_json()).unwrap(), text);
        }
    }
}

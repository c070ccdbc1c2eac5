//! Borrowed attribute values.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use smol_str::SmolStr;

use super::{Value, json};

/// A borrowed attribute value.
///
/// Compares with plain values, for short tests and processors:
///
/// ```
/// use raaf_trace_core::Attributes;
///
/// let mut attributes = Attributes::new();
/// attributes.set("agent.model", "gpt-5").set("agent.tools_count", 3);
/// assert!(attributes.get("agent.model").is_some_and(|model| model == "gpt-5"));
/// assert_eq!(attributes.get("agent.tools_count"), Some(3.into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// A bool.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float, finite or not.
    Float(f64),
    /// A string.
    Str(&'a str),
    /// A JSON value.
    Json(&'a Json),
}

impl<'a> ValueRef<'a> {
    /// Returns the bool; `None` for other types.
    pub fn as_bool(self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the integer; `None` for other types.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the number if the value is a float, an integer or a JSON number; rounds large
    /// integers.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::Value;
    ///
    /// assert_eq!(Value::Int(3).as_ref().as_f64(), Some(3.0));
    /// assert_eq!(Value::Float(3.0).as_ref().as_i64(), None);
    /// assert_eq!(Value::from("3").as_ref().as_f64(), None);
    /// ```
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(value),
            Self::Int(value) => Some(value as f64),
            Self::Json(value) => value.as_f64(),
            _ => None,
        }
    }

    /// Returns the string; `None` for other types.
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Str(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the JSON; `None` for other types.
    pub fn as_json(self) -> Option<&'a Json> {
        match self {
            Self::Json(value) => Some(value),
            _ => None,
        }
    }

    /// Creates an owned copy.
    pub fn to_owned(self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Float(value),
            Self::Str(value) => Value::Str(SmolStr::new(value)),
            Self::Json(value) => Value::Json(json::copy(value).into()),
        }
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    #[inline]
    fn from(value: &'a Value) -> Self {
        value.as_ref()
    }
}

impl<'a> From<&'a str> for ValueRef<'a> {
    fn from(value: &'a str) -> Self {
        Self::Str(value)
    }
}

impl<'a> From<&'a Json> for ValueRef<'a> {
    fn from(value: &'a Json) -> Self {
        Self::Json(value)
    }
}

impl From<bool> for ValueRef<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for ValueRef<'_> {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

macro_rules! from_small_int {
    ($($int:ty),*) => {$(
        impl From<$int> for ValueRef<'_> {
            fn from(value: $int) -> Self {
                Self::Int(value.into())
            }
        }
    )*};
}
from_small_int!(i8, i16, i32, i64, u8, u16, u32);

impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Str(value) => f.write_str(value),
            Self::Json(value) => value.fmt(f),
        }
    }
}

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Bool(value) => serializer.serialize_bool(value),
            Self::Int(value) => serializer.serialize_i64(value),
            Self::Float(value) if value.is_finite() => serializer.serialize_f64(value),
            Self::Float(value) => serializer.collect_str(&value),
            Self::Str(value) => serializer.serialize_str(value),
            Self::Json(value) => value.serialize(serializer),
        }
    }
}

impl PartialEq<str> for ValueRef<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for ValueRef<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

impl PartialEq<bool> for ValueRef<'_> {
    fn eq(&self, other: &bool) -> bool {
        self.as_bool() == Some(*other)
    }
}

impl PartialEq<f64> for ValueRef<'_> {
    fn eq(&self, other: &f64) -> bool {
        matches!(self, Self::Float(value) if value == other)
    }
}

impl PartialEq<Json> for ValueRef<'_> {
    fn eq(&self, other: &Json) -> bool {
        match self {
            Self::Json(value) => *value == other,
            Self::Bool(value) => value == other,
            Self::Int(value) => value == other,
            Self::Float(value) => value == other,
            Self::Str(value) => value == other,
        }
    }
}

macro_rules! equals_int {
    ($($int:ty),*) => {$(
        impl PartialEq<$int> for ValueRef<'_> {
            fn eq(&self, other: &$int) -> bool {
                match self {
                    Self::Int(value) => i64::try_from(*other).is_ok_and(|other| *value == other),
                    Self::Json(value) => *value == other,
                    _ => false,
                }
            }
        }
    )*};
}
equals_int!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

macro_rules! value_equals {
    ($($other:ty),*) => {$(
        impl PartialEq<$other> for Value {
            fn eq(&self, other: &$other) -> bool {
                self.as_ref() == *other
            }
        }
    )*};
}
value_equals!(str, &str, bool, f64, Json, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn g31_reads_as_what_it_is() {
        let list = json!([1]);
        assert_eq!(ValueRef::from(true).as_bool(), Some(true));
        assert_eq!(ValueRef::from(3).as_i64(), Some(3));
        assert_eq!(ValueRef::from(3).as_f64(), Some(3.0));
        assert_eq!(ValueRef::from(0.5).as_f64(), Some(0.5));
        assert_eq!(ValueRef::from(0.5).as_i64(), None);
        assert_eq!(ValueRef::from("x").as_str(), Some("x"));
        assert_eq!(ValueRef::from("3").as_i64(), None);
        assert_eq!(ValueRef::from(&list).as_json(), Some(&list));
        assert_eq!(ValueRef::from(&list).to_owned(), Value::json(&[1]));
    }

    #[test]
    fn compares_with_plain_values() {
        assert!(ValueRef::from("x") == "x");
        assert!(ValueRef::from(3) == 3);
        assert!(ValueRef::from(3) == 3_usize);
        assert!(ValueRef::from(3) != "3");
        assert!(ValueRef::from(true) == true);
        assert!(ValueRef::from(0.5) == 0.5);
        assert!(ValueRef::from(&json!({"a": 1})) == json!({"a": 1}));
        assert!(Value::json(&u64::MAX) == u64::MAX);
        assert_eq!(Value::from_static("x"), "x");
    }

    #[test]
    fn shows_compactly() {
        let object = json!({"a": [1, "b"]});
        for (value, text) in [
            (ValueRef::from("a b"), "a b"),
            (3.into(), "3"),
            (0.7.into(), "0.7"),
            (f64::NAN.into(), "NaN"),
            (f64::NEG_INFINITY.into(), "-inf"),
            (false.into(), "false"),
            ((&object).into(), r#"{"a":[1,"b"]}"#),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }
}

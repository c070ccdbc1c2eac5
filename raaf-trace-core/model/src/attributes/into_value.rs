//! Conversions into attribute values.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::Value as Json;
use smol_str::SmolStr;

use super::{Value, ValueRef, json, serializer};

/// A type that converts into an attribute value.
///
/// | type | attribute value |
/// | --- | --- |
/// | `bool` | bool |
/// | integers | integer; those beyond `i64` a JSON number, those beyond `u64` a decimal string |
/// | `f32`, `f64` | float; an `f32` becomes the `f64` with the same decimal form (0.7 stays 0.7) |
/// | strings, `char` | string |
/// | [`Duration`] | float, in milliseconds, like `duration_ms` |
/// | [`Value`], [`ValueRef`], [`serde_json::Value`] | itself; JSON scalars become scalars |
/// | `Option<T>` | `T`, or the attribute is not set |
/// | `Vec<T>`, slices, arrays | a JSON array; an element that is `None` becomes `null` |
///
/// For structs and maps see [`Attributes::set_json`](super::Attributes::set_json) and
/// [`Value::json`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be converted into an attribute value",
    note = "pass a struct or a map that implements `Serialize` to `set_json`, or wrap it in \
            `Value::json(&…)`"
)]
pub trait IntoValue {
    /// Converts `self` into a value; `None` sets no attribute.
    fn into_value(self) -> Option<Value>;
}

/// Implements the trait for a type by value and by reference, from an expression over the value
/// and one over the reference.
macro_rules! into_value {
    ($($type:ty: |$value:ident| $owned:expr, |$borrowed:ident| $shared:expr;)*) => {$(
        impl IntoValue for $type {
            #[inline]
            fn into_value(self) -> Option<Value> {
                let $value = self;
                Some($owned)
            }
        }

        impl IntoValue for &$type {
            #[inline]
            fn into_value(self) -> Option<Value> {
                let $borrowed = self;
                Some($shared)
            }
        }
    )*};
    ($($type:ty)* => |$value:ident| $owned:expr) => {
        into_value! { $($type: |$value| $owned, |borrowed| { let $value = *borrowed; $owned };)* }
    };
}

into_value! { bool => |value| Value::Bool(value) }
into_value! { i64 => |value| Value::Int(value) }
into_value! { i8 i16 i32 u8 u16 u32 => |value| Value::Int(value.into()) }
into_value! { isize u64 usize i128 u128 => |value| wide_integer(value) }
into_value! { f64 => |value| Value::Float(value) }
into_value! { f32 => |value| Value::Float(serializer::widen(value)) }
into_value! { char => |value| Value::Str(SmolStr::new(value.encode_utf8(&mut [0; 4]))) }
into_value! { Duration => |value| Value::Float(in_milliseconds(value)) }
into_value! { ValueRef<'_> => |value| value.to_owned() }
into_value! {
    String: |value| Value::Str(value.into()), |value| Value::Str(SmolStr::new(value));
    Cow<'_, str>: |value| Value::Str(SmolStr::new(value)), |value| Value::Str(SmolStr::new(value));
    Arc<str>: |value| Value::Str(value.into()), |value| Value::Str(Arc::clone(value).into());
    SmolStr: |value| Value::Str(value), |value| Value::Str(value.clone());
    Value: |value| value, |value| value.clone();
    Json: |value| value.into(), |value| json::copy(value).into();
    PathBuf: |value| Value::Str(value.to_string_lossy().into()), |value| Value::Str(value.to_string_lossy().into());
}

/// Returns the milliseconds as the nearest `f64`, which prints without rounding noise.
pub fn in_milliseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

/// Returns the narrowest form that represents the integer exactly.
fn wide_integer<T>(value: T) -> Value
where
    T: Copy + ToString + TryInto<i64> + TryInto<u64>,
{
    if let Ok(int) = value.try_into() {
        Value::Int(int)
    } else if let Ok(int) = TryInto::<u64>::try_into(value) {
        Value::Json(Arc::new(int.into()))
    } else {
        Value::Str(value.to_string().into())
    }
}

fn list<T: IntoValue>(items: impl IntoIterator<Item = T>) -> Value {
    let items = items.into_iter();
    Value::Json(Arc::new(Json::Array(
        items.map(|item| item.into_value().map_or(Json::Null, Value::into_json)).collect(),
    )))
}

impl IntoValue for &Path {
    fn into_value(self) -> Option<Value> {
        self.to_string_lossy().into_value()
    }
}

impl IntoValue for &str {
    #[inline]
    fn into_value(self) -> Option<Value> {
        Some(Value::Str(SmolStr::new(self)))
    }
}

impl<'a, T: ?Sized> IntoValue for &&'a T
where
    &'a T: IntoValue,
{
    #[inline]
    fn into_value(self) -> Option<Value> {
        (*self).into_value()
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    #[inline]
    fn into_value(self) -> Option<Value> {
        self.and_then(IntoValue::into_value)
    }
}

impl<'a, T> IntoValue for &'a Option<T>
where
    &'a T: IntoValue,
{
    #[inline]
    fn into_value(self) -> Option<Value> {
        self.as_ref().and_then(IntoValue::into_value)
    }
}

impl<T: IntoValue> IntoValue for Box<T> {
    fn into_value(self) -> Option<Value> {
        (*self).into_value()
    }
}

impl IntoValue for Box<str> {
    fn into_value(self) -> Option<Value> {
        String::from(self).into_value()
    }
}

impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_value(self) -> Option<Value> {
        Some(list(self))
    }
}

impl<'a, T> IntoValue for &'a Vec<T>
where
    &'a T: IntoValue,
{
    fn into_value(self) -> Option<Value> {
        Some(list(self))
    }
}

impl<'a, T> IntoValue for &'a [T]
where
    &'a T: IntoValue,
{
    fn into_value(self) -> Option<Value> {
        Some(list(self))
    }
}

impl<T: IntoValue, const N: usize> IntoValue for [T; N] {
    fn into_value(self) -> Option<Value> {
        Some(list(self))
    }
}

impl<'a, T, const N: usize> IntoValue for &'a [T; N]
where
    &'a T: IntoValue,
{
    fn into_value(self) -> Option<Value> {
        Some(list(self))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(value: impl IntoValue) -> Value {
        value.into_value().expect("a value")
    }

    #[test]
    fn g29_types_are_kept() {
        assert_eq!(value(true), Value::Bool(true));
        assert_eq!(value(3), Value::Int(3));
        assert_eq!(value(3_usize), Value::Int(3));
        assert_eq!(value(0.7_f64), Value::Float(0.7));
        assert_eq!(value(0.7_f32), Value::Float(0.7));
        assert_eq!(value("x"), Value::from_static("x"));
        assert_eq!(value('é'), Value::from_static("é"));
        assert_eq!(value(Duration::from_micros(1_500)), Value::Float(1.5));
        assert_eq!(value(Box::new(3)), Value::Int(3));
    }

    #[test]
    fn a1_integers_of_any_width_are_exact() {
        assert_eq!(value(u64::MAX), Value::Json(Arc::new(json!(u64::MAX))));
        assert_eq!(value(i128::from(i64::MIN)), Value::Int(i64::MIN));
        assert_eq!(value(u128::MAX), value("340282366920938463463374607431768211455"));
        assert_eq!(value(i128::MIN), value("-170141183460469231731687303715884105728"));
    }

    #[test]
    fn strings_of_every_kind_are_equal() {
        let expected = Value::from_static("text");
        let owned = "text".to_owned();
        assert_eq!(value(&owned), expected);
        let borrowed = &"text";
        assert_eq!(value(borrowed), expected);
        assert_eq!(value(Cow::Borrowed("text")), expected);
        assert_eq!(value(Arc::<str>::from("text")), expected);
        assert_eq!(value(SmolStr::new("text")), expected);
        assert_eq!(value(ValueRef::Str("text")), expected);
        assert_eq!(value(&expected), expected);
        let json = json!("text");
        assert_eq!(value(&json), expected);
        assert_eq!(value(json), expected);
        assert_eq!(value(owned.into_boxed_str()), expected);
    }

    #[test]
    fn none_sets_nothing() {
        assert_eq!(None::<i32>.into_value(), None);
        assert_eq!((&None::<String>).into_value(), None);
        assert_eq!(Some(None::<&str>).into_value(), None);
        assert_eq!(Some(Some("x")).into_value(), Some(Value::from_static("x")));
    }

    #[test]
    fn a1_lists_become_json() {
        let expected = Value::Json(Arc::new(json!(["a", "b"])));
        let list = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(value(&list), expected);
        assert_eq!(value(list.as_slice()), expected);
        assert_eq!(value(list), expected);
        let array = ["a", "b"];
        let borrowed: &[&str; 2] = &array;
        assert_eq!(value(borrowed), expected);
        assert_eq!(value(array), expected);
        assert_eq!(value([Some(1), None]).to_string(), "[1,null]");
        assert_eq!(value([f64::NAN]).to_string(), "[\"NaN\"]");
    }
}

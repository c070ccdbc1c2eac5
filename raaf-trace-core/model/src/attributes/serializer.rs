//! Conversion of any serialisable value into JSON of bounded depth.
//!
//! Unlike `serde_json::to_value`, it limits the depth (which otherwise overflows the stack), keeps
//! floats that are not finite (instead of `null`), and accepts wide integers and map keys that are
//! not scalars.

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};
use serde_json::{Error, Map, Value as Json};
use smol_str::format_smolstr;

use super::{MAX_DEPTH, TRUNCATED};

/// Converts `value` to JSON. Fails only when its `Serialize` implementation returns an error.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Json, Error> {
    value.serialize(ToJson { depth: 0 })
}

/// Converts a float to JSON; one that is not finite becomes a string.
pub(super) fn float(value: f64) -> Json {
    serde_json::Number::from_f64(value)
        .map_or_else(|| Json::String(value.to_string()), Json::Number)
}

/// Returns the `f64` with the same decimal form: `0.7_f32` becomes 0.7, not 0.699999988079071.
pub(super) fn widen(value: f32) -> f64 {
    format_smolstr!("{value:e}").parse().unwrap_or_else(|_| f64::from(value))
}

/// Serializer to JSON. `depth` is the number of containers around the next value.
#[derive(Clone, Copy)]
struct ToJson {
    depth: usize,
}

impl ToJson {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1 }
    }

    fn nested<T: Serialize + ?Sized>(self, value: &T) -> Result<Json, Error> {
        value.serialize(self.deeper())
    }

    fn container(self, variant: Option<&'static str>, capacity: Option<usize>) -> Container {
        // A variant adds an object around the container.
        let own = if variant.is_some() { self.deeper() } else { self };
        let capacity = capacity.unwrap_or(0).min(64);
        Container {
            own,
            cut: own.depth >= MAX_DEPTH,
            variant,
            raw: false,
            items: Vec::with_capacity(capacity),
            fields: Map::new(),
            key: String::new(),
        }
    }
}

/// A partly filled array or object.
struct Container {
    own: ToJson,
    cut: bool,
    variant: Option<&'static str>,
    /// Raw JSON text: `serde_json`'s arbitrary-precision numbers and raw values.
    raw: bool,
    items: Vec<Json>,
    fields: Map<String, Json>,
    key: String,
}

impl Container {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if !self.cut {
            self.items.push(self.own.nested(value)?);
        }
        Ok(())
    }

    fn insert<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Error> {
        if !self.cut || self.raw {
            self.fields.insert(key.to_owned(), self.own.nested(value)?);
        }
        Ok(())
    }

    fn array(self) -> Json {
        let list = if self.cut { Json::String(TRUNCATED.into()) } else { Json::Array(self.items) };
        Self::wrap(self.variant, list)
    }

    fn object(self) -> Json {
        if self.raw {
            return match self.fields.into_iter().next() {
                Some((_, Json::String(text))) => {
                    serde_json::from_str(&text).unwrap_or(Json::String(text))
                }
                other => other.map_or(Json::Null, |(_, value)| value),
            };
        }
        let map = if self.cut { Json::String(TRUNCATED.into()) } else { Json::Object(self.fields) };
        Self::wrap(self.variant, map)
    }

    fn wrap(variant: Option<&'static str>, inner: Json) -> Json {
        match variant {
            Some(name) => Json::Object(Map::from_iter([(name.to_owned(), inner)])),
            None => inner,
        }
    }
}

impl Serializer for ToJson {
    type Ok = Json;
    type Error = Error;
    type SerializeSeq = Container;
    type SerializeTuple = Container;
    type SerializeTupleStruct = Container;
    type SerializeTupleVariant = Container;
    type SerializeMap = Container;
    type SerializeStruct = Container;
    type SerializeStructVariant = Container;

    fn serialize_bool(self, v: bool) -> Result<Json, Error> {
        Ok(Json::Bool(v))
    }

    fn serialize_i8(self, v: i8) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_i16(self, v: i16) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_i32(self, v: i32) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_i64(self, v: i64) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_i128(self, v: i128) -> Result<Json, Error> {
        Ok(match (i64::try_from(v), u64::try_from(v)) {
            (Ok(int), _) => int.into(),
            (_, Ok(int)) => int.into(),
            _ => v.to_string().into(),
        })
    }

    fn serialize_u8(self, v: u8) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_u16(self, v: u16) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_u32(self, v: u32) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_u64(self, v: u64) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_u128(self, v: u128) -> Result<Json, Error> {
        Ok(u64::try_from(v).map_or_else(|_| v.to_string().into(), Json::from))
    }

    fn serialize_f32(self, v: f32) -> Result<Json, Error> {
        Ok(float(widen(v)))
    }

    fn serialize_f64(self, v: f64) -> Result<Json, Error> {
        Ok(float(v))
    }

    fn serialize_char(self, v: char) -> Result<Json, Error> {
        Ok(Json::String(v.into()))
    }

    fn serialize_str(self, v: &str) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Json, Error> {
        Ok(v.into())
    }

    fn serialize_none(self) -> Result<Json, Error> {
        Ok(Json::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Json, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Json, Error> {
        Ok(Json::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Json, Error> {
        Ok(Json::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Json, Error> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Json, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Json, Error> {
        let mut object = self.container(None, None);
        object.insert(variant, value)?;
        Ok(object.object())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Container, Error> {
        Ok(self.container(None, len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Container, Error> {
        Ok(self.container(None, Some(len)))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Container, Error> {
        Ok(self.container(None, Some(len)))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Container, Error> {
        Ok(self.container(Some(variant), Some(len)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Container, Error> {
        Ok(self.container(None, None))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Container, Error> {
        let mut object = self.container(None, None);
        object.raw = name.starts_with("$serde_json::private::");
        Ok(object)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Container, Error> {
        Ok(self.container(Some(variant), None))
    }
}

macro_rules! serialize_items {
    ($($name:ident :: $method:ident),*) => {$(
        impl $name for Container {
            type Ok = Json;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Result<Json, Error> {
                Ok(self.array())
            }
        }
    )*};
}
serialize_items!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! serialize_fields {
    ($($name:ident),*) => {$(
        impl $name for Container {
            type Ok = Json;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.insert(key, value)
            }

            fn end(self) -> Result<Json, Error> {
                Ok(self.object())
            }
        }
    )*};
}
serialize_fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Container {
    type Ok = Json;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        if !self.cut {
            self.key = match self.own.nested(key)? {
                Json::String(text) => text,
                other => other.to_string(),
            };
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = std::mem::take(&mut self.key);
        self.insert(&key, value)
    }

    fn end(self) -> Result<Json, Error> {
        Ok(self.object())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        Newtype(u8),
        Tuple(u8, u8),
        Struct { a: Option<u8>, b: f32 },
    }

    #[test]
    fn a1_shapes_are_those_of_serde_json() {
        let shapes =
            [Shape::Unit, Shape::Newtype(1), Shape::Tuple(1, 2), Shape::Struct { a: None, b: 0.5 }];
        assert_eq!(to_json(&shapes).unwrap(), serde_json::to_value(&shapes).unwrap());
        let value = json!({"a": [1, -2, 0.5, null, true, "x"], "b": {"c": u64::MAX}});
        assert_eq!(to_json(&value).unwrap(), value);
    }

    #[test]
    fn a1_floats_and_wide_integers_are_carried() {
        assert_eq!(
            to_json(&(f64::NAN, 0.7_f32, f32::INFINITY, u128::MAX, i128::from(i64::MIN) - 1))
                .unwrap(),
            json!([
                "NaN",
                0.7,
                "inf",
                "340282366920938463463374607431768211455",
                "-9223372036854775809"
            ])
        );
    }

    #[test]
    fn a1_map_keys_of_any_type_become_text() {
        let map = BTreeMap::from([((1, true), "x")]);
        assert_eq!(to_json(&map).unwrap(), json!({"[1,true]": "x"}));
        assert_eq!(to_json(&BTreeMap::from([(7, 1)])).unwrap(), json!({"7": 1}));
    }

    #[test]
    fn a1_endless_depth_is_cut() {
        struct Endless;
        impl Serialize for Endless {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                [Self].serialize(serializer)
            }
        }
        let text = to_json(&Endless).unwrap().to_string();
        assert_eq!(text.matches('[').count(), MAX_DEPTH + 1, "and the marker's own bracket");
        assert!(text.contains(TRUNCATED));
    }
}

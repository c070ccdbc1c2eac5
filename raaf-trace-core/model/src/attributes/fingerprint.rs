//! Fingerprints of values that are not stored whole, for comparing two calls, and ignored keys.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::Value as Json;

use super::{Key, MAX_DEPTH, Value};

/// Maximum number of fingerprints: the default number of attributes of a span.
const MOST: usize = 128;
/// Maximum number of ignored keys.
const MOST_IGNORED: usize = 16;

/// Fingerprints of values that were cut or left out, by key.
#[derive(Clone, Default)]
pub(super) struct Fingerprints(Option<Box<Known>>);

#[derive(Clone, Default)]
struct Known {
    list: Vec<(Key, u64)>,
    /// Reserved keys that were set.
    ignored: Vec<Key>,
}

impl Fingerprints {
    pub(super) const NONE: Self = Self(None);

    #[inline]
    pub(super) fn clear(&mut self) {
        if self.0.is_some() {
            self.0 = None;
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn add(&mut self, key: Key, value: &Value) {
        self.note(key, value.fingerprint());
    }

    #[cold]
    pub(super) fn note(&mut self, key: Key, fingerprint: u64) {
        let list = &mut self.0.get_or_insert_default().list;
        if let Some((_, known)) = list.iter_mut().find(|(known, _)| *known == key) {
            *known = fingerprint;
        } else if list.len() < MOST {
            list.push((key, fingerprint));
        }
    }

    #[cold]
    pub(super) fn ignore(&mut self, key: Key) {
        let ignored = &mut self.0.get_or_insert_default().ignored;
        if ignored.len() < MOST_IGNORED && !ignored.contains(&key) {
            ignored.push(key);
        }
    }

    pub(super) fn ignored(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().flat_map(|known| &known.ignored)
    }

    pub(super) fn extend(&mut self, others: Self) {
        let Some(others) = others.0 else { return };
        for (key, fingerprint) in others.list {
            self.note(key, fingerprint);
        }
        for key in others.ignored {
            self.ignore(key);
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        if let Some(known) = &mut self.0 {
            known.list.retain(|(key, _)| keep(key));
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<u64> {
        self.iter().find_map(|(known, fingerprint)| (*known == *key).then_some(fingerprint))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, u64)> {
        self.0.iter().flat_map(|known| &known.list).map(|(key, fingerprint)| (key, *fingerprint))
    }
}

/// Prints no fingerprints: they would reveal which of the omitted values are equal.
impl fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl Value {
    /// Returns a hash of the value. Equal values have equal hashes.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Self::Bool(value) => (0_u8, value).hash(&mut hasher),
            Self::Int(value) => (1_u8, value).hash(&mut hasher),
            Self::Float(value) => (2_u8, value.to_bits()).hash(&mut hasher),
            Self::Str(value) => (3_u8, value.as_str()).hash(&mut hasher),
            Self::Json(value) => return of_json(value),
        }
        hasher.finish()
    }

    /// Compares like `==`, except that NaN equals itself.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(one), Self::Float(two)) => one.to_bits() == two.to_bits(),
            (one, two) => one == two,
        }
    }
}

pub(super) fn of_json(json: &Json) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(json, 0, &mut hasher);
    hasher.finish()
}

/// Hashes `json` down to [`MAX_DEPTH`], as deep as values are stored.
fn hash(json: &Json, depth: usize, hasher: &mut DefaultHasher) {
    match json {
        _ if depth > MAX_DEPTH => {}
        Json::Null => 4_u8.hash(hasher),
        Json::Bool(value) => (5_u8, value).hash(hasher),
        Json::Number(value) => (6_u8, value).hash(hasher),
        Json::String(value) => (7_u8, value).hash(hasher),
        Json::Array(items) => {
            (8_u8, items.len()).hash(hasher);
            for item in items {
                hash(item, depth + 1, hasher);
            }
        }
        Json::Object(fields) => {
            (9_u8, fields.len()).hash(hasher);
            for (key, value) in fields {
                key.hash(hasher);
                hash(value, depth + 1, hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::{
        super::json::{self, tests as any},
        *,
    };

    #[test]
    fn equal_values_share_a_fingerprint_and_others_do_not() {
        let values = [
            Value::from(true),
            Value::from(1),
            Value::from(1.0),
            Value::from("1"),
            Value::from(json!([1])),
            Value::from(json!([[1]])),
            Value::from(json!({"a": 1})),
            Value::from(json!({"a": 2})),
        ];
        for (place, one) in values.iter().enumerate() {
            for (other_place, two) in values.iter().enumerate() {
                let same = one.fingerprint() == two.clone().fingerprint();
                assert_eq!(same, place == other_place, "{one} {two}");
            }
        }
    }

    #[test]
    fn a_value_of_any_depth_has_one() {
        let [one, two] = [100_000, 100_002].map(any::nest).map(Arc::new);
        assert_eq!(of_json(&one), of_json(&two));
        json::discard(one);
        json::discard(two);
    }
}

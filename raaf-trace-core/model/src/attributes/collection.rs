//! Attributes as a collection: filled from an iterator, serialised as an object.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Attributes, IntoValue, Key};

impl<K: Into<Key>, V: IntoValue> Extend<(K, V)> for Attributes {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, attributes: I) {
        for (key, value) in attributes {
            self.set(key, value);
        }
    }
}

impl<K: Into<Key>, V: IntoValue> FromIterator<(K, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(attributes: I) -> Self {
        let mut list = Self::new();
        list.extend(attributes);
        list
    }
}

/// Serialises as an object with a field for each attribute.
impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, &value)?;
        }
        map.end()
    }
}

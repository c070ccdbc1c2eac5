//! Keys of a state.

/// One or several keys of a [`State`](crate::State), without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<String>);

impl Keys {
    pub(super) fn as_slice(&self) -> &[String] {
        &self.0
    }

    pub(super) fn extend(&mut self, more: Self) {
        for key in more {
            if !self.0.contains(&key) {
                self.0.push(key);
            }
        }
    }
}

impl IntoIterator for Keys {
    type Item = String;
    type IntoIter = std::vec::IntoIter<String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Into<String>> FromIterator<K> for Keys {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut unique = Self::default();
        unique.extend(Self(keys.into_iter().map(Into::into).collect()));
        unique
    }
}

impl From<&str> for Keys {
    fn from(key: &str) -> Self {
        Self(vec![key.to_owned()])
    }
}

impl From<String> for Keys {
    fn from(key: String) -> Self {
        Self(vec![key])
    }
}

impl<K: Into<String>, const N: usize> From<[K; N]> for Keys {
    fn from(keys: [K; N]) -> Self {
        keys.into_iter().collect()
    }
}

impl<K: Into<String>> From<Vec<K>> for Keys {
    fn from(keys: Vec<K>) -> Self {
        keys.into_iter().collect()
    }
}

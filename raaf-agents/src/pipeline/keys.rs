//! Names of a state's values, one or several.

/// One key of a [`State`](crate::State), or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<String>);

impl Keys {
    pub(super) fn as_slice(&self) -> &[String] {
        &self.0
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
        Self(keys.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>> From<Vec<K>> for Keys {
    fn from(keys: Vec<K>) -> Self {
        Self(keys.into_iter().map(Into::into).collect())
    }
}

//! Attribute keys.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

use serde::{Serialize, Serializer};
use smol_str::SmolStr;

/// The name of an attribute, such as `agent.name`.
///
/// Creation from a `&'static str` costs nothing; from an owned string it allocates once. Cloning
/// never copies the string.
///
/// ```
/// use raaf_trace_core::Key;
///
/// let fixed = Key::from("agent.name");
/// let made = Key::from(format!("tool.{}", "name"));
/// assert_eq!(fixed.as_str(), "agent.name");
/// assert_eq!(made, *"tool.name");
/// ```
#[derive(Clone)]
pub struct Key(pub(crate) Text);

/// Holds references only. A key that can be read without taking its address stays in registers on
/// its way into a span.
#[derive(Clone)]
pub(crate) enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Key {
    /// Creates a key from a string known at compile time. Usable in constants.
    pub const fn from_static(key: &'static str) -> Self {
        Self(Text::Static(key))
    }

    /// Returns the key as a string.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(text) => text,
            Text::Shared(text) => text,
        }
    }
}

impl Key {
    /// Returns the text if it is known at compile time.
    #[doc(hidden)]
    #[inline]
    pub fn as_static(&self) -> Option<&'static str> {
        match self.0 {
            Text::Static(text) => Some(text),
            Text::Shared(_) => None,
        }
    }

    /// Returns where the text is.
    #[inline]
    pub(crate) fn address(&self) -> u64 {
        self.as_str().as_ptr().addr() as u64
    }

    /// Returns whether both refer to the same text in memory.
    #[inline]
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        self.address() == other.address() && self.len() == other.len()
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl From<&'static str> for Key {
    #[inline]
    fn from(key: &'static str) -> Self {
        Self::from_static(key)
    }
}

impl From<String> for Key {
    fn from(key: String) -> Self {
        Self(Text::Shared(key.into()))
    }
}

impl From<Arc<str>> for Key {
    fn from(key: Arc<str>) -> Self {
        Self(Text::Shared(key))
    }
}

impl From<SmolStr> for Key {
    fn from(key: SmolStr) -> Self {
        Self(Text::Shared(key.into()))
    }
}

impl From<&Self> for Key {
    fn from(key: &Self) -> Self {
        key.clone()
    }
}

impl Deref for Key {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Key {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Key {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn is_as_small_as_a_string() {
        assert_eq!(size_of::<Key>(), 24);
    }

    #[test]
    fn keys_of_any_source_are_equal_and_hash_alike() {
        let text = "a.rather.long.attribute.key.indeed";
        let keys = [
            Key::from(text),
            Key::from(text.to_owned()),
            Key::from(Arc::<str>::from(text)),
            Key::from(SmolStr::new(text)),
            Key::from(&Key::from(text)),
        ];
        let set = HashSet::from(keys);
        assert_eq!(set.len(), 1);
        assert!(set.contains(text));
    }

    #[test]
    fn shows_and_serialises_as_its_text() {
        let key = Key::from("agent.name");
        assert_eq!(key.to_string(), "agent.name");
        assert_eq!(format!("{key:>12}"), "  agent.name");
        assert_eq!(format!("{key:?}"), "\"agent.name\"");
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"agent.name\"");
        assert!(key.starts_with("agent."));
    }
}

//! What goes from step to step.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json};
use thiserror::Error;

/// What goes from step to step of a pipeline: JSON values by name.
///
/// # Examples
///
/// ```
/// use raaf_agents::State;
///
/// let mut state = State::new().with("topic", "tea").with("cups", 3);
/// state.put("prices", &[1.5, 2.0])?;
/// assert_eq!(state.text("topic")?, "tea");
/// assert_eq!(state.get::<u32>("cups")?, 3);
/// assert_eq!(state.get::<Vec<f64>>("prices")?, [1.5, 2.0]);
/// assert_eq!(state.text("cups").unwrap_err().to_string(), "`cups` is a number, not a text");
/// # Ok::<(), raaf_agents::StateError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct State(Map<String, Json>);

/// Why a [`State`] does not give, or take, a value.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// Nothing goes by that name.
    #[error("there is no `{key}` in the pipeline's state")]
    Missing {
        /// The name.
        key: String,
    },
    /// The value is no text.
    #[error("`{key}` is {found}, not a text")]
    NotText {
        /// The name.
        key: String,
        /// What it is instead.
        found: &'static str,
    },
    /// The value is no list.
    #[error("`{key}` is {found}, not a list")]
    NotList {
        /// The name.
        key: String,
        /// What it is instead.
        found: &'static str,
    },
    /// The value cannot be read as the type wanted.
    #[error("`{key}` in the pipeline's state is not what was expected")]
    WrongType {
        /// The name.
        key: String,
        /// What does not fit.
        source: serde_json::Error,
    },
    /// The value cannot be written as JSON.
    #[error("what is to be `{key}` cannot be written as JSON")]
    NotJson {
        /// The name.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl State {
    /// Nothing so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a value.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Json>) -> Self {
        self.set(key, value);
        self
    }

    /// Sets a value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Json>) -> &mut Self {
        self.0.insert(key.into(), value.into());
        self
    }

    /// Sets a value of any type that can be written as JSON.
    ///
    /// # Errors
    ///
    /// When it cannot: a map with keys that are no text, or a type that refuses.
    pub fn put<T: Serialize + ?Sized>(
        &mut self,
        key: impl Into<String>,
        value: &T,
    ) -> Result<&mut Self, StateError> {
        let key = key.into();
        match serde_json::to_value(value) {
            Ok(value) => Ok(self.set(key, value)),
            Err(source) => Err(StateError::NotJson { key, source }),
        }
    }

    /// A value, as JSON.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub fn value(&self, key: &str) -> Result<&Json, StateError> {
        self.0.get(key).ok_or_else(|| StateError::Missing { key: key.to_owned() })
    }

    /// A text.
    ///
    /// # Errors
    ///
    /// When there is no value of that name, or it is no text.
    pub fn text(&self, key: &str) -> Result<&str, StateError> {
        let value = self.value(key)?;
        value
            .as_str()
            .ok_or_else(|| StateError::NotText { key: key.to_owned(), found: what(value) })
    }

    /// A value of any type that can be read from JSON.
    ///
    /// # Errors
    ///
    /// When there is no value of that name, or it is not of that type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T, StateError> {
        T::deserialize(self.value(key)?)
            .map_err(|source| StateError::WrongType { key: key.to_owned(), source })
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        self.0.remove(key)
    }

    /// Whether there is a value of that name.
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Everything in it.
    pub fn as_map(&self) -> &Map<String, Json> {
        &self.0
    }

    /// Everything in it, taken out.
    pub fn into_map(self) -> Map<String, Json> {
        self.0
    }
}

impl From<Map<String, Json>> for State {
    fn from(map: Map<String, Json>) -> Self {
        Self(map)
    }
}

impl<K: Into<String>, V: Into<Json>> FromIterator<(K, V)> for State {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(values: I) -> Self {
        Self(values.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

pub(super) fn what(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let state = State::new().with("n", 1);
        assert_eq!(
            state.text("m").unwrap_err().to_string(),
            "there is no `m` in the pipeline's state"
        );
        assert!(matches!(state.get::<String>("n"), Err(StateError::WrongType { .. })));
    }
}

//! State of a pipeline.

use std::{collections::BTreeMap, fmt, sync::Arc};

use raaf_trace_core::Value;
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Map, Value as Json};
use thiserror::Error;

/// State that a pipeline passes from step to step: JSON values by key.
///
/// Clones share their values, so cloning is cheap however large the values are. The `Debug` form
/// shows keys and types only, because errors contain the state and end up in logs; see
/// [`iter`](Self::iter) for the values.
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
/// assert_eq!(state.text("cups").unwrap_err().to_string(), "`cups` is a number, not a string");
/// # Ok::<(), raaf_agents::StateError>(())
/// ```
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Map<String, Json>")]
pub struct State(pub(super) Values);

pub(super) type Values = BTreeMap<Arc<str>, Arc<Json>>;

/// Error of reading from or writing to a [`State`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// The state has no such key.
    #[error("the pipeline state has no `{key}`")]
    Missing {
        /// The key.
        key: String,
    },
    /// The value is not a string.
    #[error("`{key}` is {found}, not a string")]
    NotText {
        /// The key.
        key: String,
        /// The type of the value, with an article.
        found: &'static str,
    },
    /// The value is not an array.
    #[error("`{key}` is {found}, not an array")]
    NotList {
        /// The key.
        key: String,
        /// The type of the value, with an article.
        found: &'static str,
    },
    /// The value does not deserialize to the requested type.
    #[error("`{key}` in the pipeline state has an unexpected type")]
    WrongType {
        /// The key.
        key: String,
        /// The mismatch.
        source: serde_json::Error,
    },
    /// The value does not serialize to JSON.
    #[error("the value for `{key}` cannot be serialized as JSON")]
    NotJson {
        /// The key.
        key: String,
        /// The cause.
        source: serde_json::Error,
    },
}

impl State {
    /// Creates an empty state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value and returns the state.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Json>) -> Self {
        self.set(key, value);
        self
    }

    /// Sets a value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Json>) -> &mut Self {
        self.0.insert(key.into().into(), Arc::new(value.into()));
        self
    }

    /// Sets a value of a type that serializes to JSON.
    ///
    /// # Errors
    ///
    /// If it does not serialize: a map whose keys are not strings, or a type that fails to.
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

    /// Returns a value.
    ///
    /// # Errors
    ///
    /// If there is no such key.
    pub fn value(&self, key: &str) -> Result<&Json, StateError> {
        let value = self.0.get(key).map(|value| &**value);
        value.ok_or_else(|| StateError::Missing { key: key.to_owned() })
    }

    /// Returns a string.
    ///
    /// # Errors
    ///
    /// If there is no such key, or its value is not a string.
    pub fn text(&self, key: &str) -> Result<&str, StateError> {
        let value = self.value(key)?;
        value
            .as_str()
            .ok_or_else(|| StateError::NotText { key: key.to_owned(), found: type_of(value) })
    }

    /// Deserializes a value.
    ///
    /// # Errors
    ///
    /// If there is no such key, or its value does not deserialize to this type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T, StateError> {
        T::deserialize(self.value(key)?)
            .map_err(|source| StateError::WrongType { key: key.to_owned(), source })
    }

    /// Removes and returns a value.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        self.0.remove(key).map(Arc::unwrap_or_clone)
    }

    /// Returns whether there is such a key.
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Iterates over the values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl From<Map<String, Json>> for State {
    fn from(map: Map<String, Json>) -> Self {
        map.into_iter().collect()
    }
}

impl From<State> for Map<String, Json> {
    fn from(state: State) -> Self {
        let values = state.0.into_iter();
        values.map(|(key, value)| (key.as_ref().to_owned(), Arc::unwrap_or_clone(value))).collect()
    }
}

impl<K: Into<String>, V: Into<Json>> FromIterator<(K, V)> for State {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(values: I) -> Self {
        values.into_iter().fold(Self::new(), |state, (key, value)| state.with(key, value))
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = self.iter().map(|(key, value)| (key, type_of(value)));
        f.debug_map().entries(types).finish()
    }
}

/// Returns values as a trace shows them: a single one as it is, several as a JSON object.
pub(super) fn shown<'a>(values: impl Iterator<Item = (&'a str, &'a Json)>) -> Value {
    let values: BTreeMap<_, _> = values.collect();
    match values.first_key_value() {
        Some((_, only)) if values.len() == 1 => Value::json(only),
        _ => Value::json(&values),
    }
}

pub(super) fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_name_the_key() {
        let state = State::new().with("n", 1);
        assert_eq!(state.text("m").unwrap_err().to_string(), "the pipeline state has no `m`");
        assert!(matches!(state.get::<String>("n"), Err(StateError::WrongType { .. })));
    }

    #[test]
    fn debug_shows_keys_and_types_and_no_values() {
        let state = State::new().with("plan", "my secret").with("cups", 3);
        assert_eq!(format!("{state:?}"), r#"{"cups": "a number", "plan": "a string"}"#);
    }

    #[test]
    fn a_state_survives_json() {
        let state = State::new().with("plan", json!({"steps": [1, 2]})).with("cups", 3);
        let json = serde_json::to_value(&state).unwrap();
        assert_eq!(json, json!({"plan": {"steps": [1, 2]}, "cups": 3}));
        assert_eq!(serde_json::from_value::<State>(json).unwrap(), state);
    }

    #[test]
    fn clones_share_values_and_change_alone() {
        let before = State::new().with("long", "x".repeat(1_000)).with("n", 1);
        let after = before.clone().with("n", 2);
        let place = |state: &State| std::ptr::from_ref(state.value("long").unwrap());
        assert_eq!(place(&before), place(&after));
        assert_eq!((before.get::<u8>("n").unwrap(), after.get::<u8>("n").unwrap()), (1, 2));
    }
}

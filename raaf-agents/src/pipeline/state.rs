//! State of a pipeline.

use std::{collections::BTreeMap, fmt, mem, sync::Arc};

use raaf_trace_core::Value;
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Map, Value as Json};
use thiserror::Error;

/// State that a pipeline passes from step to step: JSON values by key.
///
/// Clones share their values, so that cloning is cheap however large these are. Changing a clone is cheap,
/// too: it stores only its changes. The `Debug` form shows keys and types only, because errors contain the
/// state and end up in logs; see [`iter`](Self::iter) for the values.
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
#[derive(Clone, Default, Deserialize)]
#[serde(from = "Map<String, Json>")]
pub struct State {
    settled: Arc<Values>,
    /// Changes since the settled values are shared; `None` for a removed one.
    changes: BTreeMap<Arc<str>, Option<Arc<Json>>>,
}

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
        self.set_shared(key.into().into(), Some(Arc::new(value.into())));
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
        self.shared(key)
            .map(|value| &**value)
            .ok_or_else(|| StateError::Missing { key: key.to_owned() })
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
        let removed = self.shared(key).cloned()?;
        self.set_shared(key.into(), None);
        Some(Arc::unwrap_or_clone(removed))
    }

    /// Returns whether there is such a key.
    pub fn contains(&self, key: &str) -> bool {
        self.shared(key).is_some()
    }

    /// Iterates over the values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.values().into_iter().map(|(key, value)| (&**key, &**value))
    }

    /// Returns a value that clones share.
    pub(super) fn shared(&self, key: &str) -> Option<&Arc<Json>> {
        match self.changes.get(key) {
            Some(change) => change.as_ref(),
            None => self.settled.get(key),
        }
    }

    /// Sets a value, or removes it. Values that no clone shares are changed in place.
    pub(super) fn set_shared(&mut self, key: Arc<str>, value: Option<Arc<Json>>) {
        match Arc::get_mut(&mut self.settled).filter(|_| self.changes.is_empty()) {
            Some(settled) => change(settled, key, value),
            None => drop(self.changes.insert(key, value)),
        }
    }

    /// Applies the changes, in place unless a clone shares the settled values.
    pub(super) fn settle(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        let settled = Arc::make_mut(&mut self.settled);
        for (key, value) in mem::take(&mut self.changes) {
            change(settled, key, value);
        }
    }

    /// Returns where the settled values are.
    #[cfg(test)]
    pub(super) fn place(&self) -> usize {
        Arc::as_ptr(&self.settled).addr()
    }

    /// Returns the values, sorted by key.
    pub(super) fn values(&self) -> BTreeMap<&Arc<str>, &Arc<Json>> {
        let mut values: BTreeMap<_, _> = self.settled.iter().collect();
        for (key, value) in &self.changes {
            match value {
                Some(value) => values.insert(key, value),
                None => values.remove(key),
            };
        }
        values
    }

    pub(super) fn into_values(mut self) -> Values {
        self.settle();
        Arc::unwrap_or_clone(self.settled)
    }
}

fn change(values: &mut Values, key: Arc<str>, value: Option<Arc<Json>>) {
    match value {
        Some(value) => values.insert(key, value),
        None => values.remove(&key),
    };
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.values() == other.values()
    }
}

impl From<Values> for State {
    fn from(values: Values) -> Self {
        Self { settled: Arc::new(values), changes: BTreeMap::new() }
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
        let values = state.into_values().into_iter();
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

    #[test]
    fn a_changed_clone_has_its_changes_alone() {
        let before = State::new().with("a", 1).with("b", 2).with("c", 3);
        let mut after = before.clone().with("a", 4).with("d", 5);
        assert_eq!(after.remove("b"), Some(json!(2)));
        assert_eq!(after.remove("b"), None);
        assert!(Arc::ptr_eq(&before.settled, &after.settled), "nothing is copied");
        let whole = [("a", 4), ("c", 3), ("d", 5)];
        let seen: Vec<_> =
            after.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        assert_eq!(seen, whole.map(|(key, value)| (key.to_owned(), json!(value))));
        assert_eq!(after, State::from_iter(whole));
        assert!(!after.contains("b") && before.contains("b"));

        let place = Arc::as_ptr(&before.settled);
        drop(before);
        after.settle();
        assert_eq!(Arc::as_ptr(&after.settled), place, "changed in place");
        assert_eq!((after.settled.len(), &after), (3, &State::from_iter(whole)));
    }
}

//! The attributes of a span or an event, in the order they were set.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    AttributeLosses, IntoValue, Key, SpanLimits, Value, ValueRef, fingerprint::Fingerprints, json,
    key::Text, reserved::is_reserved,
};
use crate::keys;

/// The attributes of a span or an event, in the order they were first set.
///
/// Setting never fails: what exceeds the [limits](SpanLimits) is cut or left out and counted in
/// [`losses`](Self::losses). The reserved keys `component.*`, `success`, `duration_ms` and
/// `error.*` say what a span knows about itself; setting them is ignored, and counted too.
///
/// ```
/// use raaf_trace_core::Attributes;
///
/// let mut attributes = Attributes::new();
/// attributes
///     .set("processor.batch_size", 100)
///     .set("processor.parallel", true)
///     .set("processor.type", None::<&str>)
///     .set_json("processor.range", &(0, 10));
///
/// assert_eq!(attributes.len(), 3);
/// assert!(attributes.get("processor.batch_size").is_some_and(|size| size == 100));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    // A span has a dozen: comparing keys in a row beats hashing them.
    entries: Vec<AttributeEntry>,
    limits: SpanLimits,
    losses: AttributeLosses,
    /// Of values that are not kept as they were given.
    fingerprints: Fingerprints,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeEntry {
    key: Key,
    value: Value,
    content: bool,
    /// Made on demand, and only where content is kept: two spans are not told apart by it.
    on_demand: bool,
}

impl AttributeEntry {
    /// The attribute's name.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What it holds.
    pub fn value(&self) -> ValueRef<'_> {
        self.value.as_ref()
    }

    /// Whether it was written as content: a prompt, a completion, a tool's arguments or result.
    pub fn is_content(&self) -> bool {
        self.content
    }

    /// The value itself; whoever changes it keeps it within the limits.
    pub(crate) fn value_mut(&mut self) -> &mut Value {
        &mut self.value
    }
}

/// For how many attributes an emptied list keeps memory: few spans have more, and how many they may
/// have is for the user to say.
const MOST_KEPT: usize = 64;

/// Places beyond [`SpanLimits::max_attributes`] for what the library says at a span's end: usage,
/// response, retries. However many attributes a program sets, these find room.
const RESERVE: u32 = 32;

fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

impl Attributes {
    /// No attributes, under the default limits. Allocates nothing until the first is set.
    pub const fn new() -> Self {
        Self::with_limits(SpanLimits::DEFAULT)
    }

    /// No attributes, under these limits.
    #[inline]
    pub const fn with_limits(limits: SpanLimits) -> Self {
        Self {
            entries: Vec::new(),
            limits,
            losses: AttributeLosses {
                cut_values: 0,
                dropped_attributes: 0,
                reserved_ignored: 0,
                content_left_out: 0,
            },
            fingerprints: Fingerprints::NONE,
        }
    }

    /// Sets the limits for what is added from now on; what is there stays as it is.
    #[inline]
    pub fn set_limits(&mut self, limits: SpanLimits) {
        self.limits = limits;
    }

    /// The limits these attributes are kept within.
    #[inline]
    pub fn limits(&self) -> SpanLimits {
        self.limits
    }

    /// Sets an attribute; one of the same key is replaced where it stands. A value of `None` sets
    /// nothing.
    #[inline]
    pub fn set(&mut self, key: impl Into<Key>, value: impl IntoValue) -> &mut Self {
        match (key.into(), value.into_value()) {
            (_, None) => {}
            (Key(Text::Static(key)), Some(Value::Int(number))) => self.set_number(key, number),
            (Key(Text::Static(key)), Some(Value::Bool(number))) => self.set_number(key, number),
            (Key(Text::Static(key)), Some(Value::Float(number))) => self.set_number(key, number),
            (key, Some(value)) => self.set_checked(key, value, false),
        }
        self
    }

    /// As [`set`](Self::set), which knows when it is compiled whether it comes here. No limit
    /// applies to a number, and neither it nor its key has to be moved: what was written a moment
    /// ago is slow to move.
    #[inline(never)]
    fn set_number<N: Copy + Into<Value>>(&mut self, key: &'static str, number: N) {
        // That the list has room lets the entry be written in place: to grow can panic, for which
        // the entry would have to lie somewhere.
        if self.entries.len() != self.entries.capacity() && self.takes_new(key) {
            let (key, value) = (Key::from_static(key), number.into());
            self.entries.push(AttributeEntry { key, value, content: false, on_demand: false });
        } else {
            self.set_checked(Key::from_static(key), number.into(), false);
        }
    }

    /// Whether an attribute of this key would be one more.
    #[inline]
    fn takes_new(&self, key: &str) -> bool {
        !is_reserved(key)
            && self.entries.len() < self.limits.max_attributes as usize
            && !self.contains(key)
    }

    /// Sets an attribute to the JSON form of `value`; see [`Value::json`].
    pub fn set_json<T>(&mut self, key: impl Into<Key>, value: &T) -> &mut Self
    where
        T: Serialize + ?Sized,
    {
        self.set(key, Value::json(value))
    }

    /// Sets an attribute that is content: a prompt, a completion, a tool's arguments or result.
    ///
    /// Content has a larger limit, and is left out whole when [`SpanLimits::include_content`] is
    /// off.
    pub fn set_content(&mut self, key: impl Into<Key>, value: impl IntoValue) -> &mut Self {
        if let Some(value) = value.into_value() {
            if self.limits.include_content {
                self.set_checked(key.into(), value, true);
            } else {
                self.leave_out(key.into(), value);
            }
        }
        self
    }

    /// As [`set_content`](Self::set_content), for a value that costs something to make: the
    /// closure is called only when content is kept.
    ///
    /// ```
    /// use raaf_trace_core::{Attributes, Value};
    ///
    /// let messages = ["How are you?"];
    /// let mut attributes = Attributes::new();
    /// attributes.set_content_with("gen_ai.input.messages", || Value::json(&messages));
    /// ```
    pub fn set_content_with<V: IntoValue>(
        &mut self,
        key: impl Into<Key>,
        value: impl FnOnce() -> V,
    ) -> &mut Self {
        if !self.limits.include_content {
            count(&mut self.losses.content_left_out);
        } else if let Some(value) = value().into_value() {
            self.set_on_demand(&key.into(), value);
        }
        self
    }

    fn set_on_demand(&mut self, key: &Key, value: Value) {
        self.set_checked(key.clone(), value, true);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == *key) {
            entry.on_demand = true;
        }
    }

    #[cold]
    fn leave_out(&mut self, key: Key, value: Value) {
        count(&mut self.losses.content_left_out);
        self.fingerprints.add(key, &value);
        discard(value);
    }

    /// Sets an attribute whatever its key: for what the library itself says about a span, reserved
    /// keys included.
    pub fn set_reserved(&mut self, key: impl Into<Key>, value: impl IntoValue) -> &mut Self {
        if let Some(value) = value.into_value() {
            self.put(key.into(), value, false);
        }
        self
    }

    fn set_checked(&mut self, key: Key, value: Value, content: bool) {
        if is_reserved(&key) {
            count(&mut self.losses.reserved_ignored);
            discard(value);
        } else {
            self.put(key, value, content);
        }
    }

    #[inline]
    fn put(&mut self, key: Key, value: Value, content: bool) {
        let existing = self.entries.iter().position(|entry| entry.key == key);
        if existing.is_none()
            && self.entries.len() >= self.limits.max_attributes as usize
            && !self.has_reserve_for(&key)
        {
            count(&mut self.losses.dropped_attributes);
            self.fingerprints.add(key, &value);
            return discard(value);
        }
        let (value, cut) = self.limits.fit(value, content);
        if let Some(whole) = cut {
            count(&mut self.losses.cut_values);
            self.fingerprints.note(key.clone(), whole);
        }
        let entry = AttributeEntry { key, value, content, on_demand: false };
        match existing {
            Some(index) => self.entries[index] = entry,
            None => self.entries.push(entry),
        }
    }

    /// Whether a full list has room for a key that the library sets at a span's end.
    #[cold]
    fn has_reserve_for(&self, key: &str) -> bool {
        let most = self.limits.max_attributes.saturating_add(RESERVE) as usize;
        self.entries.len() < most && keys::is_set_at_end(key)
    }

    /// The value of an attribute.
    pub fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        self.entries.iter().find(|entry| entry.key == *key).map(AttributeEntry::value)
    }

    /// Whether there is an attribute of this key.
    pub fn contains(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == *key)
    }

    /// Keys and values, in the order they were first set.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, ValueRef<'_>)> + Clone {
        self.entries.iter().map(|entry| (entry.key.as_str(), entry.value()))
    }

    /// The attributes with all that is known of them, in the order they were first set.
    pub fn entries(&self) -> &[AttributeEntry] {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut [AttributeEntry] {
        &mut self.entries
    }

    pub(crate) fn add_cuts(&mut self, cut: u32) {
        self.losses.cut_values = self.losses.cut_values.saturating_add(cut);
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What was cut, left out or ignored.
    pub fn losses(&self) -> AttributeLosses {
        self.losses
    }

    pub(crate) fn set_losses(&mut self, losses: AttributeLosses) {
        self.losses = losses;
    }

    /// Sets every attribute of `other`, under the limits and rules of `self`, and adds its losses.
    pub fn merge(&mut self, other: Self) -> &mut Self {
        let add = |own: &mut u32, others: u32| *own = own.saturating_add(others);
        add(&mut self.losses.cut_values, other.losses.cut_values);
        add(&mut self.losses.dropped_attributes, other.losses.dropped_attributes);
        add(&mut self.losses.reserved_ignored, other.losses.reserved_ignored);
        add(&mut self.losses.content_left_out, other.losses.content_left_out);
        self.fingerprints.extend(other.fingerprints);
        for AttributeEntry { key, value, content, on_demand } in other.entries {
            if content && !self.limits.include_content {
                self.leave_out(key, value);
            } else if on_demand {
                self.set_on_demand(&key, value);
            } else {
                self.set_checked(key, value, content);
            }
        }
        self
    }

    /// Whether `value` is another one than is set under `key`, or was given for it.
    #[doc(hidden)]
    pub fn differs(&self, key: &str, value: &Value) -> bool {
        let set = self.entries.iter().find(|entry| entry.key == *key);
        if is_reserved(key) || set.is_some_and(|entry| entry.on_demand || entry.value.same(value)) {
            return false;
        }
        match self.fingerprints.get(key) {
            Some(known) => known != value.fingerprint(),
            None => set.is_some(),
        }
    }

    /// Whether one of `others` has another value here.
    #[doc(hidden)]
    pub fn differs_from(&self, others: &Self) -> bool {
        let own = |key: &Key| {
            let set = || self.entries.iter().find(|entry| entry.key == *key);
            self.fingerprints.get(key).or_else(|| Some(set()?.value.fingerprint()))
        };
        let mut kept = others.entries.iter().filter(|entry| !entry.on_demand);
        kept.any(|entry| self.differs(&entry.key, &entry.value))
            || others
                .fingerprints
                .iter()
                .any(|(key, other)| own(key).is_some_and(|own| own != other))
    }

    /// Whether a value was given for this key, whatever is kept of it.
    fn knows(&self, key: &str) -> bool {
        self.contains(key) || self.fingerprints.get(key).is_some()
    }

    /// Sets those of `others` for which no value was given before.
    #[doc(hidden)]
    pub fn add_new(&mut self, mut others: Self) {
        others.entries.retain(|entry| !self.knows(&entry.key));
        others.fingerprints.retain(|key| !self.knows(key));
        self.merge(others);
    }

    /// Leaves out what was written as content, and counts it.
    pub fn drop_content(&mut self) {
        let before = self.entries.len();
        self.entries.retain(|entry| !entry.content);
        let left_out = u32::try_from(before - self.entries.len()).unwrap_or(u32::MAX);
        self.losses.content_left_out = self.losses.content_left_out.saturating_add(left_out);
    }

    /// Removes all attributes and forgets the losses. Limits stay, and so does memory for up to 64
    /// attributes.
    #[inline]
    pub fn clear(&mut self) {
        self.entries.clear();
        if self.entries.capacity() > MOST_KEPT {
            self.entries = Vec::new();
        }
        self.losses = AttributeLosses::default();
        self.fingerprints = Fingerprints::NONE;
    }
}

/// Drops a value that may be nested to any depth.
#[cold]
fn discard(value: Value) {
    if let Value::Json(value) = value {
        json::discard(value);
    }
}

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

/// An object with a field for each attribute.
impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for entry in &self.entries {
            map.serialize_entry(&entry.key, &entry.value)?;
        }
        map.end()
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;

//! Attributes of a span or an event, in the order they were first set.

use serde::Serialize;

use super::{
    AttributeEntry, AttributeLosses, IntoValue, Key, SpanLimits, Value, ValueRef,
    fingerprint::Fingerprints, json, key::Text, reserved::is_reserved,
};
use crate::keys;

/// Attributes of a span or an event, in the order they were first set.
///
/// Setting never fails: values beyond the [limits](SpanLimits) are cut or left out and counted in
/// [`losses`](Self::losses). The reserved keys `component.*`, `success`, `duration_ms` and
/// `error.*` are computed by the library; setting them is ignored and counted.
///
/// ```
/// use raaf_trace_core::Attributes;
///
/// let mut attributes = Attributes::new();
/// attributes
///     .set("processor.batch_size", 100)
///     .set("processor.parallel", true)
///     .set("processor.type", None::<&str>)
///     .set_json("processor.range", &(0, 10))
///     .set("success", true); // reserved: ignored
///
/// assert_eq!((attributes.len(), attributes.losses().reserved_ignored), (3, 1));
/// assert!(attributes.get("processor.batch_size").is_some_and(|size| size == 100));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    // A span has about a dozen attributes: a linear search is faster than hashing.
    entries: Vec<AttributeEntry>,
    limits: SpanLimits,
    losses: AttributeLosses,
    /// Fingerprints of values that are not stored as given, and ignored keys.
    fingerprints: Fingerprints,
}

/// Maximum number of attributes for which an emptied list keeps its memory.
const MOST_KEPT: usize = 64;

/// Number of attributes beyond [`SpanLimits::max_attributes`] that are reserved for those the
/// library sets when a span ends: usage, response, retries. They fit however many attributes a
/// program sets.
const RESERVE: u32 = 32;

fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

impl Attributes {
    /// Creates an empty list with the default limits. Allocates when the first attribute is set.
    pub const fn new() -> Self {
        Self::with_limits(SpanLimits::DEFAULT)
    }

    /// Creates an empty list with these limits.
    #[inline]
    pub const fn with_limits(limits: SpanLimits) -> Self {
        Self {
            entries: Vec::new(),
            limits,
            losses: AttributeLosses::NONE,
            fingerprints: Fingerprints::NONE,
        }
    }

    /// Sets the limits for attributes that are set from now on. Existing attributes are unchanged.
    #[inline]
    pub fn set_limits(&mut self, limits: SpanLimits) {
        self.limits = limits;
    }

    /// Returns the limits.
    #[inline]
    pub fn limits(&self) -> SpanLimits {
        self.limits
    }

    /// Returns whether content is recorded.
    #[inline]
    pub(crate) fn includes_content(&self) -> bool {
        self.limits.include_content
    }

    /// Sets an attribute. Replaces the value of an existing key, which keeps its position; `None`
    /// sets nothing.
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

    /// Sets an attribute to a number. [`set`](Self::set) selects this path at compile time. No
    /// limit applies to a number, and the entry is written in place: moving values that were
    /// written a moment ago is slow.
    #[inline(never)]
    fn set_number<N: Copy + Into<Value>>(&mut self, key: &'static str, number: N) {
        // With spare capacity the entry is written in place. Growing can panic, for which the entry
        // would have to be kept elsewhere.
        if self.entries.len() != self.entries.capacity()
            && !self.limits.cuts_name(key.len())
            && self.takes_new(key)
        {
            let (key, value) = (Key::from_static(key), number.into());
            self.entries.push(AttributeEntry { key, value, content: false, on_demand: false });
        } else {
            self.set_checked(Key::from_static(key), number.into(), false);
        }
    }

    /// Returns whether `key` would be a new attribute that is allowed.
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

    /// Sets a content attribute: a prompt, a completion, a tool's arguments or result.
    ///
    /// Content has a larger limit, and is left out entirely when [`SpanLimits::include_content`] is
    /// `false`.
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

    /// Sets a content attribute whose value is costly to compute. Calls the closure only when
    /// content is recorded.
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
            self.set_on_demand(key.into(), value);
        }
        self
    }

    fn set_on_demand(&mut self, key: Key, value: Value) {
        let key = self.fit_key(key);
        self.set_checked(key.clone(), value, true);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            entry.on_demand = true;
        }
    }

    #[cold]
    fn leave_out(&mut self, key: Key, value: Value) {
        count(&mut self.losses.content_left_out);
        let key = self.fit_key(key);
        self.fingerprints.add(key, &value);
        discard(value);
    }

    /// Cuts a key to its limit, and counts the cut.
    fn fit_key(&mut self, mut key: Key) -> Key {
        self.add_cuts(self.limits.fit_name(&mut key));
        key
    }

    #[cold]
    fn set_cut(&mut self, key: Key, value: Value, content: bool) {
        let key = self.fit_key(key);
        self.set_checked(key, value, content);
    }

    /// Adds an attribute in constant time, without looking for its key. For lists that are
    /// [merged](Self::merge) into another one, which then has the last value of each key.
    #[doc(hidden)]
    pub fn push(&mut self, key: impl Into<Key>, value: impl IntoValue) {
        if let Some(value) = value.into_value() {
            let (value, _) = self.limits.fit(value, false);
            let key = key.into();
            self.entries.push(AttributeEntry { key, value, content: false, on_demand: false });
        }
    }

    /// Sets an attribute under any key, including reserved ones. For attributes that the library
    /// sets.
    pub fn set_reserved(&mut self, key: impl Into<Key>, value: impl IntoValue) -> &mut Self {
        if let Some(value) = value.into_value() {
            self.put(key.into(), value, false);
        }
        self
    }

    /// Sets a content attribute like [`set_content`](Self::set_content), under any key.
    pub fn set_reserved_content(
        &mut self,
        key: impl Into<Key>,
        value: impl IntoValue,
    ) -> &mut Self {
        match value.into_value() {
            Some(value) if self.limits.include_content => self.put(key.into(), value, true),
            Some(value) => self.leave_out(key.into(), value),
            None => {}
        }
        self
    }

    fn set_checked(&mut self, key: Key, value: Value, content: bool) {
        if self.limits.cuts_name(key.len()) {
            self.set_cut(key, value, content);
        } else if is_reserved(&key) {
            count(&mut self.losses.reserved_ignored);
            self.fingerprints.ignore(key);
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

    /// Returns whether a full list accepts a key that the library sets at a span's end.
    #[cold]
    fn has_reserve_for(&self, key: &str) -> bool {
        let most = self.limits.max_attributes.saturating_add(RESERVE) as usize;
        self.entries.len() < most && keys::is_set_at_end(key)
    }

    /// Returns the value of an attribute.
    pub fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        self.entries.iter().find(|entry| entry.key == *key).map(AttributeEntry::value)
    }

    /// Returns whether an attribute of this key is set.
    pub fn contains(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == *key)
    }

    /// Returns keys and values, in the order they were first set.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, ValueRef<'_>)> + Clone {
        self.entries.iter().map(|entry| (entry.key.as_str(), entry.value()))
    }

    /// Returns the attributes with their metadata, in the order they were first set.
    pub fn entries(&self) -> &[AttributeEntry] {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut [AttributeEntry] {
        &mut self.entries
    }

    /// Takes all entries, and leaves their memory.
    #[inline]
    pub(super) fn drain_entries(&mut self) -> std::vec::Drain<'_, AttributeEntry> {
        self.entries.drain(..)
    }

    /// Adds an entry that was checked before.
    #[inline]
    pub(super) fn push_entry(&mut self, entry: AttributeEntry) {
        self.entries.push(entry);
    }

    /// Returns whether all attributes were stored as they were given.
    #[inline]
    pub(crate) fn has_no_losses(&self) -> bool {
        self.losses.is_empty() && self.fingerprints.is_empty()
    }

    /// Counts values or names that were cut.
    #[doc(hidden)]
    pub fn add_cuts(&mut self, cut: u32) {
        self.losses.cut_values = self.losses.cut_values.saturating_add(cut);
    }

    /// Returns the number of attributes.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no attributes.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns counts of attributes that were cut, left out or ignored.
    pub fn losses(&self) -> AttributeLosses {
        self.losses
    }

    /// Returns reserved keys that were set, up to 16. Empty for attributes that were read from a file.
    #[doc(hidden)]
    pub fn ignored_keys(&self) -> impl Iterator<Item = &Key> {
        self.fingerprints.ignored()
    }

    pub(crate) fn set_losses(&mut self, losses: AttributeLosses) {
        self.losses = losses;
    }

    /// Adds the losses of other attributes.
    #[doc(hidden)]
    pub fn add_losses(&mut self, others: AttributeLosses) {
        self.losses.add(others);
    }

    /// Returns whether `value` differs from the value that was set under `key`, even if that was
    /// cut.
    #[doc(hidden)]
    pub fn differs(&self, key: &str, value: &Value) -> bool {
        if self.limits.cuts_name(key.len()) {
            return self.differs(&self.limits.name(key), value);
        }
        let set = self.entries.iter().find(|entry| entry.key == *key);
        if is_reserved(key) || set.is_some_and(|entry| entry.on_demand || entry.value.same(value)) {
            return false;
        }
        match self.fingerprints.get(key) {
            Some(known) => known != value.fingerprint(),
            None => set.is_some(),
        }
    }

    /// Returns whether an attribute of `others` has a different value here.
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

    /// Returns whether a value was set for this key, even if it was left out.
    fn knows(&self, key: &str) -> bool {
        self.contains(key) || self.fingerprints.get(key).is_some()
    }

    /// Sets those attributes of `others` whose keys were not set before.
    #[doc(hidden)]
    pub fn add_new(&mut self, mut others: Self) {
        others.entries.retain(|entry| !self.knows(&entry.key));
        others.fingerprints.retain(|key| !self.knows(key));
        self.merge(others);
    }

    /// Removes content attributes, and counts them.
    pub fn drop_content(&mut self) {
        let before = self.entries.len();
        self.entries.retain(|entry| !entry.content);
        let left_out = u32::try_from(before - self.entries.len()).unwrap_or(u32::MAX);
        self.losses.content_left_out = self.losses.content_left_out.saturating_add(left_out);
    }

    /// Removes all attributes and resets the losses. Keeps the limits, and memory for up to 64
    /// attributes.
    #[inline]
    pub fn clear(&mut self) {
        self.entries.clear();
        if self.entries.capacity() > MOST_KEPT {
            self.entries = Vec::new();
        }
        self.losses = AttributeLosses::NONE;
        self.fingerprints.clear();
    }
}

/// Drops a value of any depth without recursion.
#[cold]
fn discard(value: Value) {
    if let Value::Json(value) = value {
        json::discard(value);
    }
}

#[path = "merge.rs"]
mod merge;

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;

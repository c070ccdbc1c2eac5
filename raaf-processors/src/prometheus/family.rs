//! Meters by label values, of which those beyond a limit have one meter together.

use std::sync::{Arc, OnceLock};

use metrics::{Label, SharedString};

use super::{
    label::{self, OTHER},
    table::Table,
};

/// Meters by the values of `N` labels.
pub(super) struct Family<const N: usize, V> {
    keys: [&'static str; N],
    /// Converts names to label values.
    value: fn(&str) -> Arc<str>,
    known: Table<N, V>,
    other: OnceLock<V>,
}

impl<const N: usize, V> Family<N, V> {
    /// Creates a family whose names may be empty, which is a name as well.
    pub(super) fn new(keys: [&'static str; N], limit: usize) -> Self {
        Self { keys, value: label::value, known: Table::new(limit), other: OnceLock::new() }
    }

    /// Creates a family whose names may be absent.
    pub(super) fn with_optional(keys: [&'static str; N], limit: usize) -> Self {
        Self { value: label::optional, ..Self::new(keys, limit) }
    }

    /// Returns the meter for these names, created with its labels if they are new.
    pub(super) fn get(&self, names: [&str; N], make: impl Fn(Vec<Label>) -> V) -> &V {
        let heads = names.map(label::head);
        let with = |values: [Arc<str>; N]| make(self.labels(values));
        let known = || with(heads.each_ref().map(|head| (self.value)(head)));
        self.known
            .get_or_insert(heads.each_ref().map(|head| &**head), known)
            .unwrap_or_else(|| self.other.get_or_init(|| with([OTHER; N].map(Arc::from))))
    }

    /// Returns all meters, in no particular order.
    pub(super) fn all(&self) -> impl Iterator<Item = &V> {
        self.known.values().chain(self.other.get())
    }

    fn labels(&self, values: [Arc<str>; N]) -> Vec<Label> {
        let pairs = self.keys.into_iter().zip(values);
        pairs.map(|(key, value)| Label::new(key, SharedString::from_shared(value))).collect()
    }
}

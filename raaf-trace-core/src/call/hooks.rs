//! Hooks that add attributes before the work and from its result.

use std::{fmt, marker::PhantomData};

use raaf_trace_model::attributes::Attributes;

/// Attributes that are computed only if a span is created.
pub trait LazyAttributes {
    /// `true` if there are attributes to add.
    const WANTED: bool;

    /// Adds the attributes.
    fn add_to(self, attributes: &mut Attributes);
}

impl LazyAttributes for () {
    const WANTED: bool = false;

    fn add_to(self, _: &mut Attributes) {}
}

/// Two hooks that run in sequence.
#[derive(Clone, Copy)]
pub struct Then<L, F>(pub(super) L, pub(super) F);

impl<L: LazyAttributes, F: FnOnce(&mut Attributes)> LazyAttributes for Then<L, F> {
    const WANTED: bool = true;

    fn add_to(self, attributes: &mut Attributes) {
        self.0.add_to(attributes);
        self.1(attributes);
    }
}

/// A hook for the value that the work returned.
pub trait ResultHook<V: ?Sized> {
    /// `true` if there are attributes to add.
    const WANTED: bool;

    /// Adds attributes for `value`.
    fn look_at(self, value: &V, attributes: &mut Attributes);
}

impl<V: ?Sized> ResultHook<V> for () {
    const WANTED: bool = false;

    fn look_at(self, _: &V, _: &mut Attributes) {}
}

/// The hook given to [`Call::on_result`](super::Call::on_result).
pub struct OnResult<F, V: ?Sized> {
    hook: F,
    value: PhantomData<fn(&V)>,
}

impl<F, V: ?Sized> OnResult<F, V> {
    pub(super) fn new(hook: F) -> Self {
        Self { hook, value: PhantomData }
    }
}

impl<V: ?Sized, F: FnOnce(&V, &mut Attributes)> ResultHook<V> for OnResult<F, V> {
    const WANTED: bool = true;

    fn look_at(self, value: &V, attributes: &mut Attributes) {
        (self.hook)(value, attributes);
    }
}

impl<L, F> fmt::Debug for Then<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Then(..)")
    }
}

impl<F, V: ?Sized> fmt::Debug for OnResult<F, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnResult(..)")
    }
}

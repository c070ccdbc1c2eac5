//! Helpers for locks.

use std::{
    ops::Deref,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Locks, ignoring poisoning: nothing in this crate panics under a lock with its state half
/// changed.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Separates values that different threads write; 128 bytes because processors fetch cache lines in
/// pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> Deref for Padded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

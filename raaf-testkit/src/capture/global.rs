//! Captures of the global provider, one at a time.

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    ops::Deref,
    sync::{Condvar, Mutex, PoisonError},
    thread::{self, ThreadId},
};

use raaf_trace_core::provider::{GlobalOverride, override_global_provider};

use super::Capture;
use crate::tree::{AsSpans, Spans};

/// A [`Capture`] that also captures code without a provider of its own: roots in bare threads, and
/// code that uses the global provider. See [`Capture::global`].
///
/// Dropping it restores the previous global provider and lets the next test proceed, also when the
/// test panics.
pub struct GlobalCapture {
    capture: Capture,
    // In this order: the next one's turn comes when the global provider is back.
    _overriding: GlobalOverride,
    _turn: Turn,
}

impl GlobalCapture {
    #[track_caller]
    pub(super) fn of(build: impl FnOnce() -> Capture) -> Self {
        let turn = Turn::wait_for();
        let capture = build();
        let overriding = override_global_provider(capture.provider().clone());
        Self { capture, _overriding: overriding, _turn: turn }
    }
}

impl Deref for GlobalCapture {
    type Target = Capture;

    fn deref(&self) -> &Capture {
        &self.capture
    }
}

impl AsSpans for GlobalCapture {
    #[track_caller]
    fn as_spans(&self) -> Cow<'_, Spans> {
        self.capture.as_spans()
    }
}

impl fmt::Debug for GlobalCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GlobalCapture").field(&self.capture).finish()
    }
}

/// Thread that holds the global capture.
static HOLDER: Mutex<Option<ThreadId>> = Mutex::new(None);
static FREE: Condvar = Condvar::new();

/// Exclusive right to the global provider. It stays in its thread, so that a second request of that
/// thread is an error instead of a deadlock.
struct Turn(PhantomData<*const ()>);

impl Turn {
    #[track_caller]
    fn wait_for() -> Self {
        let this = thread::current().id();
        let mut holder = HOLDER.lock().unwrap_or_else(PoisonError::into_inner);
        let again = *holder == Some(this);
        if !again {
            while holder.is_some() {
                holder = FREE.wait(holder).unwrap_or_else(PoisonError::into_inner);
            }
            *holder = Some(this);
        }
        drop(holder);
        assert!(!again, "this thread holds a global capture already: drop that one first");
        Self(PhantomData)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *HOLDER.lock().unwrap_or_else(PoisonError::into_inner) = None;
        FREE.notify_one();
    }
}

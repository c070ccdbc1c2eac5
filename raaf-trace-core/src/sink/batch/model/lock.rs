//! Locks and signals. Waits have a timeout, which those of shuttle do not have.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, LockResult, PoisonError},
    time::Duration,
};

use shuttle::{
    rand::{Rng, thread_rng},
    sync as inner,
};

use super::Clock;

/// Locks, like the crate's function for mutexes of `std`.
pub(in crate::sink::batch) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
pub(in crate::sink::batch) struct Mutex<T>(inner::Mutex<T>);

impl<T> Mutex<T> {
    pub(in crate::sink::batch) fn new(value: T) -> Self {
        Self(inner::Mutex::new(value))
    }

    pub(in crate::sink::batch) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let guard = |guard| MutexGuard { guard, mutex: self };
        self.0.lock().map(guard).map_err(|poisoned| PoisonError::new(guard(poisoned.into_inner())))
    }
}

/// Guard with its mutex, which a wait locks again.
pub(in crate::sink::batch) struct MutexGuard<'a, T> {
    guard: inner::MutexGuard<'a, T>,
    mutex: &'a Mutex<T>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// Wakes one thread, once, even if it is raised before the wait begins.
#[derive(Default)]
pub(super) struct Signal {
    raised: inner::Mutex<bool>,
    changed: inner::Condvar,
}

impl Signal {
    pub(super) fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    pub(super) fn wait(&self) {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        while !*raised {
            raised = self.changed.wait(raised).unwrap_or_else(PoisonError::into_inner);
        }
        *raised = false;
    }
}

/// A notification reaches any one of the waiting threads, possibly one whose time just expired.
#[derive(Default)]
pub(in crate::sink::batch) struct Condvar {
    waiting: Mutex<Vec<Arc<Signal>>>,
}

impl Condvar {
    pub(in crate::sink::batch) fn new() -> Self {
        Self::default()
    }

    /// Does not return whether the time expired: the queue checks the clock itself.
    pub(in crate::sink::batch) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        let mutex = guard.mutex;
        let signal = Arc::<Signal>::default();
        lock(&self.waiting).push(Arc::clone(&signal));
        let alarm = Clock::set(timeout, &signal);
        drop(guard);
        signal.wait();
        Clock::cancel(alarm);
        lock(&self.waiting).retain(|waiting| !Arc::ptr_eq(waiting, &signal));
        let locked = |guard| (guard, ());
        mutex.lock().map(locked).map_err(|poisoned| PoisonError::new(locked(poisoned.into_inner())))
    }

    pub(in crate::sink::batch) fn notify_one(&self) {
        let mut waiting = lock(&self.waiting);
        if !waiting.is_empty() {
            let chosen = thread_rng().gen_range(0..waiting.len());
            waiting.swap_remove(chosen).raise();
        }
    }

    pub(in crate::sink::batch) fn notify_all(&self) {
        lock(&self.waiting).drain(..).for_each(|signal| signal.raise());
    }
}

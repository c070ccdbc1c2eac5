//! Fork safety: state per process, and calls that a child must not make.
//!
//! A forked child has a copy of all memory, but only the thread that forked: a lock that another
//! thread held is never released, and workers no longer run. State behind locks is therefore
//! [`PerProcess`], and foreign code that may hold locks of its own is called through [`Calls`].
//! Forks are detected by a handler of `pthread_atfork`; the check costs one load.

use std::{
    fmt,
    sync::{
        LazyLock, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Process in which a value was made.
#[derive(Clone, Debug)]
pub(crate) struct MadeIn(forkguard::Guard);

impl MadeIn {
    /// Returns this process.
    #[inline]
    pub(crate) fn here() -> Self {
        // A clone, because making a new one costs more than the rest of the fork checks of a span.
        static HERE: LazyLock<PerProcess<()>> = LazyLock::new(PerProcess::default);
        HERE.newest(|()| ()).made_in.clone()
    }

    /// Returns true if it is this process, and false if it is an ancestor.
    #[inline]
    pub(crate) fn this_process(&self) -> bool {
        !self.0.clone().detected_fork()
    }
}

/// Value with one instance per process. After a fork, the child makes an instance of its own, and
/// never touches the copy of its parent's.
///
/// Use it for state that a sink must not share with a forked child: a connection, an open file, a
/// lock that another thread may have held.
///
/// # Examples
///
/// ```
/// use std::sync::Mutex;
/// use raaf_trace_core::sink::PerProcess;
///
/// let line = PerProcess::new(Mutex::new(Vec::new()));
/// line.get(|_| Mutex::default()).lock().unwrap().push(1);
/// assert_eq!(*line.get(|_| Mutex::default()).lock().unwrap(), [1]);
/// ```
pub struct PerProcess<T> {
    value: T,
    made_in: MadeIn,
    /// Value of a child process; a child of that child has the next one.
    child: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    /// Creates a value with `value` as the instance of this process.
    pub fn new(value: T) -> Self {
        Self { value, made_in: MadeIn(forkguard::new()), child: OnceLock::new() }
    }

    /// Returns the instance of this process. In a child, `make` creates it on first use; it
    /// receives the parent's instance and must not take a lock in it.
    #[inline]
    pub fn get(&self, make: impl FnOnce(&T) -> T) -> &T {
        &self.newest(make).value
    }

    #[inline]
    fn newest(&self, make: impl FnOnce(&T) -> T) -> &Self {
        if self.made_in.this_process() { self } else { self.of_child(make) }
    }

    #[cold]
    fn of_child(&self, make: impl FnOnce(&T) -> T) -> &Self {
        let mut make = Some(make);
        let mut newest = self;
        while !newest.made_in.this_process() {
            if newest.child.get().is_none()
                && let Some(make) = make.take()
            {
                // Made outside any lock. If several threads make one, the first is kept.
                let _ = newest.child.set(Box::new(Self::new(make(&newest.value))));
            }
            match newest.child.get() {
                Some(child) => newest = child,
                None => break,
            }
        }
        newest
    }
}

impl<T: Default> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut newest = self;
        while let Some(child) = newest.child.get() {
            newest = child;
        }
        newest.value.fmt(f)
    }
}

/// Tracks running calls of foreign code. A child that is forked during one makes no further calls,
/// because locks that another thread held in it are never released.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    under_way: PerProcess<UnderWay>,
}

#[derive(Debug, Default)]
struct UnderWay {
    calls: AtomicUsize,
    /// True if calls were running when this process was forked.
    cut_off: bool,
    reported: AtomicBool,
}

/// Error of a call that was interrupted by a fork.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutOff {
    /// True for the first call refused in this process.
    pub(crate) first: bool,
}

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "it was running in another thread when this process was forked, so its locks may never \
             be released",
        )
    }
}

impl Calls {
    /// Makes a call.
    ///
    /// # Errors
    ///
    /// If calls were running when this process was forked.
    pub(crate) fn make<R>(&self, call: impl FnOnce() -> R) -> Result<R, CutOff> {
        let here = self.under_way.get(|parent| UnderWay {
            cut_off: parent.cut_off || parent.calls.load(Ordering::Relaxed) > 0,
            ..UnderWay::default()
        });
        if here.cut_off {
            return Err(CutOff { first: !here.reported.swap(true, Ordering::Relaxed) });
        }
        here.calls.fetch_add(1, Ordering::Relaxed);
        let _leave = Leave(&here.calls);
        Ok(call())
    }
}

struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

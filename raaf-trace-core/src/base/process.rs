//! What a fork changes: which process something belongs to, and what cannot be used in a child.
//!
//! A child has one thread, a copy of all memory, and none of the parent's other threads: a lock that
//! one of those held stays locked, and what a worker was to do is done by nobody. State behind locks
//! is therefore [`PerProcess`], and foreign code that may hold locks of its own is called through
//! [`Calls`]. A fork is counted by a handler of `pthread_atfork`; to ask costs one load.

use std::{
    fmt,
    sync::{
        LazyLock, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// The process in which something was made.
#[derive(Clone, Debug)]
pub(crate) struct MadeIn(forkguard::Guard);

impl MadeIn {
    /// Returns this process.
    #[inline]
    pub(crate) fn here() -> Self {
        // A copy: to ask for a new one costs more than all else that a fork costs a span.
        static HERE: LazyLock<PerProcess<()>> = LazyLock::new(PerProcess::default);
        HERE.newest(|()| ()).made_in.clone()
    }

    /// Returns whether that is this process, rather than one that it was forked from.
    #[inline]
    pub(crate) fn this_process(&self) -> bool {
        !self.0.clone().detected_fork()
    }
}

/// A value that each process has for itself. After a fork, the child makes one of its own and leaves
/// that of its parent alone, whatever state that was copied in.
///
/// For what a sink must not share with a forked child: a connection, an open file, a lock that
/// another thread may have held.
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
    /// The value of a child. A child of that child has the next one.
    child: OnceLock<Box<Self>>,
}

impl<T> PerProcess<T> {
    /// Creates the value of this process.
    pub fn new(value: T) -> Self {
        Self { value, made_in: MadeIn(forkguard::new()), child: OnceLock::new() }
    }

    /// Returns the value of this process. `make` makes that of a child when it is first needed, of
    /// its parent's, of which it must not take a lock.
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
                // Made before anything is locked. Of several threads, the first one's stays.
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

/// The calls of foreign code that are under way: a child that was forked meanwhile makes none, since
/// the locks that another thread held in one of them are never released.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    under_way: PerProcess<UnderWay>,
}

#[derive(Debug, Default)]
struct UnderWay {
    calls: AtomicUsize,
    /// Some were under way when this process was forked.
    cut_off: bool,
    reported: AtomicBool,
}

/// Why a call must not be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutOff {
    /// No call before was refused in this process.
    pub(crate) first: bool,
}

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "it was at work in another thread when this process was forked, and may hold locks for \
             ever",
        )
    }
}

impl Calls {
    /// Makes a call, unless the like were cut off by a fork.
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

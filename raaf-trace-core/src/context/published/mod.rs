//! Frames of all threads, for finding the parent of work in another thread.
//!
//! A thread publishes each of its frames with plain stores. Whoever looks for a frame reads those of
//! all threads, without making them wait.

mod elsewhere;
mod place;

use std::{
    mem,
    ops::Deref,
    ptr,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak},
};

use crate::{
    base::{
        process::{MadeIn, PerProcess},
        sync::lock,
    },
    component::Component,
    provider::{clock::Ticks, running_trace::RunningTrace},
    span::record::{Record, Shared},
};
use elsewhere::Known;
pub(crate) use elsewhere::{Elsewhere, any_stand_ins};
pub(crate) use place::Facts;
use place::{Place, Version};
use raaf_trace_model::id::TraceId;

/// Maximum number of frames of a thread. Beyond, they get records.
pub(crate) const MOST: usize = 64;

/// Frames of one thread, all of one trace, outermost first.
#[derive(Debug)]
pub(crate) struct Published {
    places: [Place; MOST],
    base: Mutex<Base>,
    made_in: MadeIn,
}

/// Trace of a thread's frames and the innermost span below them, set before the first of them is
/// published.
#[derive(Debug, Default)]
struct Base {
    trace: Weak<RunningTrace>,
    below: Option<Shared>,
}

impl Base {
    fn is(&self, trace: &Arc<RunningTrace>, below: Option<&Shared>) -> bool {
        let same = |(one, other)| Shared::ptr_eq(one, other);
        ptr::eq(self.trace.as_ptr(), Arc::as_ptr(trace))
            && self.below.is_some() == below.is_some()
            && self.below.as_ref().zip(below).is_none_or(same)
    }
}

/// A frame that was open when it was read.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) trace_id: TraceId,
    pub(crate) start: Ticks,
    thread: Arc<Published>,
    place: usize,
    version: Version,
}

/// Threads that have had frames and have not ended.
#[derive(Default)]
struct Threads(RwLock<Vec<Arc<Published>>>);

impl Threads {
    fn of_this_process() -> &'static Self {
        static THREADS: OnceLock<PerProcess<Threads>> = OnceLock::new();
        // Made outside of the cell, so that a fork hardly ever finds it locked.
        let threads = THREADS.get().or_else(|| {
            let _ = THREADS.set(PerProcess::default());
            THREADS.get()
        });
        match threads {
            Some(threads) => threads.get(|_| Self::default()),
            None => unreachable!("the cell has just been set"),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Published>>)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn for_each(&self, each: impl FnMut(&Arc<Published>)) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(each);
    }
}

/// The frames of the calling thread, among those of all threads until it ends.
#[derive(Debug)]
pub(crate) struct Registered {
    published: Arc<Published>,
    /// `true` if the base refers to a span.
    holds_span: bool,
}

impl Registered {
    /// Registers the calling thread.
    pub(crate) fn new() -> Self {
        let published = Arc::new(Published {
            places: std::array::from_fn(|_| Place::new()),
            base: Mutex::default(),
            made_in: MadeIn::here(),
        });
        Threads::of_this_process().change(|all| all.push(Arc::clone(&published)));
        Self { published, holds_span: false }
    }

    /// Sets the trace of the frames that will be published, and the innermost span below them.
    pub(crate) fn set_base(&mut self, trace: &Arc<RunningTrace>, below: Option<&Shared>) {
        self.holds_span = below.is_some();
        let mut base = lock(&self.published.base);
        if !base.is(trace, below) {
            let new = Base { trace: Arc::downgrade(trace), below: below.cloned() };
            let old = mem::replace(&mut *base, new);
            drop(base);
            drop(old);
        }
    }

    /// Lets go of the span below the frames, of which none is open, so that it can end alone.
    #[inline]
    pub(crate) fn release_span(&mut self) {
        if mem::take(&mut self.holds_span) {
            self.release_held();
        }
    }

    #[cold]
    fn release_held(&self) {
        let base = &self.published.base;
        // In a forked child, another thread of the parent may have held the lock.
        let base = if self.is_of_this_process() { Some(lock(base)) } else { base.try_lock().ok() };
        let _span = base.and_then(|mut base| base.below.take());
    }
}

impl Deref for Registered {
    type Target = Published;

    fn deref(&self) -> &Published {
        &self.published
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let is_other = |thread: &Arc<Published>| !Arc::ptr_eq(thread, &self.published);
        Threads::of_this_process().change(|all| all.retain(is_other));
    }
}

impl Published {
    /// Returns whether it was registered in this process, and not in one that this was forked from.
    #[inline]
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.made_in.this_process()
    }

    /// Publishes a frame that its thread has just opened.
    #[inline]
    pub(crate) fn open(&self, place: usize, facts: Facts) {
        if let Some(place) = self.places.get(place) {
            place.open(facts);
        }
    }

    /// Records the end of a frame.
    #[inline]
    pub(crate) fn close(&self, place: usize) {
        if let Some(place) = self.places.get(place) {
            place.close();
        }
    }

    /// Calls `each` for each open frame of the component.
    fn find(&self, component: usize, mut each: impl FnMut(usize, Version, Facts)) {
        for (at, place) in self.places.iter().enumerate() {
            // Where there is none, those above it have ended before.
            let Some(version) = place.version() else { return };
            if let Some(facts) = place.read(version, component) {
                each(at, version, facts);
            }
        }
    }

    /// Returns the frame at a place and those that enclose it, outermost first; `None` if the frame
    /// of that version has ended.
    fn up_to(&self, at: usize, version: Version) -> Option<Arc<[Known]>> {
        let known = |place: &Place| {
            let version = place.version()?;
            let Facts { component, span_id, start, .. } = place.facts()?;
            Some(Known { version, component, span_id, start })
        };
        let frames = self.places[..=at].iter().map(known).collect::<Option<_>>()?;
        // None of them ends before this one.
        self.places[at].is_still(version).then_some(frames)
    }
}

impl Seen {
    /// Returns a record in place of that of the frame, which belongs to its thread: it has the ids,
    /// and ends with the frame. `None` if it has ended.
    pub(crate) fn stand_in(&self, component: &Component) -> Option<Shared> {
        let Self { thread, place, version, .. } = self;
        let (trace, below) = {
            let base = lock(&thread.base);
            (base.trace.upgrade()?, base.below.clone())
        };
        // Last: the base is that of the frame if the frame is still open now.
        let frames = thread.up_to(*place, *version)?;
        let frame = Elsewhere::new(Arc::clone(thread), frames, *place);
        Some(Record::stand_in(frame, trace, component.clone(), below.as_ref()))
    }
}

/// Returns whether a thread has an open frame of the component at that address.
pub(crate) fn any(component: usize) -> bool {
    let mut any = false;
    Threads::of_this_process().for_each(|thread| thread.find(component, |_, _, _| any = true));
    any
}

/// Returns all open frames of the component at that address.
pub(crate) fn all(component: usize) -> Vec<Seen> {
    let mut all = Vec::new();
    Threads::of_this_process().for_each(|thread| {
        thread.find(component, |place, version, facts| {
            let Facts { trace_id, start, .. } = facts;
            all.push(Seen { trace_id, start, thread: Arc::clone(thread), place, version });
        });
    });
    all
}

#[cfg(all(test, not(any(shuttle, raaf_loom))))]
mod tests {
    use super::*;
    use crate::{Traceable as _, TracerProvider};

    #[test]
    fn g83_a_frame_that_has_ended_since_it_was_seen_has_no_stand_in() {
        let provider = TracerProvider::builder().build();
        let tool = Component::tool("T").with_provider(&provider);
        let look = || all(tool.address()).pop().expect("a frame is open");
        Component::agent("A").with_provider(&provider).in_span("run", || {
            let seen = tool.in_span("run", || {
                assert!(look().stand_in(&tool).is_some());
                look()
            });
            assert!(seen.stand_in(&tool).is_none(), "although its trace is still there");
        });
    }
}

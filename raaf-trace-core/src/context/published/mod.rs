//! Frames of all threads, for finding the parent of work in another thread.
//!
//! A thread publishes each of its frames with plain stores. Whoever looks for a frame reads those of
//! all threads, without making them wait.

mod place;

use std::{
    ops::Deref,
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
pub(crate) use place::Facts;
use place::{Place, Version};
use raaf_trace_model::id::{SpanId, TraceId};

/// Maximum number of frames of a thread. Beyond, they get records.
pub(crate) const MOST: usize = 64;

/// Frames of one thread, all of one trace, outermost first.
#[derive(Debug)]
pub(crate) struct Published {
    places: [Place; MOST],
    /// Trace of the frames, set before the first of them is published.
    trace: Mutex<Weak<RunningTrace>>,
    made_in: MadeIn,
}

/// A frame that was open when it was read.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) trace_id: TraceId,
    pub(crate) start: Ticks,
    span_id: SpanId,
    place: FramePlace,
}

/// A frame of another thread, to see when it ends.
#[derive(Debug)]
pub(crate) struct FramePlace {
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
pub(crate) struct Registered(Arc<Published>);

impl Registered {
    /// Registers the calling thread.
    pub(crate) fn new() -> Self {
        let published = Arc::new(Published {
            places: std::array::from_fn(|_| Place::new()),
            trace: Mutex::default(),
            made_in: MadeIn::here(),
        });
        Threads::of_this_process().change(|all| all.push(Arc::clone(&published)));
        Self(published)
    }
}

impl Deref for Registered {
    type Target = Published;

    fn deref(&self) -> &Published {
        &self.0
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let is_other = |thread: &Arc<Published>| !Arc::ptr_eq(thread, &self.0);
        Threads::of_this_process().change(|all| all.retain(is_other));
    }
}

impl Published {
    /// Returns whether it was registered in this process, and not in one that this was forked from.
    #[inline]
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.made_in.this_process()
    }

    /// Sets the trace of the frames that will be published.
    pub(crate) fn set_trace(&self, trace: &Arc<RunningTrace>) {
        let trace = Arc::downgrade(trace);
        let _old = std::mem::replace(&mut *lock(&self.trace), trace);
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
}

impl FramePlace {
    /// Returns whether the frame is still open.
    pub(crate) fn is_open(&self) -> bool {
        self.thread.places[self.place].version() == Some(self.version)
    }
}

impl Seen {
    /// Returns a record in place of that of the frame, which belongs to its thread: it has the ids,
    /// and ends with the frame. `None` if it has ended.
    pub(crate) fn stand_in(&self, component: &Component) -> Option<Shared> {
        let trace = lock(&self.place.thread.trace).upgrade()?;
        if trace.id() != self.trace_id || !self.place.is_open() {
            return None;
        }
        let FramePlace { thread, place, version } = &self.place;
        let place = FramePlace { thread: Arc::clone(thread), place: *place, version: *version };
        component.note_stand_in();
        let component = component.clone();
        Some(Record::stand_in(self.span_id, trace, component, self.start, place))
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
            let Facts { span_id, trace_id, start, .. } = facts;
            let place = FramePlace { thread: Arc::clone(thread), place, version };
            all.push(Seen { trace_id, start, span_id, place });
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

//! Frames of all threads, for finding the parent of work in another thread.
//!
//! A thread publishes each of its frames in words that it alone writes, and that others read without
//! making it wait: a word that is even while the frame is open counts its changes, and a reader
//! takes only what did not change meanwhile. Publishing takes plain stores.

use std::sync::{
    Arc, Mutex, OnceLock, RwLock, Weak,
    atomic::{AtomicU64, AtomicUsize, Ordering, fence},
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

#[derive(Debug)]
struct Place {
    /// Even while a frame is open here.
    version: AtomicU64,
    component: AtomicUsize,
    span_id: AtomicU64,
    trace_id: [AtomicU64; 2],
    start: AtomicU64,
}

/// Facts about a frame that others need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) component: usize,
    pub(crate) span_id: SpanId,
    pub(crate) trace_id: TraceId,
    pub(crate) start: Ticks,
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
    version: u64,
}

/// Threads with frames, of which some may have ended.
static THREADS: OnceLock<PerProcess<RwLock<Vec<Weak<Published>>>>> = OnceLock::new();

fn threads() -> &'static RwLock<Vec<Weak<Published>>> {
    THREADS.get_or_init(PerProcess::default).get(|_| RwLock::default())
}

impl Published {
    /// Registers the calling thread.
    pub(crate) fn register() -> Arc<Self> {
        let place = || Place {
            version: AtomicU64::new(1),
            component: AtomicUsize::new(0),
            span_id: AtomicU64::new(0),
            trace_id: [const { AtomicU64::new(0) }; 2],
            start: AtomicU64::new(0),
        };
        let published = Arc::new(Self {
            places: std::array::from_fn(|_| place()),
            trace: Mutex::default(),
            made_in: MadeIn::here(),
        });
        let mut all = threads().write().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.retain(|thread| thread.strong_count() > 0);
        all.push(Arc::downgrade(&published));
        published
    }

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
        let Some(place) = self.places.get(place) else { return };
        let version = place.version.load(Ordering::Relaxed);
        // After the store that ended the previous frame here.
        fence(Ordering::Release);
        place.component.store(facts.component, Ordering::Relaxed);
        place.span_id.store(facts.span_id.to_u64(), Ordering::Relaxed);
        let trace_id = facts.trace_id.to_u128();
        place.trace_id[0].store((trace_id >> 64) as u64, Ordering::Relaxed);
        place.trace_id[1].store(trace_id as u64, Ordering::Relaxed);
        place.start.store(facts.start.0, Ordering::Relaxed);
        place.version.store(version.wrapping_add(1), Ordering::Release);
    }

    /// Records the end of a frame.
    #[inline]
    pub(crate) fn close(&self, place: usize) {
        let Some(place) = self.places.get(place) else { return };
        let version = place.version.load(Ordering::Relaxed);
        place.version.store(version.wrapping_add(1), Ordering::Release);
    }

    /// Calls `each` for each open frame of the component.
    fn find(&self, component: usize, mut each: impl FnMut(usize, u64, Facts)) {
        for (at, place) in self.places.iter().enumerate() {
            let version = place.version.load(Ordering::Acquire);
            if version % 2 == 1 {
                // Those above it have ended before.
                return;
            }
            if place.component.load(Ordering::Relaxed) != component {
                continue;
            }
            let span_id = place.span_id.load(Ordering::Relaxed);
            let high = u128::from(place.trace_id[0].load(Ordering::Relaxed));
            let low = u128::from(place.trace_id[1].load(Ordering::Relaxed));
            let start = Ticks(place.start.load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if place.version.load(Ordering::Relaxed) == version
                && let Some(span_id) = SpanId::from_u64(span_id)
                && let Some(trace_id) = TraceId::from_u128(high << 64 | low)
            {
                each(at, version, Facts { component, span_id, trace_id, start });
            }
        }
    }
}

impl FramePlace {
    /// Returns whether the frame is still open.
    pub(crate) fn is_open(&self) -> bool {
        self.thread.places[self.place].version.load(Ordering::Acquire) == self.version
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
        let component = component.clone();
        Some(Record::stand_in(self.span_id, trace, component, self.start, place))
    }
}

/// Returns whether a thread has an open frame of the component at that address.
pub(crate) fn any(component: usize) -> bool {
    let mut any = false;
    for_each_thread(|thread| thread.find(component, |_, _, _| any = true));
    any
}

/// Returns all open frames of the component at that address.
pub(crate) fn all(component: usize) -> Vec<Seen> {
    let mut all = Vec::new();
    for_each_thread(|thread| {
        thread.find(component, |place, version, facts| {
            let Facts { span_id, trace_id, start, .. } = facts;
            let place = FramePlace { thread: Arc::clone(thread), place, version };
            all.push(Seen { trace_id, start, span_id, place });
        });
    });
    all
}

fn for_each_thread(mut each: impl FnMut(&Arc<Published>)) {
    let threads = threads().read().unwrap_or_else(std::sync::PoisonError::into_inner);
    threads.iter().filter_map(Weak::upgrade).for_each(|thread| each(&thread));
}

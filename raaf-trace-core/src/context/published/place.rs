//! One place for a frame: words that one thread writes, and others read without making it wait.
//!
//! The version is even while a frame is open, and changes when a frame is opened or closed. A reader
//! takes only what it read between two readings of the same even version.

#[cfg(all(test, raaf_loom))]
use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
#[cfg(not(all(test, raaf_loom)))]
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

use crate::provider::clock::Ticks;
use raaf_trace_model::id::{SpanId, TraceId};

#[derive(Debug)]
pub(super) struct Place {
    version: AtomicU64,
    component: AtomicUsize,
    span_id: AtomicU64,
    trace_id: [AtomicU64; 2],
    start: AtomicU64,
}

/// Facts about a frame that other threads need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Address of the component.
    pub(crate) component: usize,
    pub(crate) span_id: SpanId,
    pub(crate) trace_id: TraceId,
    pub(crate) start: Ticks,
}

/// Version of an open frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version(u64);

impl Place {
    pub(super) fn new() -> Self {
        Self {
            version: AtomicU64::new(1),
            component: AtomicUsize::new(0),
            span_id: AtomicU64::new(0),
            trace_id: [AtomicU64::new(0), AtomicU64::new(0)],
            start: AtomicU64::new(0),
        }
    }

    /// Publishes a frame that the calling thread, which owns the place, has just opened.
    #[inline]
    pub(super) fn open(&self, facts: Facts) {
        let version = self.version.load(Ordering::Relaxed);
        // What follows is not seen before the store that closed the previous frame.
        fence(Ordering::Release);
        self.component.store(facts.component, Ordering::Relaxed);
        self.span_id.store(facts.span_id.to_u64(), Ordering::Relaxed);
        let trace_id = facts.trace_id.to_u128();
        self.trace_id[0].store((trace_id >> 64) as u64, Ordering::Relaxed);
        self.trace_id[1].store(trace_id as u64, Ordering::Relaxed);
        self.start.store(facts.start.0, Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Release);
    }

    /// Records the end of the frame.
    #[inline]
    pub(super) fn close(&self) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Release);
    }

    /// Returns the version of the open frame, if there is one.
    pub(super) fn version(&self) -> Option<Version> {
        let version = self.version.load(Ordering::Acquire);
        version.is_multiple_of(2).then_some(Version(version))
    }

    /// Returns the facts about the frame of that version, if it belongs to that component and is
    /// still open.
    pub(super) fn read(&self, version: Version, component: usize) -> Option<Facts> {
        if self.component.load(Ordering::Relaxed) != component {
            return None;
        }
        let facts = self.facts();
        if self.is_still(version) { facts } else { None }
    }

    /// Returns the facts about the frame, or a mixture if it changes: see
    /// [`is_still`](Self::is_still), of this place or of one above it in the same thread.
    pub(super) fn facts(&self) -> Option<Facts> {
        let component = self.component.load(Ordering::Relaxed);
        let span_id = SpanId::from_u64(self.span_id.load(Ordering::Relaxed));
        let high = u128::from(self.trace_id[0].load(Ordering::Relaxed));
        let low = u128::from(self.trace_id[1].load(Ordering::Relaxed));
        let trace_id = TraceId::from_u128(high << 64 | low);
        let start = Ticks(self.start.load(Ordering::Relaxed));
        Some(Facts { component, span_id: span_id?, trace_id: trace_id?, start })
    }

    /// Returns whether the frame of that version was open while everything before was read.
    pub(super) fn is_still(&self, version: Version) -> bool {
        // The version is not read before what precedes.
        fence(Ordering::Acquire);
        self.version.load(Ordering::Relaxed) == version.0
    }
}

// The first thread writes: of a thread that reads what it writes, loom does not find each place where
// a reader can come between, but of the reader each value that it can see.
#[cfg(all(test, raaf_loom))]
mod tests {
    use loom::{sync::Arc, thread};

    use super::*;

    /// Facts that all follow from one number, so that a mixture shows.
    fn facts(number: u64) -> Facts {
        Facts {
            component: 7,
            span_id: SpanId::from_u64(number).unwrap(),
            trace_id: TraceId::from_u128(u128::from(number) << 64 | u128::from(number)).unwrap(),
            start: Ticks(number),
        }
    }

    #[test]
    fn g83_a_reader_sees_one_frame_or_none() {
        loom::model(|| {
            let place = Arc::new(Place::new());
            let reader = Arc::clone(&place);
            let reader = thread::spawn(move || {
                if let Some(version) = reader.version()
                    && let Some(seen) = reader.read(version, 7)
                {
                    assert_eq!(seen, facts(seen.start.0));
                }
            });
            place.open(facts(1));
            place.close();
            place.open(facts(2));
            reader.join().unwrap();
            let version = place.version().expect("the second frame is open");
            assert_eq!(place.read(version, 7), Some(facts(2)));
        });
    }

    #[test]
    fn g83_a_frame_that_has_ended_is_not_taken_for_a_later_one() {
        loom::model(|| {
            let place = Arc::new(Place::new());
            place.open(facts(1));
            let version = place.version().expect("a frame is open");
            let reader = Arc::clone(&place);
            let reader = thread::spawn(move || {
                assert!(reader.read(version, 7).is_none_or(|seen| seen == facts(1)));
            });
            place.close();
            place.open(facts(2));
            reader.join().unwrap();
            assert_ne!(place.version(), Some(version));
        });
    }

    #[test]
    fn g13_the_frame_below_an_open_one_is_the_one_that_encloses_it() {
        loom::model(|| {
            let places = Arc::new([Place::new(), Place::new()]);
            let writer = Arc::clone(&places);
            let writer = thread::spawn(move || {
                let [outer, inner] = &*writer;
                outer.open(facts(1));
                inner.open(facts(2));
                inner.close();
                outer.close();
                outer.open(facts(3));
            });
            let [outer, inner] = &*places;
            if let Some(version) = inner.version() {
                let (version_below, below) = (outer.version(), outer.facts());
                if inner.is_still(version) {
                    assert_eq!(below, Some(facts(1)));
                    writer.join().unwrap();
                    assert_ne!(outer.version(), version_below, "it has been replaced");
                    return;
                }
            }
            writer.join().unwrap();
        });
    }

    #[test]
    fn g83_whoever_sees_a_frame_or_its_end_sees_what_came_before() {
        loom::model(|| {
            let shared = Arc::new((Place::new(), AtomicU64::new(0)));
            let reader = Arc::clone(&shared);
            let reader = thread::spawn(move || {
                let (place, before) = &*reader;
                let first = place.version();
                if first.is_some() {
                    assert!(before.load(Ordering::Relaxed) >= 1, "before the frame");
                    if place.version() != first {
                        assert_eq!(before.load(Ordering::Relaxed), 2, "before its end");
                    }
                }
            });
            let (place, before) = &*shared;
            before.store(1, Ordering::Relaxed);
            place.open(facts(1));
            before.store(2, Ordering::Relaxed);
            place.close();
            reader.join().unwrap();
        });
    }
}

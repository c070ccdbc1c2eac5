//! The frame of another thread that a record stands in for, and the frames that enclose it.

use std::{
    iter,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{Published, place::Version};
use crate::{
    component::Component,
    provider::{clock::Ticks, running_trace::RunningTrace},
    span::record::{Record, Shared},
};
use raaf_trace_model::id::SpanId;

/// Number of stand-ins in chains.
static STAND_INS: AtomicUsize = AtomicUsize::new(0);

/// A frame of another thread, to see when it ends, and the frames that enclose it there.
///
/// They nest strictly, so those that enclosed a frame when it was found do so as long as it is open.
/// When it has ended, their versions tell which of them are still the same.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    thread: Arc<Published>,
    /// Outermost first, up to the frame itself.
    frames: Arc<[Known]>,
    place: usize,
    /// Records that stand in for enclosing frames, made when they are first looked for: only who
    /// looks for a component has it.
    enclosing: Box<[OnceLock<Shared>]>,
}

/// Facts about a frame when it was found.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) version: Version,
    /// Address of the component.
    pub(super) component: usize,
    pub(super) span_id: SpanId,
    pub(super) start: Ticks,
}

/// Returns whether a chain can contain a record that stands in for a frame.
#[inline]
pub(crate) fn any_stand_ins() -> bool {
    // A thread with one in its chain sees at least that one.
    STAND_INS.load(Ordering::Relaxed) > 0
}

impl Elsewhere {
    pub(super) fn new(thread: Arc<Published>, frames: Arc<[Known]>, place: usize) -> Self {
        STAND_INS.fetch_add(1, Ordering::Relaxed);
        let enclosing = iter::repeat_with(OnceLock::new).take(place).collect();
        Self { thread, frames, place, enclosing }
    }

    /// Returns the id and the start time of the frame's span.
    pub(crate) fn span(&self) -> (SpanId, Ticks) {
        let Known { span_id, start, .. } = self.frames[self.place];
        (span_id, start)
    }

    /// Returns whether the frame, which is of that component, is open, or the record that it became.
    pub(crate) fn is_open(&self, component: &Component) -> bool {
        let Known { span_id, .. } = self.frames[self.place];
        // In this order: a frame gets its record first, and is then closed.
        self.is_frame(self.place) || component.has_record_of(span_id)
    }

    /// Returns whether the frame, or one that encloses it, is open.
    pub(crate) fn has_frames(&self) -> bool {
        self.is_frame(0)
    }

    fn is_frame(&self, place: usize) -> bool {
        self.thread.places[place].version() == Some(self.frames[place].version)
    }

    /// Returns a record in place of the innermost active span of that component that encloses the
    /// frame in its thread.
    pub(crate) fn enclosing_of(
        &self,
        component: &Component,
        trace: &Arc<RunningTrace>,
    ) -> Option<&Shared> {
        let of_component = |place: &usize| self.frames[*place].component == component.address();
        (0..self.place).rev().filter(of_component).find_map(|place| {
            let record = self.enclosing[place].get_or_init(|| {
                let frame = Self::new(Arc::clone(&self.thread), Arc::clone(&self.frames), place);
                Record::stand_in(frame, Arc::clone(trace), component.clone(), None)
            });
            // An address may have been reused for another component since.
            record.is_active_for(component).then_some(record)
        })
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        STAND_INS.fetch_sub(1, Ordering::Relaxed);
    }
}

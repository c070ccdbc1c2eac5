//! Counts running spans.

use std::sync::atomic::{AtomicU32, Ordering};

use raaf_trace_model::id::SpanId;

const STRIPES: usize = 256;

/// Counts the running spans of one kind, by the starts and ends received.
///
/// A span that started before the sink was added must not be subtracted. Spans are therefore spread
/// over stripes by their ids, and no stripe goes below zero: such an end is subtracted from a
/// running span only if both share a stripe, and that span's own end corrects the count.
#[derive(Debug)]
pub(super) struct Active(Box<[AtomicU32]>);

impl Active {
    pub(super) fn new() -> Self {
        Self((0..STRIPES).map(|_| AtomicU32::new(0)).collect())
    }

    pub(super) fn started(&self, id: SpanId) {
        self.stripe(id).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, id: SpanId) {
        let less = |running: u32| running.checked_sub(1);
        let _ = self.stripe(id).fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    pub(super) fn running(&self) -> u64 {
        self.0.iter().map(|stripe| u64::from(stripe.load(Ordering::Relaxed))).sum()
    }

    fn stripe(&self, id: SpanId) -> &AtomicU32 {
        // Ids are random, except for sequential ones in tests.
        &self.0[id.to_u64() as usize % STRIPES]
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn id(number: u64) -> SpanId {
        SpanId::from_u64(number).unwrap()
    }

    #[test]
    fn an_end_without_a_start_subtracts_nothing() {
        let active = Active::new();
        active.ended(id(1));
        active.started(id(2));
        active.ended(id(3));
        assert_eq!(active.running(), 1);
        active.ended(id(2));
        active.ended(id(2));
        assert_eq!(active.running(), 0);
    }

    #[test]
    fn on_one_stripe_it_is_right_again_when_the_running_span_ends() {
        let active = Active::new();
        let (runs, unseen) = (id(7), id(7 + STRIPES as u64));
        active.started(runs);
        active.ended(unseen);
        active.ended(runs);
        assert_eq!(active.running(), 0);
        active.started(runs);
        assert_eq!(active.running(), 1);
    }

    #[test]
    fn threads_lose_no_count() {
        let active = Active::new();
        thread::scope(|scope| {
            for first in 1..=8 {
                let active = &active;
                scope.spawn(move || {
                    for number in 0..10_000 {
                        active.started(id(first + number));
                        active.ended(id(first + number));
                    }
                    active.started(id(first));
                });
            }
        });
        assert_eq!(active.running(), 8);
    }
}

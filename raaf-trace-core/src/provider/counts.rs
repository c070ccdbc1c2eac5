//! Counts of started and ended spans, without a cache line that all threads write.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{sync::Padded, thread_index};

const STRIPES: usize = 32;

#[derive(Debug, Default)]
struct Stripe {
    started: AtomicU64,
    ended: AtomicU64,
}

/// Counts of started and ended spans of one provider.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Counts of one living thread each, which need no atomic additions.
    own: [Padded<Stripe>; STRIPES],
    /// Counts of all other threads.
    shared: Padded<Stripe>,
}

impl Counts {
    #[inline]
    pub(crate) fn span_started(&self) {
        self.add(|stripe| &stripe.started);
    }

    #[inline]
    pub(crate) fn span_ended(&self) {
        self.add(|stripe| &stripe.ended);
    }

    /// Returns the number of started spans, at least as many as an earlier call of
    /// [`ended`](Self::ended) returned.
    pub(crate) fn started(&self) -> u64 {
        self.sum(|stripe| &stripe.started)
    }

    pub(crate) fn ended(&self) -> u64 {
        self.sum(|stripe| &stripe.ended)
    }

    #[inline]
    fn add(&self, counter: impl Fn(&Stripe) -> &AtomicU64) {
        match thread_index::own().and_then(|index| self.own.get(index)) {
            Some(own) => {
                let counter = counter(own);
                counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Release);
            }
            None => {
                counter(&self.shared).fetch_add(1, Ordering::Release);
            }
        }
    }

    fn sum(&self, counter: impl Fn(&Stripe) -> &AtomicU64) -> u64 {
        let stripes = self.own.iter().chain([&self.shared]);
        stripes.map(|stripe| counter(stripe).load(Ordering::Acquire)).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn more_threads_than_stripes_one_after_the_other_and_at_once_lose_no_count() {
        let counts = Counts::default();
        for _ in 0..3 {
            thread::scope(|scope| {
                for _ in 0..2 * STRIPES {
                    scope.spawn(|| {
                        for _ in 0..1_000 {
                            counts.span_started();
                            counts.span_ended();
                        }
                    });
                }
            });
        }
        let all = 3 * 2 * STRIPES as u64 * 1_000;
        assert_eq!((counts.started(), counts.ended()), (all, all));
    }
}

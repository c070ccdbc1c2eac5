//! Random-looking ids that are the same in each run.

use std::sync::atomic::{AtomicU64, Ordering};

use raaf_trace_core::{SpanId, TraceId, id::IdGenerator};

/// Generator of random-looking ids that are the same in each run with the same seed.
///
/// Traces and spans draw from streams of their own, so that a further span does not change the
/// next trace's id.
///
/// # Examples
///
/// ```
/// use raaf_testkit::SeededIds;
/// use raaf_trace_core::id::IdGenerator as _;
///
/// let (one, again, other) = (SeededIds::new(7), SeededIds::new(7), SeededIds::new(8));
/// let first = one.trace_id();
/// assert_eq!(again.trace_id(), first);
/// assert_ne!(other.trace_id(), first);
/// ```
#[derive(Debug)]
pub struct SeededIds {
    traces: Stream,
    spans: Stream,
}

impl SeededIds {
    /// Creates a generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self { traces: Stream::new(scramble(seed)), spans: Stream::new(scramble(!seed)) }
    }
}

impl IdGenerator for SeededIds {
    fn trace_id(&self) -> TraceId {
        loop {
            let low = self.traces.next();
            let high = scramble(low ^ self.traces.origin);
            if let Some(id) = TraceId::from_u128(u128::from(high) << 64 | u128::from(low)) {
                return id;
            }
        }
    }

    fn span_id(&self) -> SpanId {
        loop {
            if let Some(id) = SpanId::from_u64(self.spans.next()) {
                return id;
            }
        }
    }
}

/// Counts on from its origin; scrambling maps distinct counts to distinct numbers.
#[derive(Debug)]
struct Stream {
    origin: u64,
    drawn: AtomicU64,
}

impl Stream {
    fn new(origin: u64) -> Self {
        Self { origin, drawn: AtomicU64::new(0) }
    }

    fn next(&self) -> u64 {
        scramble(self.origin.wrapping_add(self.drawn.fetch_add(1, Ordering::Relaxed)))
    }
}

/// A bijection on 64 bits in which near numbers end up far apart: multiplications by odd numbers
/// and shifts that fold the high half onto the low one.
fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(29);
    for factor in [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3] {
        mixed = (mixed ^ mixed >> 32).wrapping_mul(factor);
    }
    mixed ^ mixed >> 32
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_of_a_seed_do_not_repeat() {
        let ids = SeededIds::new(0);
        let spans: HashSet<_> = (0..10_000).map(|_| ids.span_id()).collect();
        let traces: HashSet<_> = (0..10_000).map(|_| ids.trace_id()).collect();
        assert_eq!((spans.len(), traces.len()), (10_000, 10_000));
    }

    #[test]
    fn every_bit_of_a_trace_id_is_set_about_half_the_time() {
        for seed in [0, 1, u64::MAX] {
            let ids = SeededIds::new(seed);
            let mut set = [0_u32; 128];
            for _ in 0..10_000 {
                let id = ids.trace_id().to_u128();
                for (bit, count) in set.iter_mut().enumerate() {
                    *count += u32::from(id >> bit & 1 == 1);
                }
            }
            assert!(set.iter().all(|count| (4_500..5_500).contains(count)), "{seed}: {set:?}");
        }
    }

    #[test]
    fn spans_do_not_change_the_ids_of_traces() {
        let (one, other) = (SeededIds::new(3), SeededIds::new(3));
        for _ in 0..5 {
            one.span_id();
        }
        assert_eq!(one.trace_id(), other.trace_id());
    }
}

//! Random ids, from a stream of numbers per thread.

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use crate::base::process::MadeIn;

use raaf_trace_model::id::{IdGenerator, SpanId, TraceId};

/// Generator of random ids; the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RandomIds;

impl IdGenerator for RandomIds {
    #[inline]
    fn trace_id(&self) -> TraceId {
        let id = || {
            draw(|stream| {
                let low = stream.next();
                TraceId::from_u128(u128::from(stream.high_half()) << 64 | u128::from(low))
            })
        };
        id().unwrap_or_else(|| first_some(id))
    }

    #[inline]
    fn span_id(&self) -> SpanId {
        let id = || SpanId::from_u64(draw(Stream::next));
        id().unwrap_or_else(|| first_some(id))
    }
}

/// A counter with a random base and a private key, mixed into numbers that look random.
///
/// Mixing maps distinct counters to distinct numbers, so the ids of a thread do not repeat; the
/// base separates threads and processes.
struct Stream {
    counter: u64,
    /// Key of the stream.
    key: u64,
    made_in: MadeIn,
}

impl Stream {
    /// The odd number nearest 2⁶⁴ divided by the golden ratio: steps that spread evenly.
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    #[cold]
    fn seeded() -> Self {
        static STREAMS: AtomicU64 = AtomicU64::new(0);
        let stream = STREAMS.fetch_add(1, Ordering::Relaxed);
        // A forked child may have the same source: what tells it from its parent and its siblings
        // goes in.
        let source = RandomState::new();
        let seed = |half: u8| source.hash_one((stream, process::id(), SystemTime::now(), half));
        Self { counter: seed(0), key: seed(1) | 1, made_in: MadeIn::here() }
    }

    #[inline]
    fn next(&mut self) -> u64 {
        if !self.made_in.this_process() {
            *self = Self::seeded();
        }
        self.counter = self.counter.wrapping_add(Self::STEP);
        mix(self.counter)
    }

    /// Returns a second number that belongs to the last one and depends on the key.
    fn high_half(&self) -> u64 {
        mix(self.counter ^ self.key)
    }
}

/// Applies the finalizer of splitmix64: a bijection in which every input bit affects every output
/// bit.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

thread_local! {
    static STREAM: RefCell<Option<Stream>> = const { RefCell::new(None) };
}

/// Draws from this thread's stream, or from a new one where thread-locals are gone.
#[inline]
fn draw<T>(take: impl Fn(&mut Stream) -> T) -> T {
    let from_thread =
        STREAM.try_with(|stream| take(stream.borrow_mut().get_or_insert_with(Stream::seeded)));
    from_thread.unwrap_or_else(|_| take(&mut Stream::seeded()))
}

/// Repeats `draw` until it returns an id. Zero is not an id; the probability is 2⁻⁶⁴.
#[cold]
fn first_some<T>(draw: impl Fn() -> Option<T>) -> T {
    loop {
        if let Some(id) = draw() {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::HashSet, sync::mpsc, thread};

    use super::*;

    #[test]
    fn ids_of_many_threads_differ() {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn(|| {
                    (0..10_000)
                        .map(|_| (RandomIds.trace_id(), RandomIds.span_id()))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let ids: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.iter().map(|id| id.0).collect::<HashSet<_>>().len(), ids.len());
        assert_eq!(ids.iter().map(|id| id.1).collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn every_bit_is_set_about_half_the_time() {
        let mut set = [0_u32; 128];
        for _ in 0..10_000 {
            let id = RandomIds.trace_id().to_u128();
            for (bit, count) in set.iter_mut().enumerate() {
                *count += u32::from(id >> bit & 1 == 1);
            }
        }
        // Ten standard deviations of a fair coin either side.
        assert!(set.iter().all(|count| (4_500..5_500).contains(count)), "{set:?}");
    }

    #[test]
    fn an_id_can_be_made_while_the_thread_ends() {
        struct AtExit(mpsc::Sender<SpanId>);
        impl Drop for AtExit {
            fn drop(&mut self) {
                let _ = self.0.send(RandomIds.span_id());
            }
        }
        thread_local! {
            static AT_EXIT: Cell<Option<AtExit>> = const { Cell::new(None) };
        }
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || AT_EXIT.set(Some(AtExit(sender)))).join().unwrap();
        assert!(receiver.recv().is_ok());
    }

    #[test]
    fn a_generator_can_be_a_trait_object() {
        let generator: Box<dyn IdGenerator> = Box::new(RandomIds);
        assert_ne!(generator.span_id(), generator.span_id());
        assert_ne!(generator.trace_id(), generator.trace_id());
    }
}

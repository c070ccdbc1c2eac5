//! Tests of batches, intervals and flushes.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, Weak},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use super::support::{Answer, LONG, bench, config};
use crate::{
    base::sync::lock,
    sink::batch::{BatchQueue, BatchSink},
};
use proptest::prelude::*;
use raaf_trace_model::{
    sink::{ExportError, ProcessorError},
    span::{FinishedSpan, PackedSpans},
};

#[test]
fn g59_one_thread_makes_exact_batches() {
    let bench = bench(config().with_max_spans(1_000), []);
    assert_eq!(bench.push(0..200), 200);
    bench.script.until(|log| log.batches.len() == 20);
    assert!(bench.script.sizes().iter().all(|&size| size == 10));
    assert_eq!(bench.script.log(|log| log.batches.concat()), (0..200).collect::<Vec<_>>());
}

#[test]
fn g59_large_batches_are_combined_from_chunks() {
    let bench = bench(config().with_batch_size(512).with_max_spans(4_096), []);
    bench.push(0..1_024);
    bench.script.until(|log| log.batches.len() == 2);
    assert_eq!(bench.script.sizes(), [512, 512]);
}

#[derive(Default)]
struct Numbers(Mutex<Vec<usize>>);

impl BatchSink<FinishedSpan> for Arc<Numbers> {
    fn name(&self) -> &'static str {
        "numbers"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        lock(&self.0).extend(batch.iter().filter_map(|span| span.method().parse::<usize>().ok()));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Chunks come back, are mostly empty, split and combined, and batches are written over delivered
    /// spans.
    #[test]
    fn g67_spans_of_any_bursts_are_delivered_once_and_in_order(
        bursts in prop::collection::vec(0..60_usize, 1..30),
        batch_size in 1..40_usize,
    ) {
        let numbers = Arc::<Numbers>::default();
        let config = config().with_batch_size(batch_size).with_max_spans(1_000);
        let queue = BatchQueue::<Box<PackedSpans>>::new(Box::new(Arc::clone(&numbers)), config);
        let mut next = 0;
        for burst in bursts {
            for _ in 0..burst {
                let span = FinishedSpan::builder("tool", "Search").method(next.to_string()).build();
                queue.push(span, true).unwrap();
                next += 1;
            }
            queue.force_flush(LONG).unwrap();
        }
        let delivered = lock(&numbers.0).clone();
        prop_assert_eq!(delivered, (0..next).collect::<Vec<_>>());
    }
}

#[test]
fn d5_the_rest_leaves_within_the_flush_interval() {
    let bench = bench(config().with_flush_interval(Duration::from_millis(1)), []);
    thread::scope(|scope| {
        scope.spawn(|| bench.push([1]));
        scope.spawn(|| bench.push([2]));
    });
    bench.script.until(|log| log.batches.concat().len() == 2);
    assert!(bench.script.log(|log| log.untraced));
}

#[test]
fn g72_a_flush_delivers_what_every_thread_pushed() {
    let bench = bench(config(), []);
    thread::scope(|scope| {
        for number in 0..7 {
            scope.spawn({
                let bench = &bench;
                move || bench.push([number])
            });
        }
    });
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
    assert_eq!(bench.script.delivered(), (0..7).collect::<Vec<_>>());
    assert_eq!(bench.script.log(|log| log.flushes), 1);
    bench.assert_counts(7, 0, 0);
}

#[test]
fn g72_a_flush_keeps_its_timeout_and_says_what_is_pending() {
    let bench = bench(config(), [Answer::Block]);
    bench.push(0..15);
    let outcome = bench.queue.force_flush(Duration::from_millis(5));
    assert_eq!(outcome, Err(ProcessorError::Timeout { pending: 15 }));
    bench.script.until(|log| log.blocking);
    bench.script.release();
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
    bench.assert_counts(15, 0, 0);
}

#[test]
fn g72_concurrent_flushes_all_return() {
    let bench = bench(config(), []);
    thread::scope(|scope| {
        for thread in 0..8 {
            let bench = &bench;
            scope.spawn(move || {
                for round in 0..50 {
                    let number = thread * 50 + round;
                    bench.push([number]);
                    let outcome = bench.queue.force_flush(LONG);
                    // Losses of another thread would be reported, but the capacity suffices for
                    // all.
                    assert_eq!(outcome, Ok(()));
                    assert!(bench.script.log(|log| log.batches.concat().contains(&number)));
                }
            });
        }
    });
    bench.assert_counts(400, 0, 0);
}

#[test]
fn g72_a_flush_from_inside_the_exporter_does_not_wait_for_itself() {
    let outcome = Arc::new(Mutex::new(None));
    let queue = Arc::new(Mutex::new(Weak::new()));
    let call = {
        let (outcome, queue) = (Arc::clone(&outcome), Arc::clone(&queue));
        move || {
            let bench: Option<Arc<super::support::Bench>> = lock(&queue).upgrade();
            *lock(&outcome) = bench.map(|bench| bench.queue.force_flush(LONG));
        }
    };
    let bench = Arc::new(bench(config(), [Answer::Call(Box::new(call))]));
    *lock(&queue) = Arc::downgrade(&bench);
    bench.push(0..10);
    bench.script.until(|log| log.batches.len() == 1);
    assert!(matches!(*lock(&outcome), Some(Err(ProcessorError::Failed { .. }))));
}

#[test]
fn g55_what_the_exporter_says_to_a_flush_is_the_flush_s_answer() {
    let bench = bench(config(), []);
    bench.script.log(|log| log.flush_fails = true);
    bench.push([1]);
    let failed = ProcessorError::Failed { message: "disk full".to_owned(), dropped: 0 };
    assert_eq!(bench.queue.force_flush(LONG), Err(failed.clone()));
    assert_eq!(bench.queue.shutdown(LONG), Err(failed));
    assert_eq!(bench.script.log(|log| log.shutdowns), 1);
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future + Send>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn g72_the_async_flush_delivers_and_keeps_its_timeout_without_a_runtime() {
    let bench = bench(config(), [Answer::Block]);
    bench.push(0..3);
    let outcome = block_on(bench.queue.force_flush_async(Duration::from_millis(5)));
    assert_eq!(outcome, Err(ProcessorError::Timeout { pending: 3 }));
    bench.script.until(|log| log.blocking);
    let flush = bench.queue.force_flush_async(LONG);
    bench.script.release();
    assert_eq!(block_on(flush), Ok(()));
    assert_eq!(bench.script.delivered(), [0, 1, 2]);
}

#[test]
fn g72_a_flush_of_nothing_starts_nothing() {
    let bench = bench(config(), []);
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
    assert!(!bench.queue.shared().is_started());
}

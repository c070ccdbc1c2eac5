//! Tests of shutdown and drop.

use std::{
    sync::{Arc, Weak, mpsc},
    thread,
    time::Duration,
};

use super::support::{Answer, Bench, LONG, bench, config};
use crate::sink::batch::{BatchQueue, BatchSink, worker::collect};
use raaf_trace_model::sink::{ExportError, ProcessorError};

#[test]
fn g72_shutdown_drains_and_ends_the_exporter_once() {
    let bench = bench(config(), []);
    bench.push(0..15);
    assert_eq!(bench.queue.shutdown(LONG), Ok(()));
    assert_eq!(bench.queue.shutdown(LONG), Ok(()));
    assert_eq!(bench.script.delivered(), (0..15).collect::<Vec<_>>());
    assert_eq!(bench.script.log(|log| (log.flushes, log.shutdowns)), (1, 1));
    assert_eq!(bench.push(15..20), 0, "refused from then on");
    bench.assert_counts(15, 5, 0);
    assert!(bench.queue.force_flush(LONG).is_err());
    assert_eq!(bench.script.log(|log| log.flushes), 1);
}

#[test]
fn g72_shutdown_keeps_its_timeout_and_delivery_goes_on() {
    let bench = bench(config(), [Answer::Block]);
    bench.push(0..15);
    let outcome = bench.queue.shutdown(Duration::from_millis(5));
    assert_eq!(outcome, Err(ProcessorError::Timeout { pending: 15 }));
    bench.script.until(|log| log.blocking);
    bench.script.release();
    bench.script.until(|log| log.shutdowns == 1);
    assert_eq!(bench.script.delivered(), (0..15).collect::<Vec<_>>());
}

#[test]
fn g55_an_exporter_that_got_nothing_is_shut_down_too() {
    let bench = bench(config(), []);
    assert_eq!(bench.queue.shutdown(LONG), Ok(()));
    assert_eq!(bench.script.log(|log| log.shutdowns), 1);
}

#[test]
fn d2_dropping_the_queue_delivers_the_rest() {
    let Bench { queue, script, life } = bench(config(), []);
    for number in 0..15 {
        assert!(queue.push(super::support::Item::new(number, &life), false).is_ok());
    }
    drop(queue);
    script.until(|log| log.shutdowns == 1);
    assert_eq!(script.delivered(), (0..15).collect::<Vec<_>>());
}

/// An item whose drop accesses its queue, like that of a provider that is dropped with the last of
/// its spans.
struct Nosy(Weak<BatchQueue<Vec<Nosy>>>);

impl Drop for Nosy {
    fn drop(&mut self) {
        drop(self.0.upgrade().map(|queue| queue.stats()));
    }
}

struct Nowhere;

impl BatchSink<Nosy> for Nowhere {
    fn name(&self) -> &'static str {
        "nowhere"
    }

    fn export(&self, _: &[Nosy]) -> Result<(), ExportError> {
        Ok(())
    }
}

#[test]
fn d2_the_last_items_go_without_a_lock() {
    let queue = Arc::new(BatchQueue::<Vec<Nosy>>::new(Box::new(Nowhere), config()));
    for _ in 0..10 {
        assert!(queue.push(Nosy(Arc::downgrade(&queue)), false).is_ok());
    }
    queue.force_flush(LONG).unwrap();
    // The delivered items have been idle for an interval.
    collect(queue.shared());
    let (send, ended) = mpsc::channel();
    thread::spawn(move || send.send(queue.shutdown(LONG)));
    assert_eq!(ended.recv_timeout(LONG), Ok(Ok(())));
}

//! Shutdown and drop.

use std::time::Duration;

use super::support::{Answer, Bench, LONG, bench, config};
use crate::ProcessorError;

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
        assert!(queue.push(super::support::Item::new(number, &life)).is_ok());
    }
    drop(queue);
    script.until(|log| log.shutdowns == 1);
    assert_eq!(script.delivered(), (0..15).collect::<Vec<_>>());
}

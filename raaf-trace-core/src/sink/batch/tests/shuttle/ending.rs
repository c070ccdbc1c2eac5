//! Tests of the end of a queue while other threads use it.

use std::sync::Arc;

use shuttle::thread::spawn;

use super::support::{Bench, LONG, Manners, check, config, join, ticking};
use raaf_trace_model::sink::{Overflow, ProcessorError};

#[test]
fn d2_a_shutdown_amid_pushes_and_flushes_delivers_what_was_accepted() {
    check(|| {
        let bench = Bench::new(ticking(), Manners::default());
        let producers = [0, 10].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || {
                for number in first..first + 4 {
                    bench.push(number);
                }
                let outcome = bench.queue.force_flush(LONG);
                assert!(!matches!(outcome, Err(ProcessorError::Timeout { .. })), "{outcome:?}");
                bench.assert_settled(first..first + 4);
            })
        });
        let enders = [(); 2].map(|()| {
            let bench = Arc::clone(&bench);
            spawn(move || {
                let before = bench.sink.log().accepted.clone();
                bench.shutdown();
                bench.assert_delivered(before);
            })
        });
        join(producers);
        join(enders);
        bench.assert_balance();
    });
}

#[test]
fn d2_a_shutdown_amid_producers_that_wait_lets_them_finish() {
    check(|| {
        let manners = Manners { overflow: Overflow::Wait, failures: 2, ..Manners::default() };
        let bench = Bench::new(config().with_max_spans(3).with_max_retries(100), manners);
        let producers = [0, 10].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || {
                for number in first..first + 5 {
                    bench.push(number);
                }
            })
        });
        bench.shutdown();
        join(producers);
        bench.assert_balance();
    });
}

#[test]
fn d2_a_queue_that_is_dropped_delivers_the_rest() {
    check(|| {
        let bench = Bench::new(config(), Manners::default());
        let sink = Arc::clone(&bench.sink);
        let threads = [0, 10].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || bench.push_all(first..first + 3))
        });
        drop(bench);
        join(threads);
        // The last owner waits for 2 seconds, which may pass at once.
        sink.until(|log| log.shutdowns == 1);
        let log = sink.log();
        assert_eq!(log.delivered, log.accepted);
        assert_eq!(log.accepted.len(), 6);
    });
}

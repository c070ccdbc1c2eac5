//! Tests of delivery: every accepted item is delivered once, and a flush waits for it.

use std::{sync::Arc, time::Duration};

use shuttle::thread::spawn;

use super::support::{Bench, LONG, Manners, check, config, join, ticking};
use crate::sink::batch::model::Clock;
use raaf_trace_model::sink::{Overflow, ProcessorError};

#[test]
fn g72_a_flush_delivers_what_any_thread_pushed_before_it() {
    check(|| {
        let bench = Bench::new(config(), Manners::default());
        let threads = [0, 10, 20].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || {
                bench.push_all(first..first + 3);
                bench.flush(first..first + 3);
            })
        });
        join(threads);
        bench.flush([]);
        bench.end();
    });
}

#[test]
fn g72_a_flush_that_fails_has_settled_what_was_pushed_before_it() {
    check(|| {
        let manners = Manners { failures: 4, ..Manners::default() };
        let bench = Bench::new(config().with_max_retries(100), manners);
        let threads = [0, 10].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || {
                bench.push_all(first..first + 3);
                let outcome = bench.queue.force_flush(LONG);
                assert!(!matches!(outcome, Err(ProcessorError::Timeout { .. })), "{outcome:?}");
                bench.assert_settled(first..first + 3);
            })
        });
        join(threads);
        bench.end();
    });
}

#[test]
fn g72_a_flush_whose_time_may_run_out_does_not_claim_what_is_not_true() {
    check(|| {
        let manners = Manners { slowness: Duration::from_secs(2), ..Manners::default() };
        let bench = Bench::new(config(), manners);
        let threads = [0, 10].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || {
                bench.push_all(first..first + 3);
                match bench.queue.force_flush(Duration::from_secs(3)) {
                    Ok(()) => bench.assert_delivered(first..first + 3),
                    Err(ProcessorError::Timeout { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            })
        });
        join(threads);
        bench.end();
    });
}

#[test]
fn g72_flushes_of_async_code_may_be_awaited_or_left() {
    check(|| {
        let bench = Bench::new(config(), Manners::default());
        let waits = {
            let bench = Arc::clone(&bench);
            spawn(move || {
                bench.push_all(0..3);
                let flushed = shuttle::future::block_on(bench.queue.force_flush_async(LONG));
                assert_eq!(flushed, Ok(()));
                bench.assert_delivered(0..3);
            })
        };
        let leaves = {
            let bench = Arc::clone(&bench);
            spawn(move || {
                for number in 10..14 {
                    bench.push_all([number]);
                    drop(bench.queue.force_flush_async(LONG));
                }
            })
        };
        join([waits, leaves]);
        bench.end();
    });
}

#[test]
fn g59_full_batches_leave_by_themselves() {
    check(|| {
        let bench = Bench::new(config(), Manners::default());
        let threads = [0, 10, 20].map(|first| {
            let bench = Arc::clone(&bench);
            // An even number into each shard, so that no item is left over.
            spawn(move || bench.push_all(first..first + 4))
        });
        bench.sink.until(|log| log.delivered.len() == 12);
        join(threads);
        bench.end();
    });
}

#[test]
fn g59_the_interval_delivers_the_rest() {
    check(|| {
        let bench = Bench::new(ticking(), Manners::default());
        let threads = [0, 10].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || bench.push_all(first..first + 3))
        });
        join(threads);
        // The time of the run may be over, and there is no flush.
        Clock::go_on();
        bench.sink.until(|log| log.delivered.len() == 6);
        bench.end();
    });
}

#[test]
fn d2_batches_that_fail_are_delivered_or_given_up_once() {
    check(|| {
        let manners = Manners { failures: 4, overflow: Overflow::Wait, ..Manners::default() };
        let bench = Bench::new(ticking().with_max_retries(100), manners);
        let threads = [0, 10].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || bench.push_all(first..first + 5))
        });
        join(threads);
        bench.end();
    });
}

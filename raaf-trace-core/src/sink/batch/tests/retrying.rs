//! Tests of exporters that fail, panic and hang.

use std::time::Duration;

use super::support::{Answer, LONG, bench, config, hasty};
use raaf_trace_model::sink::{ExportError, ProcessorError};

fn undelivered(pending: u64) -> ProcessorError {
    ProcessorError::Undelivered { pending, message: "refused".to_owned() }
}

fn refused() -> Answer {
    Answer::Fail(ExportError::retryable("refused"))
}

#[test]
fn d2_a_batch_is_tried_again_until_it_is_delivered() {
    let bench = bench(hasty(), [refused(), refused()]);
    bench.push(0..10);
    bench.script.until(|log| log.batches.len() == 1);
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
    let stats = bench.queue.stats();
    assert_eq!((stats.retried, stats.last_error.as_deref()), (2, Some("refused")));
    bench.assert_counts(10, 0, 0);
}

#[test]
fn d2_a_batch_is_given_up_after_a_limit_and_counted() {
    let answers: Vec<_> = (0..3).map(|_| refused()).collect();
    let bench = bench(hasty().with_max_retries(2), answers);
    bench.push(0..20);
    bench.script.until(|log| log.batches.len() == 1);
    let lost = ProcessorError::Failed { message: "refused".to_owned(), dropped: 10 };
    assert_eq!(bench.queue.force_flush(LONG), Err(lost));
    assert_eq!(bench.queue.force_flush(LONG), Ok(()), "reported once");
    bench.assert_counts(10, 10, 0);
}

#[test]
fn d2_a_final_answer_is_not_tried_again() {
    let bench = bench(config(), [Answer::Fail(ExportError::permanent("bad request"))]);
    bench.push(0..10);
    let lost = ProcessorError::Failed { message: "bad request".to_owned(), dropped: 10 };
    assert_eq!(bench.queue.force_flush(LONG), Err(lost));
    assert_eq!(bench.queue.stats().retried, 0);
}

#[test]
fn d2_a_batch_that_was_taken_in_part_is_counted_so() {
    let bench = bench(config(), [Answer::Fail(ExportError::partial(3, "too old"))]);
    bench.push(0..10);
    let lost = ProcessorError::Failed { message: "too old".to_owned(), dropped: 3 };
    assert_eq!(bench.queue.force_flush(LONG), Err(lost));
    bench.assert_counts(7, 3, 0);
}

#[test]
fn g72_a_flush_tries_a_waiting_retry_now() {
    let busy = ExportError::retryable("busy").after(LONG);
    let bench = bench(config(), [Answer::Fail(busy)]);
    bench.push(0..10);
    bench.script.until(|log| log.calls == 1);
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
    assert_eq!(bench.queue.stats().retried, 1);
}

#[test]
fn g72_a_flush_tries_once_and_the_schedule_stays() {
    let bench = bench(config(), [refused(), refused()]);
    bench.push(0..10);
    bench.script.until(|log| log.calls == 1);
    assert_eq!(bench.queue.force_flush(LONG), Err(undelivered(10)));
    assert_eq!(bench.script.log(|log| log.calls), 2);
    bench.assert_counts(0, 0, 10);
    assert_eq!(bench.push(10..30), 20, "new spans are accepted meanwhile");
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
    bench.assert_counts(30, 0, 0);
}

#[test]
fn g72_a_flush_tries_each_waiting_batch_once() {
    let bench = bench(config(), (0..3).map(|_| refused()));
    bench.push(0..35);
    bench.script.until(|log| log.calls == 1);
    assert_eq!(bench.queue.force_flush(LONG), Err(undelivered(20)));
    assert_eq!(bench.script.sizes(), [10, 5]);
    assert_eq!(bench.script.log(|log| log.calls), 5);
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
    assert_eq!(bench.script.delivered(), (0..35).collect::<Vec<_>>());
}

#[test]
fn g72_a_shutdown_tries_what_waits_once_and_then_gives_up() {
    let bench = bench(config(), (0..3).map(|_| refused()));
    bench.push(0..35);
    bench.script.until(|log| log.calls == 1);
    let lost = ProcessorError::Failed { message: "refused".to_owned(), dropped: 20 };
    assert_eq!(bench.queue.shutdown(LONG), Err(lost));
    assert_eq!(bench.script.log(|log| (log.calls, log.shutdowns)), (5, 1));
    bench.assert_counts(15, 20, 0);
}

#[test]
fn d1_an_exporter_that_panics_loses_that_batch_only() {
    let bench = bench(config(), [Answer::Panic]);
    bench.push(0..20);
    let lost = ProcessorError::Failed { message: "panicked: scripted".to_owned(), dropped: 10 };
    assert_eq!(bench.queue.force_flush(LONG), Err(lost));
    assert_eq!(bench.queue.stats().panics, 1);
    bench.assert_counts(10, 10, 0);
}

#[test]
fn d1_a_call_over_its_deadline_is_counted_once_and_work_goes_on_when_it_returns() {
    let bench = bench(config().with_export_timeout(Duration::from_nanos(1)), [Answer::Block]);
    bench.push(0..20);
    bench.script.until(|log| log.blocking);
    bench.assert_counts(0, 10, 10);
    let outcome = bench.queue.force_flush(Duration::from_millis(5));
    assert_eq!(outcome, Err(ProcessorError::Timeout { pending: 10 }));
    assert_eq!(bench.push(20..200), 80, "the hanging call still has its spans");
    bench.script.release();
    bench.script.until(|log| log.batches.len() == 10);
    // Calls that returned before the check were in time.
    assert!(bench.queue.force_flush(LONG).is_err());
    let stats = bench.queue.stats();
    assert_eq!(stats.received, 200);
    assert_eq!(stats.delivered + stats.dropped, 200);
    assert_eq!(bench.queue.shared().queue().inspect().0, 0);
}

#[test]
fn g67_flushes_that_nobody_waits_for_do_not_pile_up_behind_a_stuck_exporter() {
    let bench = bench(config(), [Answer::Block]);
    bench.push(0..10);
    bench.script.until(|log| log.blocking);
    for _ in 0..100 {
        drop(bench.queue.force_flush_async(LONG));
    }
    assert_eq!(bench.queue.shared().queue().inspect().1, 2);
    bench.script.release();
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
}

#[test]
fn g72_what_a_flush_found_that_nobody_waited_for_is_reported_by_the_next() {
    let bench = bench(config(), [Answer::Block, Answer::Fail(ExportError::permanent("wrong"))]);
    bench.push(0..20);
    bench.script.until(|log| log.blocking);
    drop(bench.queue.force_flush_async(LONG));
    bench.script.release();
    bench.script.until(|log| log.flushes == 1);
    // The outcome is complete by then.
    while !bench.queue.shared().queue().inspect().2 {
        std::thread::yield_now();
    }
    let lost = ProcessorError::Failed { message: "wrong".to_owned(), dropped: 10 };
    assert_eq!(bench.queue.force_flush(LONG), Err(lost));
    assert_eq!(bench.queue.force_flush(LONG), Ok(()), "reported once");
}

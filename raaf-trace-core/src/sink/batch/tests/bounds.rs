//! Tests of bounds: held and rejected items, without losses in between.

use std::{
    sync::{Barrier, atomic::Ordering},
    thread,
    time::Duration,
};

use crate::sink::batch::{sync::deadline, worker::collect};

use super::support::{Answer, Bench, Item, LONG, bench, bench_with, config};
use raaf_trace_model::sink::{Overflow, ProcessorError};

fn push_from_threads(bench: &Bench, threads: usize, each: usize) -> usize {
    let together = Barrier::new(threads);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    bench.push(thread * each..(thread + 1) * each)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

#[test]
fn g67_a_stalled_exporter_bounds_what_32_threads_hold() {
    let bench = bench(config().with_max_spans(1_000).with_batch_size(50), [Answer::Block]);
    let accepted = push_from_threads(&bench, 32, 500);
    assert_eq!(accepted, 1_000, "nothing is refused while a permit is free anywhere");
    assert!(bench.life.most.load(Ordering::SeqCst) <= 1_000 + 32);
    bench.assert_counts(0, 15_000, 1_000);
    bench.script.until(|log| log.blocking);
    bench.script.release();
    let outcome = bench.queue.force_flush(LONG);
    let lost = ProcessorError::Failed {
        message: "the queue was full (at most 1000 spans), or already shut down".to_owned(),
        dropped: 15_000,
    };
    assert_eq!(outcome, Err(lost));
    assert_eq!(bench.queue.force_flush(LONG), Ok(()), "reported once");
    bench.assert_counts(1_000, 15_000, 0);
}

#[test]
fn g67_a_network_sink_drops_at_once_and_counts() {
    let bench = bench(config(), [Answer::Block]);
    assert_eq!(bench.push(0..150), 100);
    bench.assert_counts(0, 50, 100);
    bench.script.until(|log| log.blocking);
    bench.script.release();
    let lost = bench.queue.force_flush(LONG);
    assert!(matches!(lost, Err(ProcessorError::Failed { dropped: 50, .. })));
    bench.assert_counts(100, 50, 0);
    assert_eq!(bench.push(150..160), 10, "permits come back");
}

#[test]
fn g67_a_local_sink_lets_the_producer_wait() {
    let bench = bench_with(config().with_max_wait(2 * LONG), Overflow::Wait, [Answer::Block]);
    let accepted = thread::scope(|scope| {
        let producer = scope.spawn(|| bench.push(0..500));
        bench.script.until(|log| log.blocking);
        while bench.queue.stats().queued < 100 {
            thread::yield_now();
        }
        bench.script.release();
        bench.script.until(|log| log.batches.concat().len() == 500);
        producer.join().unwrap()
    });
    assert_eq!((accepted, bench.queue.force_flush(LONG)), (500, Ok(())));
    assert_eq!(bench.script.delivered(), (0..500).collect::<Vec<_>>());
    bench.assert_counts(500, 0, 0);
    let threads = bench.script.log(|log| log.in_threads.clone());
    assert!(threads.iter().all(|&thread| thread == threads[0]), "the worker alone exports");
}

#[test]
fn g67_a_sink_that_hangs_holds_up_the_producers_once() {
    let limit = Duration::from_millis(5);
    let config = config().with_max_spans(10).with_max_wait(limit);
    let bench = bench_with(config, Overflow::Wait, [Answer::Block]);
    bench.push(0..10);
    bench.script.until(|log| log.blocking);
    assert_eq!(bench.push(10..15), 0);
    assert!(bench.queue.stats().longest_wait >= limit);
    let shared = bench.queue.shared();
    let checks_within = |limit| {
        let mut checks = 0;
        let no_room = || {
            checks += 1;
            false
        };
        assert!(!shared.queue().wait_for_room(deadline(limit), no_room));
        checks
    };
    assert_eq!(checks_within(LONG), 1, "it did not wait");
    bench.script.release();
    assert!(bench.queue.force_flush(LONG).is_err());
    bench.assert_counts(10, 5, 0);
    assert!(checks_within(limit) > 1, "it waited, since there was progress");
}

#[test]
fn g67_batches_grow_while_more_than_one_waits() {
    let bench = bench(config().with_max_batch_size(50), [Answer::Block]);
    bench.push(0..10);
    bench.script.until(|log| log.blocking);
    bench.push(10..100);
    bench.script.release();
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
    assert_eq!(bench.script.sizes(), [10, 50, 40]);
}

#[test]
fn g67_unused_permits_are_taken_back_before_anything_is_dropped() {
    let bench = bench(config().with_max_spans(320).with_batch_size(50), [Answer::Block]);
    let (pushed, done) = (Barrier::new(9), Barrier::new(9));
    thread::scope(|scope| {
        for number in 0..8 {
            let (bench, pushed, done) = (&bench, &pushed, &done);
            scope.spawn(move || {
                bench.push([number]);
                pushed.wait();
                done.wait();
            });
        }
        pushed.wait();
        let accepted = bench.push(8..400);
        done.wait();
        assert_eq!(accepted, 312);
    });
    bench.script.log(|log| log.answers.clear());
    bench.script.release();
}

#[test]
fn d3_under_stress_every_item_is_delivered_once_or_counted() {
    for overflow in [Overflow::Drop, Overflow::Wait] {
        let bench = bench_with(config().with_max_spans(200), overflow, []);
        let accepted = push_from_threads(&bench, 8, 3_000);
        let _ = bench.queue.force_flush(LONG);
        let delivered = bench.script.delivered();
        assert_eq!(delivered.len(), accepted);
        assert!(delivered.windows(2).all(|pair| pair[0] < pair[1]), "none twice");
        assert!(bench.script.sizes().iter().all(|&size| size <= 10));
        bench.assert_counts(accepted as u64, (24_000 - accepted) as u64, 0);
        assert_eq!(bench.queue.shutdown(LONG), Ok(()));
        assert_eq!(bench.queue.shared().free_permits(), 200);
    }
}

#[test]
fn d3_statistics_under_load_are_those_of_one_moment() {
    let bench = bench_with(config().with_max_spans(200), Overflow::Wait, []);
    thread::scope(|scope| {
        let producers = scope.spawn(|| push_from_threads(&bench, 4, 2_000));
        while !producers.is_finished() {
            let stats = bench.queue.stats();
            assert_eq!(stats.received, stats.delivered + stats.dropped + stats.queued);
            assert!(stats.queued <= 200, "{stats:?}");
        }
    });
}

#[test]
fn g67_a_few_items_that_wait_hold_no_memory_for_many() {
    let bench = bench(config().with_max_spans(1_000).with_batch_size(500), [Answer::Block]);
    bench.push(0..500);
    bench.script.until(|log| log.blocking);
    for number in 500..600 {
        bench.push([number]);
        bench.queue.shared().drain();
    }
    let (held, room) = bench.queue.shared().queue().held();
    assert_eq!(held, 100);
    assert!(room <= 2 * held, "room for {room} where {held} wait");
    bench.script.release();
    assert_eq!(bench.queue.force_flush(LONG), Ok(()));
    bench.assert_counts(600, 0, 0);
}

#[test]
fn g67_what_was_delivered_is_let_go_of_while_little_comes() {
    let bench = bench(config(), []);
    bench.push(0..50);
    bench.script.until(|log| log.batches.len() == 5);
    for number in 50..55 {
        bench.push([number]);
        collect(bench.queue.shared());
        bench.queue.force_flush(LONG).unwrap();
    }
    assert!(bench.life.now.load(Ordering::SeqCst) <= 10, "{:?}", bench.life.now);
}

#[test]
fn g67_threads_that_end_leave_nothing_behind() {
    let bench = bench(config(), []);
    for number in 0..300 {
        let pushed = thread::scope(|scope| scope.spawn(|| bench.push([number])).join().unwrap());
        assert_eq!(pushed, 1);
        if number % 50 == 49 {
            bench.queue.force_flush(LONG).unwrap();
        }
    }
    bench.queue.shutdown(LONG).unwrap();
    assert_eq!(bench.script.delivered().len(), 300);
    assert_eq!(bench.life.now.load(Ordering::SeqCst), 0);
    assert_eq!(bench.queue.shared().free_permits(), 100);
}

#[test]
fn g67_an_item_that_is_refused_comes_back() {
    let bench = bench(config(), []);
    bench.queue.shutdown(LONG).unwrap();
    let back = bench.queue.push(Item::new(7, &bench.life), false);
    assert_eq!(back.err().map(|item| item.number), Some(7));
}

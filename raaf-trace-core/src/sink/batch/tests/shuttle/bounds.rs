//! Tests of bounds: no more items are held than allowed, and none is rejected below.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use shuttle::thread::{spawn, yield_now};

use super::support::{Bench, Item, LONG, Manners, check, config, join, ticking};
use raaf_trace_model::sink::{Overflow, ProcessorError};

/// Pushes more items than the capacity from three threads, and flushes.
fn overload(manners: Manners) {
    let bench = Bench::new(ticking().with_max_spans(4).with_max_retries(100), manners);
    let reader = {
        let bench = Arc::clone(&bench);
        spawn(move || (0..3).for_each(|_| bench.assert_consistent()))
    };
    let threads = [0, 10, 20].map(|first| {
        let bench = Arc::clone(&bench);
        spawn(move || {
            for number in first..first + 5 {
                bench.push(number);
            }
            let outcome = bench.queue.force_flush(LONG);
            assert!(!matches!(outcome, Err(ProcessorError::Timeout { .. })), "{outcome:?}");
            bench.assert_settled(first..first + 5);
        })
    });
    join(threads);
    join([reader]);
    bench.end();
}

#[test]
fn g67_a_network_sink_under_load_drops_and_counts() {
    check(|| overload(Manners::default()));
}

#[test]
fn g67_producers_that_wait_lose_nothing_else() {
    check(|| {
        overload(Manners {
            overflow: Overflow::Wait,
            slowness: Duration::from_millis(400),
            ..Manners::default()
        });
    });
}

#[test]
fn g67_producers_that_wait_for_a_failing_sink_lose_nothing_else() {
    check(|| {
        overload(Manners {
            overflow: Overflow::Wait,
            failures: 3,
            // Some calls are as long as those of a sink that hangs.
            slowness: Duration::from_secs(3),
            ..Manners::default()
        });
    });
}

#[test]
fn g67_nothing_is_refused_while_another_thread_has_permits_to_spare() {
    check(|| {
        // Shards take two permits at a time while eight are free, and all must be found.
        let config = config().with_max_spans(32);
        let bench = Bench::new(config, Manners { closed: true, ..Manners::default() });
        let reclaim = |bench: &Bench| bench.queue.shared().reclaim_permits();
        bench.push_all(0..21);
        reclaim(&bench);
        let next = Arc::new(AtomicUsize::new(21));
        let producers = [(); 2].map(|()| {
            let (bench, next) = (Arc::clone(&bench), Arc::clone(&next));
            spawn(move || {
                // The faster one takes the rest.
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && number < 32
                {
                    bench.push_all([number]);
                }
            })
        });
        let other = Arc::clone(&bench);
        join([spawn(move || reclaim(&other))]);
        join(producers);
        assert!(!bench.push(32), "there were 32 permits");
        bench.sink.open();
        bench.end();
    });
}

#[test]
fn g67_items_that_fill_no_chunk_give_their_permits_back() {
    check(|| {
        // Each of two shards may hold one of the two permits.
        let bench = Bench::new(config().with_max_spans(2), Manners::default());
        let threads = [0, 10, 20].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || {
                for number in first..first + 2 {
                    while bench.queue.push(Item(number), false).is_err() {
                        yield_now();
                    }
                    bench.sink.told(number, true);
                }
            })
        });
        join(threads);
        bench.shutdown();
        bench.assert_delivered([0, 1, 10, 11, 20, 21]);
    });
}

//! Behaviour under spans that arrive faster than they can be delivered.

use std::{
    thread,
    time::{Duration, Instant},
};

use cpu_time::{ProcessTime, ThreadTime};

use super::{Sample, each, peak_mib};
use crate::{
    facts::Says,
    tool::{Setup, Tool},
    workload::{SPANS_A_TREE, Tree},
};

/// Runs W1 in two threads for half a second. The clock stops when the last span that will be
/// delivered is.
pub fn flat_out<T: Tool>(setup: &Setup) -> Option<Sample> {
    run::<T>(setup, 2, |begin, _| begin.elapsed() < Duration::from_millis(500))
}

/// Runs W1 in eight threads until there are 1,000,000 spans; as [`flat_out`] otherwise.
pub fn million<T: Tool>(setup: &Setup) -> Option<Sample> {
    run::<T>(setup, 8, |_, spans| spans < 1_000_000 / 8)
}

/// Runs so many producers, each while `go_on` of the start and of its number of spans.
fn run<T: Tool>(setup: &Setup, threads: usize, go_on: fn(Instant, u64) -> bool) -> Option<Sample> {
    let tool = &T::start(setup)?;
    let (process, begin) = (ProcessTime::now(), Instant::now());
    let produce = |number| {
        let time = ThreadTime::now();
        let tree = Tree::new(number);
        let mut spans = 0;
        while go_on(begin, spans) {
            tree.run(tool, Says::Four);
            spans += SPANS_A_TREE;
        }
        let time = time.elapsed();
        // Some tools give up what a thread still holds when it ends.
        tool.flush();
        (spans, time)
    };
    let produced: Vec<(u64, Duration)> = thread::scope(|scope| {
        let start = |number| scope.spawn(move || produce(number));
        let producers: Vec<_> = (0..threads).map(start).collect();
        producers.into_iter().filter_map(|producer| producer.join().ok()).collect()
    });
    tool.flush();
    let (process, elapsed) = (process.elapsed(), begin.elapsed());
    let started = produced.iter().map(|(spans, _)| spans).sum();
    let producers = produced.iter().map(|(_, time)| *time).sum();
    let delivered = tool.delivered_to_file().unwrap_or_else(|| setup.collector.delivered());
    Some(Sample {
        producer_ns: each(producers, started),
        delivery_ns: each(process, delivered),
        per_second: Some(delivered as f64 / elapsed.as_secs_f64()),
        started,
        delivered,
        peak_mib: peak_mib(),
    })
}

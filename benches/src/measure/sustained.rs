//! Behaviour under spans that arrive faster than they can be delivered.

use std::{
    thread,
    time::{Duration, Instant},
};

use cpu_time::{ProcessTime, ThreadTime};

use super::{Sample, delivered, each, peak_mib};
use crate::{
    facts::Says,
    tool::{Setup, Tool},
    workload::{SPANS_A_TREE, Tree},
};

/// Condition that ends the producers.
#[derive(Clone, Copy, Debug)]
enum Until {
    /// After so long.
    Passed(Duration),
    /// After so many trees each.
    Made(u64),
}

/// Runs W1 in two threads for half a second, flat out; `None` if the tool cannot be set up so. The
/// clock stops when the last span that will be delivered is.
pub fn sustained<T: Tool>(setup: &Setup) -> Option<Sample> {
    run::<T>(setup, 2, Until::Passed(Duration::from_millis(500)))
}

/// Runs W1 in eight threads, flat out, until there are 1,000,000 spans; as [`sustained`] otherwise.
pub fn million<T: Tool>(setup: &Setup) -> Option<Sample> {
    const THREADS: u64 = 8;
    let trees = 1_000_000_u64.div_ceil(THREADS * SPANS_A_TREE);
    run::<T>(setup, THREADS as usize, Until::Made(trees))
}

fn run<T: Tool>(setup: &Setup, producers: usize, until: Until) -> Option<Sample> {
    let tool = T::start(setup)?;
    let (process, begin) = (ProcessTime::now(), Instant::now());
    let produced: Vec<(u64, Duration)> = thread::scope(|scope| {
        let producers: Vec<_> = (0..producers)
            .map(|number| {
                scope.spawn({
                    let tool = &tool;
                    move || produce(tool, number, begin, until)
                })
            })
            .collect();
        producers.into_iter().filter_map(|producer| producer.join().ok()).collect()
    });
    tool.flush();
    let (process, elapsed) = (process.elapsed(), begin.elapsed());
    let started = produced.iter().map(|(spans, _)| spans).sum();
    let producers = produced.iter().map(|(_, time)| *time).sum();
    let delivered = delivered(&tool, &setup.collector);
    Some(Sample {
        producer_ns: each(producers, started),
        delivery_ns: each(process, delivered),
        per_second: Some(delivered as f64 / elapsed.as_secs_f64()),
        started,
        delivered,
        peak_mib: peak_mib(),
    })
}

/// Returns the number of spans that one thread makes, and its processor time.
fn produce<T: Tool>(tool: &T, number: usize, begin: Instant, until: Until) -> (u64, Duration) {
    let time = ThreadTime::now();
    let tree = Tree::new(tool, number);
    let mut spans = 0;
    while match until {
        Until::Passed(time) => begin.elapsed() < time,
        Until::Made(trees) => spans < trees * SPANS_A_TREE,
    } {
        tree.run(tool, Says::Four);
        spans += SPANS_A_TREE;
    }
    let time = time.elapsed();
    // Some tools give up what a thread still holds when it ends.
    tool.flush();
    (spans, time)
}

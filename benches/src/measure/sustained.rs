//! What happens when spans come faster than they can be delivered.

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

/// How long the producers run.
const LASTS: Duration = Duration::from_millis(500);

/// How many producers there are.
const PRODUCERS: usize = 2;

/// Runs W1 in two threads, flat out; `None` if the tool cannot be set up so. The clock stops when
/// the last span that will be delivered is.
pub fn sustained<T: Tool>(setup: &Setup) -> Option<Sample> {
    let tool = T::start(setup)?;
    let (process, begin) = (ProcessTime::now(), Instant::now());
    let produced: Vec<(u64, Duration)> = thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|number| {
                scope.spawn({
                    let tool = &tool;
                    move || produce(tool, number, begin)
                })
            })
            .collect();
        producers.into_iter().filter_map(|producer| producer.join().ok()).collect()
    });
    tool.flush();
    let (process, elapsed) = (process.elapsed(), begin.elapsed());
    let started = produced.iter().map(|(spans, _)| spans).sum();
    let producers = produced.iter().map(|(_, time)| *time).sum();
    let delivered = setup.collector.delivered();
    Some(Sample {
        producer_ns: each(producers, started),
        delivery_ns: each(process, delivered),
        per_second: Some(delivered as f64 / elapsed.as_secs_f64()),
        started,
        delivered,
        peak_mib: peak_mib(),
        ..Sample::default()
    })
}

/// How many spans one thread makes, and its time on the processor.
fn produce<T: Tool>(tool: &T, number: usize, begin: Instant) -> (u64, Duration) {
    let time = ThreadTime::now();
    let tree = Tree::new(tool, number);
    let mut spans = 0;
    while begin.elapsed() < LASTS {
        tree.run(tool, Says::Four);
        spans += SPANS_A_TREE;
    }
    let time = time.elapsed();
    // Some tools give up what a thread still holds when it ends.
    tool.flush();
    (spans, time)
}

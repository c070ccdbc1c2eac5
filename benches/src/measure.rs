//! Taking the time.
//!
//! The measure is processor time: of the threads that make the spans, and of the whole process
//! until every span is delivered. A busy machine changes both less than time by the clock.
//!
//! Work runs in bursts: what is between two flushes fits the queues of all tools, so that the price
//! of a span is not mixed with what happens when they are full. [`flat_out`] measures that.
//!
//! All functions return `None` if the tool cannot be set up so.

mod flat_out;
mod threads;

use std::{
    fs,
    hint::black_box,
    ops::AddAssign,
    time::{Duration, Instant},
};

use cpu_time::{ProcessTime, ThreadTime};
use serde::{Deserialize, Serialize};
use tokio::runtime;

use crate::{
    facts::{Facts, Kind, Says},
    tool::{AsyncTool, Bare, Part as _, Setup, Tool},
    workload::{SPANS_A_TREE, Tree},
};

pub use flat_out::{flat_out, million};
pub use threads::threads;

/// Duration of a workload before anything is measured.
const WARM_UP: Duration = Duration::from_millis(60);

/// Duration of a measurement.
const MEASURED: Duration = Duration::from_millis(240);

/// Result of one run of one tool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Time on the processor of the threads that made the spans; nanoseconds a span.
    pub producer_ns: Option<f64>,
    /// Time on the processor of all threads until everything was delivered; nanoseconds a
    /// delivered span.
    pub delivery_ns: Option<f64>,
    /// Delivered spans a second, by the clock.
    pub per_second: Option<f64>,
    /// Spans that ended, and should have been delivered.
    pub started: u64,
    /// Spans that were delivered.
    pub delivered: u64,
    /// The most memory that the process ever had; MiB.
    pub peak_mib: Option<f64>,
}

/// Processor time of a burst.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// Of the threads that make spans.
    producers: Duration,
    /// Of all threads, until the spans are delivered.
    process: Duration,
}

impl Cost {
    /// Measures work of this thread, and then a flush.
    fn of(work: impl FnOnce(), flush: impl FnOnce()) -> Self {
        let (process, thread) = (ProcessTime::now(), ThreadTime::now());
        work();
        let producers = thread.elapsed();
        flush();
        Self { producers, process: process.elapsed() }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.producers += other.producers;
        self.process += other.process;
    }
}

/// Measures W1, `runs` times a burst, by so many trees in turn.
pub fn trees<T: Tool>(setup: &Setup, says: Says, trees: usize, runs: usize) -> Option<Sample> {
    let tool = T::start(setup)?;
    let trees: Vec<_> = (0..trees).map(Tree::new).collect();
    let mut turns = trees.iter().cycle();
    Some(in_bursts(&tool, setup, runs as u64 * SPANS_A_TREE, || {
        turns.by_ref().take(runs).for_each(|tree| tree.run(&tool, says));
    }))
}

/// Measures so many roots a burst with so many children each, without attributes.
pub fn flat<T: Tool>(roots: usize, children: usize) -> Option<Sample> {
    let setup = Setup::ample();
    let tool = T::start(&setup)?;
    let root = T::Part::new(Facts::new(Kind::Agent, "Researcher", 1), None);
    let child = T::Part::new(Facts::new(Kind::Tool, "search", 2), Some(&root));
    Some(in_bursts(&tool, &setup, (roots * (1 + children)) as u64, || {
        for _ in 0..roots {
            tool.span(None, &root, Says::Nothing, |span| {
                for _ in 0..children {
                    tool.span(Some(span), &child, Says::Nothing, |_| black_box(()));
                }
            });
        }
    }))
}

/// Measures W1 as futures on one thread, on top of the bare futures.
pub fn futures<T: AsyncTool>() -> Option<Sample> {
    const RUNS: u64 = 200;
    fn burst<T: AsyncTool>(tokio: &runtime::Runtime, tool: &'static T, tree: &'static Tree<T>) {
        tokio.block_on(async {
            for _ in 0..RUNS {
                tree.run_as_futures(tool).await;
            }
        });
    }
    let setup = Setup::ample();
    let tokio = runtime::Builder::new_current_thread().build().ok()?;
    // There is one of these in a process, and it lives as long.
    let tool: &T = Box::leak(Box::new(T::start(&setup)?));
    let (traced, bare) = (Box::leak(Box::new(Tree::new(0))), Box::leak(Box::new(Tree::new(0))));
    let traced = || Cost::of(|| burst(&tokio, tool, traced), || tool.flush());
    let bare = || Cost::of(|| burst(&tokio, &Bare, bare), || ());
    Some(on_top(&setup, RUNS * SPANS_A_TREE, traced, Some(bare)))
}

/// Measures bursts of `work`, which makes so many spans, each followed by a flush.
pub fn in_bursts<T: Tool>(tool: &T, setup: &Setup, spans: u64, mut work: impl FnMut()) -> Sample {
    on_top(setup, spans, || Cost::of(&mut work, || tool.flush()), None::<fn() -> Cost>)
}

/// Measures bursts of so many spans by turns with bare ones, if there are any; the difference is
/// the cost of tracing.
fn on_top(
    setup: &Setup,
    spans: u64,
    mut traced: impl FnMut() -> Cost,
    mut bare: Option<impl FnMut() -> Cost>,
) -> Sample {
    // Twice as long with bare bursts, for their time and for the noise of a difference.
    let duration = if bare.is_some() { 2 * MEASURED } else { MEASURED };
    let mut bursts = |duration: Duration| {
        let (mut cost, mut untraced, mut started) = (Cost::default(), Cost::default(), 0);
        let begin = Instant::now();
        while begin.elapsed() < duration {
            cost += traced();
            if let Some(bare) = &mut bare {
                untraced += bare();
            }
            started += spans;
        }
        (cost, untraced, started)
    };
    bursts(WARM_UP);
    let before = setup.collector.delivered();
    let (cost, untraced, started) = bursts(duration);
    let delivered = setup.collector.delivered() - before;
    // Below zero if noise is more than what is measured.
    let each = |cost, untraced, count| Some(each(cost, count)? - each(untraced, count)?);
    Sample {
        producer_ns: each(cost.producers, untraced.producers, started),
        delivery_ns: each(cost.process, untraced.process, delivered),
        started: if setup.off.is_some() { 0 } else { started },
        delivered,
        peak_mib: peak_mib(),
        ..Sample::default()
    }
}

/// Nanoseconds for each of `count`.
fn each(time: Duration, count: u64) -> Option<f64> {
    (count > 0).then(|| time.as_nanos() as f64 / count as f64)
}

/// Returns the most memory that this process ever had, in MiB; `None` where there is no
/// `/proc/self/status`.
fn peak_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

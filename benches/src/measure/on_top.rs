//! What tracing adds to work that has a price of its own: tasks, and threads.
//!
//! The same work runs bare and traced by turns, in one process; the difference is tracing's.

use std::time::{Duration, Instant};

use cpu_time::{ProcessTime, ThreadTime};
use tokio::runtime::{self, Runtime as Tokio};

use super::{MEASURED, Sample, WARM_UP, each_on_top, peak_mib};
use crate::{
    tool::{AsyncTool, Bare, Setup},
    workload::{FutureTrees, SPANS_A_TREE},
};

/// On what tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// The calling thread.
    CurrentThread,
    /// Two worker threads.
    MultiThread,
}

impl Runtime {
    /// The runtime; `None` if the system refuses its threads.
    pub(crate) fn build(self) -> Option<Tokio> {
        match self {
            Self::CurrentThread => runtime::Builder::new_current_thread().build().ok(),
            Self::MultiThread => {
                runtime::Builder::new_multi_thread().worker_threads(2).build().ok()
            }
        }
    }
}

/// What a round of work took.
#[derive(Clone, Copy, Default)]
pub(super) struct Took {
    /// The threads that do the work, where they can be told from others.
    pub(super) producers: Duration,
    /// All threads, until what was traced is delivered.
    pub(super) process: Duration,
}

impl Took {
    fn add(&mut self, other: Self) {
        self.producers += other.producers;
        self.process += other.process;
    }
}

/// Traces W1 as futures, with spawned agents; `None` if the tool cannot be set up so.
pub fn tasks<T: AsyncTool>(setup: &Setup, runtime: Runtime) -> Option<Sample> {
    let tokio = runtime.build()?;
    let (traced, bare) = (FutureTrees::new(T::start(setup)?), FutureTrees::new(Bare));
    let round = |traced_turn: bool| {
        let (whole, thread) = (ProcessTime::now(), ThreadTime::now());
        if traced_turn {
            tokio.block_on(traced.burst());
        } else {
            tokio.block_on(bare.burst());
        }
        let producers = thread.elapsed();
        if traced_turn {
            traced.tool().flush();
        }
        Took { producers, process: whole.elapsed() }
    };
    let spans = FutureTrees::<T>::RUNS as u64 * SPANS_A_TREE;
    let mut sample = by_turns(setup, spans, round);
    if runtime == Runtime::MultiThread {
        // The calling thread only waits.
        sample.producer_ns = None;
    }
    Some(sample)
}

/// Runs rounds of `spans` spans, traced and bare by turns.
pub(super) fn by_turns(setup: &Setup, spans: u64, round: impl Fn(bool) -> Took) -> Sample {
    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        round(true);
        round(false);
    }
    let (mut traced, mut bare) = (Took::default(), Took::default());
    let mut rounds = 0;
    let before = setup.collector.delivered();
    let begin = Instant::now();
    // Two rounds for one, and a difference of two.
    while begin.elapsed() < 2 * MEASURED {
        traced.add(round(true));
        bare.add(round(false));
        rounds += 1;
    }
    let delivered = setup.collector.delivered() - before;
    Sample {
        producer_ns: each_on_top(traced.producers, bare.producers, rounds * spans),
        delivery_ns: each_on_top(traced.process, bare.process, delivered),
        started: rounds * spans,
        delivered,
        peak_mib: peak_mib(),
        ..Sample::default()
    }
}

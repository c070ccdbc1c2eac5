//! Cost that tracing adds to tasks and threads, which cost something themselves.
//!
//! The same work runs bare and traced by turns, in one process; the difference is tracing's.

use std::time::{Duration, Instant};

use cpu_time::{ProcessTime, ThreadTime};
use tokio::runtime;

use super::{MEASURED, Sample, WARM_UP, peak_mib};
use crate::{
    bare::Bare,
    tool::{AsyncTool, Setup},
    workload::{FutureTrees, SPANS_A_TREE},
};

/// Cost of a round of work.
#[derive(Clone, Copy, Default)]
pub(super) struct Took {
    /// The threads that do the work.
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

/// Traces W1 as futures on one thread, with spawned agents; `None` if the tool cannot be set up so.
pub fn tasks<T: AsyncTool>(setup: &Setup) -> Option<Sample> {
    let tokio = runtime::Builder::new_current_thread().build().ok()?;
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
    Some(by_turns(setup, spans, round))
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
    // Below zero if noise is more than what is measured.
    let on_top = |traced: Duration, bare: Duration, count: u64| {
        let difference = traced.as_nanos() as f64 - bare.as_nanos() as f64;
        (count > 0).then(|| difference / count as f64)
    };
    Sample {
        producer_ns: on_top(traced.producers, bare.producers, rounds * spans),
        delivery_ns: on_top(traced.process, bare.process, delivered),
        started: rounds * spans,
        delivered,
        peak_mib: peak_mib(),
        ..Sample::default()
    }
}

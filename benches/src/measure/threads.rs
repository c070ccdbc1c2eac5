//! W1 in several threads at once.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use cpu_time::{ProcessTime, ThreadTime};

use super::{
    Sample,
    on_top::{Took, by_turns},
};
use crate::{
    bare::Bare,
    tool::{Setup, Tool},
    workload::{Trees, Workload},
};

/// Trees of all threads in a round.
const TREES: usize = 512;

/// Traces W1 in so many threads at once, which wait for each other before and after each round;
/// `None` if the tool cannot be set up so.
pub fn threads<T: Tool>(setup: &Setup, threads: usize) -> Option<Sample> {
    let workload = Trees { runs: (TREES / threads).max(1), ..Trees::W1 };
    let tool = T::start(setup)?;
    let (traced, bare) = (Rounds::new(threads), Rounds::new(threads));
    let sample = thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| traced.take_part(&tool, &workload));
            scope.spawn(|| bare.take_part(&Bare, &workload));
        }
        let round = |traced_turn: bool| {
            let whole = ProcessTime::now();
            let producers = if traced_turn { traced.run() } else { bare.run() };
            if traced_turn {
                tool.flush();
            }
            Took { producers, process: whole.elapsed() }
        };
        let sample = by_turns(setup, threads as u64 * workload.spans(), round);
        traced.end();
        bare.end();
        sample
    });
    Some(sample)
}

/// Rounds that several threads take part in, led by one that does not.
struct Rounds {
    begin: Barrier,
    end: Barrier,
    over: AtomicBool,
    /// Nanoseconds on the processor of all threads in this round.
    time: AtomicU64,
}

impl Rounds {
    fn new(threads: usize) -> Self {
        let barrier = || Barrier::new(threads + 1);
        Self { begin: barrier(), end: barrier(), over: false.into(), time: 0.into() }
    }

    /// Lets all threads run a round; returns their time on the processor.
    fn run(&self) -> Duration {
        self.time.store(0, Ordering::SeqCst);
        self.begin.wait();
        self.end.wait();
        Duration::from_nanos(self.time.load(Ordering::SeqCst))
    }

    /// Sends the threads home.
    fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.begin.wait();
    }

    /// Runs a burst in each round, with components of this thread's own.
    fn take_part<T: Tool>(&self, tool: &T, workload: &impl Workload) {
        let prepared = workload.prepare(tool);
        loop {
            self.begin.wait();
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let time = ThreadTime::now();
            workload.burst(tool, &prepared);
            self.time.fetch_add(time.elapsed().as_nanos() as u64, Ordering::SeqCst);
            self.end.wait();
        }
    }
}

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

use super::{Cost, Sample, on_top};
use crate::{
    facts::Says,
    tool::{Bare, Setup, Tool},
    workload::{SPANS_A_TREE, Tree},
};

/// Trees of all threads in a burst.
const TREES: usize = 512;

/// Measures W1 in so many threads at once, which wait for each other before and after each burst,
/// on top of what the threads cost.
pub fn threads<T: Tool>(threads: usize) -> Option<Sample> {
    let setup = Setup::ample();
    let tool = T::start(&setup)?;
    let runs = (TREES / threads).max(1);
    let (traced, bare) = (Rounds::new(threads), Rounds::new(threads));
    Some(thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| traced.take_part(&tool, runs));
            scope.spawn(|| bare.take_part(&Bare, runs));
        }
        let spans = (threads * runs) as u64 * SPANS_A_TREE;
        let sample = on_top(&setup, spans, || traced.run(&tool), Some(|| bare.run(&Bare)));
        traced.end();
        bare.end();
        sample
    }))
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

    /// Lets all threads run a round, and flushes.
    fn run(&self, tool: &impl Tool) -> Cost {
        let process = ProcessTime::now();
        self.time.store(0, Ordering::SeqCst);
        self.begin.wait();
        self.end.wait();
        let producers = Duration::from_nanos(self.time.load(Ordering::SeqCst));
        tool.flush();
        Cost { producers, process: process.elapsed() }
    }

    /// Sends the threads home.
    fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.begin.wait();
    }

    /// Runs a tree of this thread's own so many times in each round.
    fn take_part<T: Tool>(&self, tool: &T, runs: usize) {
        let tree = Tree::new(0);
        loop {
            self.begin.wait();
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let time = ThreadTime::now();
            (0..runs).for_each(|_| tree.run(tool, Says::Four));
            self.time.fetch_add(time.elapsed().as_nanos() as u64, Ordering::SeqCst);
            self.end.wait();
        }
    }
}

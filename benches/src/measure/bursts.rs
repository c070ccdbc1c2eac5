//! What a span costs when there is room for it.

use std::time::{Duration, Instant};

use cpu_time::{ProcessTime, ThreadTime};

use super::{MEASURED, Sample, WARM_UP, arrived, each, peak_mib};
use crate::{
    tool::{Setup, Tool},
    workload::Workload,
};

/// What a burst consists of.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// Spans that it makes.
    pub spans: u64,
    /// Traced calls in it, which is by how many its time is divided.
    pub operations: u64,
}

/// Runs bursts of a workload, each followed by a flush; `None` if the tool cannot be set up so.
pub fn bursts<T: Tool>(workload: &impl Workload, setup: &Setup) -> Option<Sample> {
    let tool = T::start(setup)?;
    let prepared = workload.prepare(&tool);
    let burst = Burst { spans: workload.spans(), operations: workload.operations() };
    Some(in_bursts(&tool, setup, burst, || workload.burst(&tool, &prepared)))
}

/// Runs `work` again and again, each time followed by a flush.
///
/// The clock of the producer stops at the end of a burst, that of the process at the end of the
/// flush.
pub fn in_bursts<T: Tool>(tool: &T, setup: &Setup, burst: Burst, mut work: impl FnMut()) -> Sample {
    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        work();
        tool.flush();
    }

    let (mut producer, mut process) = (Duration::ZERO, Duration::ZERO);
    let mut runs = 0;
    let before = arrived(tool, &setup.collector);
    let begin = Instant::now();
    while begin.elapsed() < MEASURED {
        let (whole, thread) = (ProcessTime::now(), ThreadTime::now());
        work();
        producer += thread.elapsed();
        tool.flush();
        process += whole.elapsed();
        runs += 1;
    }
    let delivered = arrived(tool, &setup.collector) - before;

    // Where calls make no span of their own, delivery has no price a call.
    let all_are_spans = burst.operations == burst.spans;
    Sample {
        producer_ns: each(producer, runs * burst.operations),
        delivery_ns: each(process, delivered).filter(|_| all_are_spans),
        started: if setup.off.is_some() { 0 } else { runs * burst.spans },
        delivered,
        peak_mib: peak_mib(),
        ..Sample::default()
    }
}

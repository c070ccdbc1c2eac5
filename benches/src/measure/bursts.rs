//! Cost of a span while the queue has room for it.

use std::time::{Duration, Instant};

use cpu_time::{ProcessTime, ThreadTime};

use super::{MEASURED, Sample, WARM_UP, delivered, each, peak_mib};
use crate::{
    tool::{Setup, Tool},
    workload::Workload,
};

/// Runs bursts of a workload, each followed by a flush; `None` if the tool cannot be set up so.
pub fn bursts<T: Tool>(workload: &impl Workload, setup: &Setup) -> Option<Sample> {
    let tool = T::start(setup)?;
    let prepared = workload.prepare(&tool);
    Some(in_bursts(&tool, setup, workload.spans(), || workload.burst(&tool, &prepared)))
}

/// Runs `work`, which makes so many spans, again and again, each time followed by a flush.
///
/// The clock of the producer stops at the end of a burst, that of the process at the end of the
/// flush.
pub fn in_bursts<T: Tool>(tool: &T, setup: &Setup, spans: u64, mut work: impl FnMut()) -> Sample {
    let begin = Instant::now();
    while begin.elapsed() < WARM_UP {
        work();
        tool.flush();
    }

    let (mut producer, mut process) = (Duration::ZERO, Duration::ZERO);
    let mut runs = 0;
    let before = delivered(tool, &setup.collector);
    let begin = Instant::now();
    while begin.elapsed() < MEASURED {
        let (whole, thread) = (ProcessTime::now(), ThreadTime::now());
        work();
        producer += thread.elapsed();
        tool.flush();
        process += whole.elapsed();
        runs += 1;
    }
    let delivered = delivered(tool, &setup.collector) - before;
    Sample {
        producer_ns: each(producer, runs * spans),
        delivery_ns: each(process, delivered),
        started: if setup.off.is_some() { 0 } else { runs * spans },
        delivered,
        peak_mib: peak_mib(),
        ..Sample::default()
    }
}

//! Taking the time.
//!
//! The measure is processor time: of the threads that make the spans, and of the whole
//! process until every span is delivered. A busy machine changes both less than time by the clock.

mod bursts;
mod on_top;
mod sustained;
mod threads;

use std::{fs, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{collector::Collector, tool::Tool};

pub use bursts::{bursts, in_bursts};
pub use on_top::tasks;
pub use sustained::{million, sustained};
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

/// Nanoseconds for each of `count`.
fn each(time: Duration, count: u64) -> Option<f64> {
    (count > 0).then(|| time.as_nanos() as f64 / count as f64)
}

/// Returns how many spans of a tool were delivered so far.
fn delivered<T: Tool>(tool: &T, collector: &Collector) -> u64 {
    tool.delivered_to_file().unwrap_or_else(|| collector.delivered())
}

/// Returns the most memory that this process ever had, in MiB; `None` where there is no
/// `/proc/self/status`.
fn peak_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

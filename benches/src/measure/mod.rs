//! Taking the time.
//!
//! What counts is time on the processor: of the threads that make the spans, and of the whole
//! process until every span is delivered. A busy machine changes both less than time by the clock.

mod agents;
mod bursts;
mod memory;
mod on_top;
mod sustained;
mod threads;
mod turn;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{collector::Collector, tool::Tool};

pub use agents::agents;
pub use bursts::{Burst, bursts, in_bursts};
pub use memory::peak_mib;
pub use on_top::{Runtime, tasks};
pub use sustained::{million, sustained};
pub use threads::threads;
pub use turn::{ours, rig};

/// How long a workload runs before anything is measured.
const WARM_UP: Duration = Duration::from_millis(60);

/// How long it is measured.
const MEASURED: Duration = Duration::from_millis(240);

/// What one run of one tool showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Time on the processor of the threads that made the spans; nanoseconds a span.
    pub producer_ns: Option<f64>,
    /// The same of all threads until everything was delivered; nanoseconds a delivered span.
    pub delivery_ns: Option<f64>,
    /// Delivered spans a second, by the clock.
    pub per_second: Option<f64>,
    /// Tracing's time on the processor, as a part of itself and what the run takes without; 0 to 1.
    pub share_of_run: Option<f64>,
    /// Delivered spans a turn, of a framework for agents.
    pub spans_a_turn: Option<f64>,
    /// Spans that ended, and should have been delivered.
    pub started: u64,
    /// Spans that were delivered.
    pub delivered: u64,
    /// Spans that the tool says it did not deliver; 0 where it does not say.
    #[serde(default)]
    pub given_up: u64,
    /// The most memory that the process ever had; MiB.
    pub peak_mib: Option<f64>,
}

impl Sample {
    /// How much of what started was delivered, 0 to 1; `None` where nothing should start.
    pub fn delivered_share(&self) -> Option<f64> {
        (self.started > 0).then(|| self.delivered as f64 / self.started as f64)
    }
}

/// Nanoseconds for each of `count`.
fn each(time: Duration, count: u64) -> Option<f64> {
    (count > 0).then(|| time.as_nanos() as f64 / count as f64)
}

/// The difference of two times on the processor for each of `count`; below nothing if noise is
/// more than what is measured.
fn each_on_top(with: Duration, without: Duration, count: u64) -> Option<f64> {
    let difference = with.as_nanos() as f64 - without.as_nanos() as f64;
    (count > 0).then(|| difference / count as f64)
}

/// How many spans of a tool arrived so far.
fn arrived<T: Tool>(tool: &T, collector: &Collector) -> u64 {
    tool.delivered_elsewhere().unwrap_or_else(|| collector.delivered())
}

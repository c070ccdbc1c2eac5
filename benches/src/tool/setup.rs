//! How a tool is to be set up.

use serde::{Deserialize, Serialize};

use crate::collector::Collector;

/// How a tool is to be set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where finished spans go.
    pub collector: Collector,
    /// What receives them.
    pub sink: Sink,
    /// How many spans may wait for delivery.
    pub room: Room,
    /// What happens to those that come on top.
    pub overflow: Overflow,
    /// Whether spans hold what was said, where a tool knows what that is.
    pub content: bool,
    /// Why nothing is traced, if nothing is.
    pub off: Option<Off>,
}

impl Setup {
    /// Traces to `collector`, with room for what a workload makes between two flushes.
    pub fn ample(collector: Collector) -> Self {
        let (sink, room, overflow) = (Sink::Collector, Room::Ample, Overflow::Drop);
        Self { collector, sink, room, overflow, content: true, off: None }
    }
}

/// How many finished spans may wait for delivery, where that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Room {
    /// [`AMPLE`](Self::AMPLE): all that a workload makes between two flushes.
    Ample,
    /// As many as the tool allows when nobody says anything.
    Default,
    /// So many.
    Spans(usize),
}

impl Room {
    /// More than any workload makes between two flushes.
    pub const AMPLE: usize = 16_384;

    /// How many, unless it is for the tool to say.
    pub fn spans(self) -> Option<usize> {
        match self {
            Self::Ample => Some(Self::AMPLE),
            Self::Default => None,
            Self::Spans(spans) => Some(spans),
        }
    }
}

/// What happens to spans that come when there is no room, where that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overflow {
    /// They are dropped.
    Drop,
    /// The thread that made them helps to deliver.
    Help,
}

/// What receives finished spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// The collector, behind whatever the tool recommends to put in front of it.
    Collector,
    /// A processor that is asked for each start and each end, in the span's own thread.
    Inline,
    /// The console sink, writing trees to nowhere.
    Console,
    /// The file sink, writing to a temporary file.
    File,
    /// The Prometheus sink, as text that nobody reads.
    Prometheus,
}

/// Why nothing is traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// It was switched off while the program ran.
    Switch,
    /// The sampler says no to each trace.
    Unsampled,
    /// Nobody has set up anything.
    Nothing,
}

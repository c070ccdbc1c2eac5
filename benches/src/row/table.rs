//! All rows that compare tools.

use std::time::Duration;

use super::{Row, ToolId, kinds};
use crate::{
    measure::Runtime,
    tool::{Off, Sink},
    workload::{Deep, Flat, Reuse, Roots, Trees},
};

/// The tools that call a processor in the span's own thread.
const INLINE: [ToolId; 3] = [ToolId::Raaf, ToolId::TracingLayer, ToolId::OpenTelemetrySimple];

/// W1 in bursts that fit a sink whose room nobody said anything about.
const SMALL: Trees = Trees { runs: 60, ..Trees::W1 };

/// W1 by trees of 13 components, 100,000 together.
const COMPONENTS: Trees = Trees { trees: 7_693, ..Trees::W1 };

/// All rows that compare tools, in the order of the table.
pub fn rows() -> Vec<Row> {
    vec![
        kinds::bursts("w1", "W1: a tree of 13 spans, four attributes each", Trees::W1),
        kinds::bursts("child", "child span, no attributes", Flat::CHILD),
        kinds::bursts("root", "root span, no attributes", Roots::MANY),
        kinds::bursts("late", "W1, two of the attributes while the span runs", Trees::LATE),
        kinds::bursts("strings", "W1, two strings made at run time", Trees::STRINGS),
        kinds::bursts("deep", "a trace 1,000 deep", Deep::THOUSAND),
        kinds::bursts("wide", "10,000 children of one parent", Flat::WIDE),
        kinds::bursts("components", "W1 with 100,000 components", COMPONENTS),
        kinds::threads("threads", "W1 in 32 threads", 32),
        kinds::tasks("async", "W1 as futures, one thread", Runtime::CurrentThread),
        kinds::tasks("async-multi", "W1 as futures, two threads", Runtime::MultiThread),
        kinds::off("off-switch", "W1 switched off", Off::Switch),
        kinds::off("off-unsampled", "W1 unsampled", Off::Unsampled),
        kinds::off("off-nothing", "W1 with nothing set up", Off::Nothing),
        kinds::sink("inline", "W1, a processor called in line", &INLINE, SMALL, Sink::Inline),
        kinds::ours("reuse", "the same method again", Reuse { calls: 100, roots: 40 }),
        kinds::sink("console", "W1 to the console", &[ToolId::Raaf], SMALL, Sink::Console),
        kinds::sink("file", "W1 to a file", &[ToolId::Raaf], SMALL, Sink::File),
        kinds::sink(
            "prometheus",
            "W1 with the prometheus sink",
            &[ToolId::Raaf],
            SMALL,
            Sink::Prometheus,
        ),
        kinds::agents("agents", "agents, the model takes 1 ms", Duration::from_millis(1)),
        kinds::agents("agents-at-once", "agents, the model takes no time", Duration::ZERO),
        kinds::sustained("sustained", "two producers flat out, JSON"),
        kinds::million("million", "1,000,000 spans of eight threads to a file, JSON"),
    ]
}

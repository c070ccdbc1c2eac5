//! What a tool really delivers: the spans of one tree, for people and for tests.

use std::io;

use crate::{
    collector::Collector,
    facts::Says,
    row::{ToolId, with_tool},
    tool::{
        FastraceLocal, FastraceSpans, OpenTelemetryBatch, OpenTelemetrySimple, Raaf, Setup, Tool,
        TracingLayer, TracingOpenTelemetry,
    },
    workload::Tree,
};

/// Runs W1 once, as the row of that name does, and prints a line of JSON for each span that the
/// collector receives.
///
/// # Errors
///
/// When the tool cannot be set up, or not all lines could be written.
pub fn one_tree(tool: ToolId) -> io::Result<()> {
    let delivered = with_tool!(tool, run,);
    match delivered {
        Some(crate::workload::SPANS_A_TREE) => Ok(()),
        Some(spans) => Err(io::Error::other(format!("{spans} spans were delivered"))),
        None => Err(io::Error::other("the tool cannot be set up")),
    }
}

fn run<T: Tool>() -> Option<u64> {
    let collector = Collector::writing(io::stdout());
    let tool = T::start(&Setup::ample(collector.clone()))?;
    Tree::new(&tool, 0).run(&tool, Says::Four);
    tool.flush();
    Some(collector.delivered())
}

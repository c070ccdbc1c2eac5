//! What a tool really delivers: the spans of one tree, for people and for tests.

use std::io;

use crate::{
    collector::Collector,
    facts::Says,
    measure::Runtime,
    row::{ToolId, with_async_tool, with_tool},
    tool::{AsyncTool, Setup, Tool},
    workload::{FutureTrees, SPANS_A_TREE, Tree},
};

/// In what form the tree runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As nested calls.
    Calls,
    /// As futures, on two threads.
    Futures,
}

/// Runs W1 once, as the rows do, and prints a line of JSON for each span that the collector
/// receives.
///
/// # Errors
///
/// When the tool cannot do that, or not all spans were delivered and printed.
pub fn one_tree(tool: ToolId, form: Form) -> io::Result<()> {
    let collector = Collector::writing(io::stdout());
    let setup = Setup::ample(collector.clone());
    let done = match form {
        Form::Calls => with_tool!(tool, calls, &setup),
        Form::Futures => with_async_tool!(tool, futures, &setup),
    };
    match (done, collector.delivered()) {
        (None, _) => Err(io::Error::other("the tool cannot do that")),
        (Some(()), SPANS_A_TREE) => Ok(()),
        (Some(()), spans) => Err(io::Error::other(format!("{spans} spans were delivered"))),
    }
}

fn calls<T: Tool>(setup: &Setup) -> Option<()> {
    let tool = T::start(setup)?;
    Tree::new(&tool, 0).run(&tool, Says::Four);
    tool.flush();
    Some(())
}

fn futures<T: AsyncTool>(setup: &Setup) -> Option<()> {
    let trees = FutureTrees::new(T::start(setup)?);
    Runtime::MultiThread.build()?.block_on(trees.once());
    trees.tool().flush();
    Some(())
}

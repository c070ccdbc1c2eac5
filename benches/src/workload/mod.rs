//! The work that is traced, the same for every tool.
//!
//! A workload runs in bursts: what is between two flushes fits the queues of all tools, so that
//! the price of a span is not mixed with what happens when they are full. [`crate::measure`] has
//! a measurement for that.

mod deep;
mod flat;
mod futures;
mod trees;

use std::fmt::Debug;

use crate::tool::Tool;

pub use deep::Deep;
pub use flat::Flat;
pub use futures::FutureTrees;
pub use trees::{SPANS_A_TREE, Tree, Trees};

/// Work of one thread.
pub trait Workload: Debug + Sync {
    /// Data made once, before anything is measured.
    type Prepared<T: Tool>: Send + Sync;

    /// Makes it.
    fn prepare<T: Tool>(&self, tool: &T) -> Self::Prepared<T>;

    /// Does the work once.
    fn burst<T: Tool>(&self, tool: &T, prepared: &Self::Prepared<T>);

    /// Returns the number of spans in a burst.
    fn spans(&self) -> u64;
}

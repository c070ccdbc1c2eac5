//! Tests of span trees: capture the spans of a test, and compare them with a tree written the way
//! one would draw it.

mod capture;
mod coherent;
mod compare;
mod expected;
mod tree;
pub mod workflow;

pub use capture::Capture;
pub use coherent::Incoherent;
pub use compare::Mismatch;
pub use expected::{Expected, Node, Pattern, Siblings};
pub use tree::{AsSpans, Spans};

/// What the macros expand to. No part of the interface: it may change with any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::coherent::assert_coherent;
    pub use crate::compare::assert_matches;
    pub use raaf_trace_core::Status;
}

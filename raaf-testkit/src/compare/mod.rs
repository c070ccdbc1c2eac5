//! Compares captured spans with expected trees.

mod arrangement;
mod diff;
mod fold;
mod levels;
mod matching;
mod mismatch;
mod node;
mod none;
mod order;
mod pairing;
#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod tests;

use std::io;

use anstream::{AutoStream, ColorChoice};

pub(crate) use fold::fold;
pub use mismatch::Mismatch;
pub use none::{assert_no_spans, assert_none_like};

use crate::{
    expected::Expected,
    tree::{AsSpans, Spans},
};

impl Expected {
    /// Compares the spans with the expected trees.
    ///
    /// # Errors
    ///
    /// If the spans make other trees, or one occurs twice. Displayed, the error draws both trees
    /// and marks the differences.
    pub fn check(&self, spans: &Spans) -> Result<(), Mismatch> {
        let tree = spans.tree();
        let is_impossible =
            tree.problems().iter().any(|problem| diff::impossible(problem).is_some());
        if !is_impossible && matching::siblings(spans, &self.roots, tree.top_indices()) {
            return Ok(());
        }
        Err(diff::diff(self, spans))
    }
}

/// Implements the macros.
///
/// # Panics
///
/// Panics if the spans make other trees.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "how a test fails")]
pub fn assert_matches(spans: &(impl AsSpans + ?Sized), expected: &Expected) {
    if let Err(mismatch) = expected.check(&spans.as_spans()) {
        let text = if use_colour() { mismatch.to_ansi() } else { mismatch.to_string() };
        panic!("{text}");
    }
}

/// Returns true if failures are shown on a terminal with colours.
pub(crate) fn use_colour() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

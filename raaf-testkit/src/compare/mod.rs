//! Whether captured spans are the expected trees, and what to say if they are not.

mod diff;
mod matching;
mod mismatch;
mod node;
#[cfg(test)]
mod tests;

pub use mismatch::Mismatch;

use crate::{AsSpans, Expected, Spans};

impl Expected {
    /// Compares.
    ///
    /// # Errors
    ///
    /// When the spans make other trees; shown, the error draws both and marks the differences.
    pub fn check(&self, spans: &Spans) -> Result<(), Mismatch> {
        let shape = spans.shape();
        if shape.cycles().is_empty() && matching::siblings(spans, &self.roots, shape.roots()) {
            return Ok(());
        }
        Err(diff::diff(self, spans))
    }
}

/// For the macros.
///
/// # Panics
///
/// When the spans make other trees.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "how a test fails")]
pub fn assert_matches(spans: &(impl AsSpans + ?Sized), expected: &Expected) {
    if let Err(mismatch) = expected.check(&spans.as_spans()) {
        panic!("{mismatch}");
    }
}

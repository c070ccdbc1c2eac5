//! Errors as text and in spans.

use std::{error::Error, iter};

use raaf_trace_core::call::{ErrorReport, Failure};

/// Bound on a chain of causes, which may be circular.
const MAX_CAUSES: usize = 16;

/// The `error.type` of a call that exceeded its time limit.
pub(crate) const TIMEOUT: &str = "Timeout";

/// Formats an error and its causes on one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(error.source(), |cause| (**cause).source());
    // A wrapper whose text is its cause's would repeat it.
    causes.take(MAX_CAUSES).fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// Errors of operations with a time limit.
pub(crate) trait TimeLimited: Error + Sized + 'static {
    /// Returns whether the limit was exceeded.
    fn is_timeout(&self) -> bool;

    /// Reports the error to a span. A timeout has an `error.type` of its own, because that is all
    /// some sinks show.
    fn report(&self) -> ErrorReport {
        let mut report = ErrorReport::of(self);
        if self.is_timeout() {
            TIMEOUT.clone_into(&mut report.type_name);
            TIMEOUT.clone_into(&mut report.full_type_name);
        }
        report
    }
}

/// Wraps an error so that a traced call fails with [`TimeLimited::report`].
pub(crate) struct AsTimeout<E>(pub(crate) E);

impl<E: TimeLimited> Failure<()> for AsTimeout<E> {
    fn report(&self) -> ErrorReport {
        self.0.report()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[derive(Debug, thiserror::Error)]
    #[error("again")]
    struct Circular;

    #[test]
    fn causes_follow_the_error() {
        let inner = "x".parse::<u8>().unwrap_err();
        assert_eq!(with_causes(&Outer(inner)), "outer: invalid digit found in string");
    }

    #[test]
    fn a_cause_with_the_same_text_is_not_repeated() {
        assert_eq!(with_causes(&Circular), "again");
    }
}

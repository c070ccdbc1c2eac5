//! How a span tells that time was up.

use std::error::Error;

use raaf_trace_core::{ErrorReport, Failure};

/// The `error.type` of what was given up because its time was up.
const TIMEOUT: &str = "Timeout";

/// An error that can be that time was up.
pub(crate) trait TimeLimited: Error + 'static {
    /// Whether it is.
    fn is_timeout(&self) -> bool;
}

/// An error as a span tells it. Its type is the only word that every sink shows: there, time that
/// was up must not look like any other failure.
pub(crate) struct Told<E>(pub(crate) E);

impl<E: TimeLimited> Failure<()> for Told<E> {
    fn report(&self) -> ErrorReport {
        let mut report = ErrorReport::of(&self.0);
        if self.0.is_timeout() {
            TIMEOUT.clone_into(&mut report.type_name);
            TIMEOUT.clone_into(&mut report.full_type_name);
        }
        report
    }
}

//! Wall-clock time: UTC with nanoseconds, and its text form.

mod rfc3339;
mod timestamp;

pub use rfc3339::Rfc3339;
pub use timestamp::{ParseTimestampError, Timestamp};

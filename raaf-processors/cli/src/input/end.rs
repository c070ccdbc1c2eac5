//! Ends of spans.

use std::time::Duration;

use raaf_trace_model::span::Status;
use serde::{Deserialize, Serialize};

/// Status and duration of a span that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    #[serde(with = "word")]
    pub(crate) status: Status,
    pub(crate) duration: Duration,
    /// It is the root of a run that waits, or goes on in other spans.
    #[serde(default)]
    pub(crate) paused: bool,
}

/// A status as its word.
mod word {
    use raaf_trace_model::span::Status;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
    pub(super) fn serialize<S: Serializer>(status: &Status, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(status.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Status, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

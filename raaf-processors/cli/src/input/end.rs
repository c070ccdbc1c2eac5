//! Ends of spans.

use std::time::Duration;

use raaf_trace_model::{
    keys,
    span::{Record, Status},
};
use serde::{Deserialize, Serialize};

/// Status and duration of a span that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    #[serde(with = "word")]
    pub(crate) status: Status,
    pub(crate) duration: Duration,
    /// True if the span has paused; its work may go on in another span.
    #[serde(default)]
    pub(crate) paused: bool,
    /// True if the span goes on with the work of a span that has paused.
    #[serde(default)]
    pub(crate) resumed: bool,
}

impl End {
    /// Returns the end of a span; `None` for the line of a start.
    pub(crate) fn of(record: &Record) -> Option<Self> {
        let span = record.ended()?;
        let is_set = |key| span.attributes().get(key) == Some(true.into());
        let marks = Marks { paused: is_set(keys::PAUSED), resumed: is_set(keys::RESUMED) };
        Some(marks.end(span.status(), span.duration()))
    }
}

/// Attributes about pauses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    pub(super) paused: bool,
    pub(super) resumed: bool,
}

impl Marks {
    pub(super) fn end(self, status: Status, duration: Duration) -> End {
        let paused = self.paused && status == Status::Unset;
        End { status, duration, paused, resumed: self.resumed }
    }
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

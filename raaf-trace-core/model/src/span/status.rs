//! Span status.

use std::{fmt, str::FromStr};

/// Status of a span; `Unset` while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// No status was set: the span runs, or is a manual span that was finished without one.
    #[default]
    Unset,
    /// The work succeeded.
    Ok,
    /// The work returned an error or panicked.
    Error,
    /// The work was dropped before it finished: by a timeout, a lost race or an abort.
    Cancelled,
    /// A manual span stayed open for too long and was delivered by the cleaner.
    Stale,
}

impl Status {
    /// Returns the status in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Stale => "stale",
        }
    }

    /// Returns the attribute `success`: `None` while the outcome is unknown.
    pub const fn success(self) -> Option<bool> {
        match self {
            Self::Unset => None,
            Self::Ok => Some(true),
            Self::Error | Self::Cancelled | Self::Stale => Some(false),
        }
    }
}

/// Parses [`as_str`](Status::as_str).
impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        let all = [Self::Unset, Self::Ok, Self::Error, Self::Cancelled, Self::Stale];
        all.into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus { text: text.to_owned() })
    }
}

/// Error of parsing a [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown status `{}`; expected `ok`, `error`, `cancelled`, `stale` or `unset`", text.escape_debug())]
pub struct UnknownStatus {
    text: String,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn l7_success_follows_the_status() {
        assert_eq!(Status::Unset.success(), None);
        assert_eq!(Status::Ok.success(), Some(true));
        for failed in [Status::Error, Status::Cancelled, Status::Stale] {
            assert_eq!(failed.success(), Some(false), "{failed}");
        }
    }
}

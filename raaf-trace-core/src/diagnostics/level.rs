//! How important a diagnostic line is.

use std::fmt;

/// How important a diagnostic line is; a level shows its own lines and those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is not as it was meant.
    Warn,
    /// Something worth knowing; the default.
    #[default]
    Info,
    /// Helps to find a fault.
    Debug,
    /// Every step.
    Trace,
}

impl Level {
    /// The variable that sets it.
    pub(crate) const VARIABLE: &str = "RAAF_LOG_LEVEL";
    /// What it may hold.
    pub(crate) const EXPECTED: &str = "one of error, warn, info, debug, trace";

    /// The level's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level of a word in any case.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace]
            .into_iter()
            .find(|level| word.eq_ignore_ascii_case(level.as_str()))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_no_case() {
        assert_eq!(Level::parse("DEBUG"), Some(Level::Debug));
        assert_eq!(Level::parse("Warn"), Some(Level::Warn));
        assert_eq!(Level::parse("verbose"), None);
        assert!(Level::Error < Level::Trace);
    }
}

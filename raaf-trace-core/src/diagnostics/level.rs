//! Diagnostic levels.

use std::fmt;

/// Level of a diagnostic line. A level enables its own lines and those of the levels before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A failure.
    Error,
    /// An unexpected condition; work continues.
    Warn,
    /// General information; the default.
    #[default]
    Info,
    /// Details for debugging.
    Debug,
    /// Every step.
    Trace,
}

impl Level {
    /// Variable that sets the level.
    pub(crate) const VARIABLE: &str = "RAAF_LOG_LEVEL";
    /// Accepted values of the variable.
    pub(crate) const EXPECTED: &str = "one of off, error, warn, info, debug, trace";

    /// Returns the level's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// Parses the level up to which lines are shown, in any case; the inner `None` is `off`, for no
    /// lines.
    #[allow(clippy::option_option, reason = "a parser returns an option of what it parses")]
    pub(crate) fn parse_limit(word: &str) -> Option<Option<Self>> {
        if word.eq_ignore_ascii_case("off") { Some(None) } else { Self::parse(word).map(Some) }
    }

    /// Parses a level's name in any case.
    fn parse(word: &str) -> Option<Self> {
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

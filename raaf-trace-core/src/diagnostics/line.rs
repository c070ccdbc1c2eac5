//! A diagnostic line.

use std::fmt;

use super::{Category, Level, escape::EscapedLine};

/// A diagnostic line: one line of text, in which control characters are escaped. `Display` shows it
/// as it is written to standard error, such as `raaf warn [http] …`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    category: Category,
    level: Level,
    text: String,
}

impl Line {
    pub(super) fn new(category: Category, level: Level, text: fmt::Arguments<'_>) -> Self {
        let mut line = EscapedLine::default();
        // Fails when the line is full; the part that fits is kept.
        let _ = fmt::write(&mut line, text);
        Self { category, level, text: line.into_string() }
    }

    /// Returns the category.
    pub fn category(&self) -> Category {
        self.category
    }

    /// Returns the level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns the text, without level and category.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "raaf {} [{}] {}", self.level, self.category, self.text)
    }
}

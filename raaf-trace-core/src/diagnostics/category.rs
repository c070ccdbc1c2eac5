//! Diagnostic categories.

use std::fmt;

/// Category of a diagnostic line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// Spans and settings.
    Tracing,
    /// Requests and their replies.
    Http,
    /// Calls of model providers.
    Api,
    /// Tool calls.
    Tools,
    /// Handoffs between agents.
    Handoff,
    /// Parents, propagation and the current context.
    Context,
    /// Sinks: their processors, their exporters, and what these deliver or lose.
    Export,
}

impl Category {
    const ALL: [Self; 7] = [
        Self::Tracing,
        Self::Http,
        Self::Api,
        Self::Tools,
        Self::Handoff,
        Self::Context,
        Self::Export,
    ];

    /// Returns the category's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tracing => "tracing",
            Self::Http => "http",
            Self::Api => "api",
            Self::Tools => "tools",
            Self::Handoff => "handoff",
            Self::Context => "context",
            Self::Export => "export",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Set of enabled categories. The default is the empty set, which still shows errors and warnings;
/// [`none`](Self::none) disables these, too.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Categories(u16);

impl Categories {
    /// Variable that lists categories.
    pub(crate) const VARIABLE: &str = "RAAF_DEBUG_CATEGORIES";
    /// Accepted values of the variable.
    pub(crate) const EXPECTED: &str =
        "a comma list of tracing, http, api, tools, handoff, context, export, or all, or none";

    const SILENT: u16 = 1 << 15;

    /// Enables every category.
    pub fn all() -> Self {
        Category::ALL.into_iter().fold(Self::default(), Self::with)
    }

    /// Disables all lines, including errors.
    pub fn none() -> Self {
        Self(Self::SILENT)
    }

    /// Adds a category.
    #[must_use]
    pub fn with(self, category: Category) -> Self {
        Self((self.0 | 1 << category as u16) & !Self::SILENT)
    }

    /// Returns whether the category is enabled.
    pub fn contains(self, category: Category) -> bool {
        self.0 & 1 << category as u16 != 0
    }

    /// Returns whether all lines are disabled, including errors.
    pub fn is_none(self) -> bool {
        self.0 == Self::SILENT
    }

    /// Parses a comma-separated list of names in any case; `none` overrides the others.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut categories = Self::default();
        let mut silent = false;
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if word.eq_ignore_ascii_case("none") {
                silent = true;
            } else if word.eq_ignore_ascii_case("all") {
                categories = Self::all();
            } else {
                let known = Category::ALL.into_iter();
                let category =
                    known.into_iter().find(|known| word.eq_ignore_ascii_case(known.as_str()))?;
                categories = categories.with(category);
            }
        }
        Some(if silent { Self::none() } else { categories })
    }

    pub(super) fn bits(self) -> u16 {
        self.0
    }

    pub(super) fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for Categories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("none");
        }
        let held = Category::ALL.into_iter().filter(|category| self.contains(*category));
        f.debug_set().entries(held).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let some = Categories::default().with(Category::Http).with(Category::Context);
        assert_eq!(Categories::parse("http,context"), Some(some));
        assert_eq!(Categories::parse(" Context , HTTP,"), Some(some));
        assert_eq!(Categories::parse("http,all"), Some(Categories::all()));
        assert_eq!(Categories::parse("http,none"), Some(Categories::none()));
        assert_eq!(Categories::parse(""), Some(Categories::default()));
        assert_eq!(Categories::parse("http,unknown"), None);
    }

    #[test]
    fn none_differs_from_an_empty_set() {
        assert!(!Categories::default().is_none());
        assert!(Categories::none().is_none());
        assert!(!Categories::none().with(Category::Api).is_none());
        assert!(!Categories::none().contains(Category::Api));
        assert!(Category::ALL.into_iter().all(|category| Categories::all().contains(category)));
    }

    #[test]
    fn debug_lists_the_words() {
        let some = Categories::default().with(Category::Api);
        assert_eq!(format!("{some:?} {:?}", Categories::none()), "{Api} none");
    }

    #[test]
    fn every_category_is_named_in_what_is_expected() {
        for category in Category::ALL {
            assert!(Categories::EXPECTED.contains(category.as_str()));
        }
    }
}

//! Patterns for words.

use raaf_trace_model::filter::wildcard_matches;

/// Pattern for a kind, a component, a method or a name.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Node, Pattern};
///
/// let loaders = Node::new("tool", Pattern::like("Load*"));
/// let anybody = Node::new(Pattern::Any, "Planner");
/// # let _ = (loaders, anybody);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pattern {
    /// Matches anything.
    #[default]
    Any,
    /// Matches exactly this text.
    Exactly(String),
    /// Matches this text, where each `*` stands for any text, including none.
    Like(String),
}

impl Pattern {
    /// Creates a pattern in which each `*` stands for any text, including none.
    pub fn like(text: impl Into<String>) -> Self {
        Self::Like(text.into())
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(expected) => expected == text,
            Self::Like(pattern) => wildcard_matches(pattern, text),
        }
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::Exactly(text.to_owned())
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self::Exactly(text)
    }
}

impl From<&String> for Pattern {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

//! What a word of a span must be.

use raaf_trace_core::wildcard_matches;

/// What a kind, a component, a method or a name must be.
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
    /// Anything.
    #[default]
    Any,
    /// Exactly this.
    Exactly(String),
    /// This, where each `*` stands for any text, also for none.
    Like(String),
}

impl Pattern {
    /// This, where each `*` stands for any text, also for none.
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

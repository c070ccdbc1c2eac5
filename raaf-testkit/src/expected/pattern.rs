//! What a word of a span must be.

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
            Self::Like(pattern) => is_like(pattern, text),
        }
    }
}

/// Each part between two `*` is taken where it comes first: later would leave less for the rest.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(text) = text.strip_prefix(start).and_then(|text| text.strip_suffix(end)) else {
        return false;
    };
    let mut left = text;
    middle.split('*').all(|part| match left.find(part) {
        Some(at) => {
            left = &left[at + part.len()..];
            true
        }
        None => false,
    })
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

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a"),
            ("Load*", "Load"),
            ("Load*", "Loader"),
            ("*er", "Loader"),
            ("L*r", "Loader"),
            ("*oa*", "Loader"),
            ("a*b*c", "a b c b c"),
            ("**", "x"),
            ("a*a", "aa"),
        ] {
            assert!(is_like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("Load*", "load"), ("a*a", "a"), ("*b*b*", "ab"), ("a*b*c", "acb"), ("", "a")]
        {
            assert!(!is_like(pattern, text), "{pattern} {text}");
        }
    }
}

//! Matchers for attributes.

use std::{fmt, sync::Arc};

use raaf_trace_model::{
    attributes::{IntoValue, Value, ValueRef},
    filter::wildcard_matches,
};
use regex::Regex;

use super::describe::{apart, optional, shown, text_of};
use crate::tree::quoted;

/// Condition on an attribute; [`Node::attribute_that`](crate::Node::attribute_that) takes one.
///
/// The notation for each is in [`span_tree!`](crate::span_tree!).
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Matcher, Node};
///
/// let node = Node::new("tool", "search")
///     .attribute_that("query", Matcher::contains("tea"))
///     .attribute_that("hits", Matcher::more_than(3));
/// assert_eq!(format!("{node:?}"), r#"tool "search" ["query" contains "tea", "hits" > 3]"#);
/// ```
#[derive(Clone)]
pub struct Matcher(Is);

#[derive(Clone)]
enum Is {
    Equal(Option<Value>),
    Present,
    Containing(String),
    Like(String),
    Matching(Regex),
    Compared(Comparison, Value),
    Satisfying(String, Arc<dyn Fn(ValueRef<'_>) -> bool + Send + Sync>),
}

#[derive(Clone, Copy)]
enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Matcher {
    /// Equal to this, in type and value; absent where it is `None`. Written `key = value`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["query" = "green tea"]);
    /// assert_eq!(said(span_tree! { tool "search" ["query" = "black tea"] }), r#""query" is "green tea", not "black tea""#);
    /// ```
    pub fn equals(value: impl IntoValue) -> Self {
        Self(Is::Equal(value.into_value()))
    }

    /// Not set. Written `!key`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" [!"misses"]);
    /// assert_eq!(said(span_tree! { tool "search" [!"hits"] }), r#""hits" is 3, and should be absent"#);
    /// ```
    pub fn absent() -> Self {
        Self(Is::Equal(None))
    }

    /// Set, to whatever. Written `key`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["hits"]);
    /// assert_eq!(said(span_tree! { tool "search" ["misses"] }), r#""misses" is not set"#);
    /// ```
    pub fn present() -> Self {
        Self(Is::Present)
    }

    /// With this in its text; what is not text is taken as it is shown, JSON for instance. Written
    /// `key contains "part"`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["query" contains "tea"]);
    /// assert_eq!(said(span_tree! { tool "search" ["query" contains "coffee"] }), r#""query" is "green tea", which does not contain "coffee""#);
    /// ```
    pub fn contains(part: impl Into<String>) -> Self {
        Self(Is::Containing(part.into()))
    }

    /// Matches this text, where each `*` stands for any text, including none. Written
    /// `key like "part*"`, and for the type of an error `error "io::*"`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["query" like "green *"]);
    /// assert_eq!(said(span_tree! { tool "search" ["query" like "*coffee"] }), r#""query" is "green tea", not like "*coffee""#);
    /// ```
    pub fn like(pattern: impl Into<String>) -> Self {
        Self(Is::Like(pattern.into()))
    }

    /// With a part of its text that fits a regular expression, in the syntax of the `regex` crate;
    /// `^` and `$` bind it to the ends. Written `key ~ "regex"` or `key matches "regex"`.
    ///
    /// # Panics
    ///
    /// If it is not a valid regular expression.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["query" ~ "^green .ea$"]);
    /// assert_eq!(said(span_tree! { tool "search" ["query" matches "^tea"] }), r#""query" is "green tea", which does not match "^tea""#);
    /// ```
    #[track_caller]
    #[allow(clippy::panic, reason = "how a test fails")]
    pub fn matches(regex: impl AsRef<str>) -> Self {
        match Regex::new(regex.as_ref()) {
            Ok(regex) => Self(Is::Matching(regex)),
            Err(error) => panic!("{} is no regular expression: {error}", quoted(regex.as_ref())),
        }
    }

    /// A number less than this. Written `key < 3`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["hits" < 3.5]);
    /// assert_eq!(said(span_tree! { tool "search" ["hits" < 3] }), r#""hits" is 3, not < 3"#);
    /// ```
    pub fn less_than(number: impl IntoValue) -> Self {
        Self::compared(Comparison::Less, number)
    }

    /// A number of this or less. Written `key <= 3`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["hits" <= 3]);
    /// assert_eq!(said(span_tree! { tool "search" ["hits" <= 2] }), r#""hits" is 3, not <= 2"#);
    /// ```
    pub fn at_most(number: impl IntoValue) -> Self {
        Self::compared(Comparison::AtMost, number)
    }

    /// A number more than this. Written `key > 3`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["hits" > 2]);
    /// assert_eq!(said(span_tree! { tool "search" ["query" > 2] }), r#""query" is "green tea", not > 2"#);
    /// ```
    pub fn more_than(number: impl IntoValue) -> Self {
        Self::compared(Comparison::More, number)
    }

    /// A number of this or more. Written `key >= 3`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["hits" >= 3]);
    /// assert_eq!(said(span_tree! { tool "search" ["hits" >= 4] }), r#""hits" is 3, not >= 4"#);
    /// ```
    pub fn at_least(number: impl IntoValue) -> Self {
        Self::compared(Comparison::AtLeast, number)
    }

    /// Set to a value for which `holds` says so; the text shows what that is. Written
    /// `key where |value| …`.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" ["hits" where |hits| hits.as_i64() > Some(2)]);
    /// assert_eq!(said(span_tree! { tool "search" ["hits" where |hits| hits.as_i64() > Some(9)] }), r#""hits" is 3, for which this is not so: |hits| hits.as_i64() > Some(9)"#);
    /// ```
    pub fn satisfies(
        text: impl Into<String>,
        holds: impl Fn(ValueRef<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Is::Satisfying(text.into(), Arc::new(holds)))
    }

    fn compared(how: Comparison, number: impl IntoValue) -> Self {
        // Nothing compares with what is not a number.
        Self(Is::Compared(how, number.into_value().unwrap_or(Value::Float(f64::NAN))))
    }

    pub(crate) fn holds_for(&self, value: Option<ValueRef<'_>>) -> bool {
        let Some(value) = value else { return matches!(self.0, Is::Equal(None)) };
        match &self.0 {
            Is::Equal(expected) => expected.as_ref().map(Value::as_ref) == Some(value),
            Is::Present => true,
            Is::Containing(part) => text_of(value).contains(part.as_str()),
            Is::Like(pattern) => wildcard_matches(pattern, &text_of(value)),
            Is::Matching(regex) => regex.is_match(&text_of(value)),
            Is::Compared(how, bound) => {
                let (Some(value), Some(bound)) = (value.as_f64(), bound.as_ref().as_f64()) else {
                    return false;
                };
                match how {
                    Comparison::Less => value < bound,
                    Comparison::AtMost => value <= bound,
                    Comparison::More => value > bound,
                    Comparison::AtLeast => value >= bound,
                }
            }
            Is::Satisfying(_, holds) => holds(value),
        }
    }

    /// The matcher in the notation of trees.
    pub(crate) fn of_key(&self, key: &str) -> String {
        match &self.0 {
            Is::Equal(None) => format!("!{key}"),
            Is::Present => key.to_owned(),
            Is::Equal(value) => format!("{key} = {}", optional(value.as_ref().map(Value::as_ref))),
            _ => format!("{key} {}", self.condition()),
        }
    }

    /// In which way a value that does not fit does not.
    pub(crate) fn complaint(&self, found: Option<ValueRef<'_>>) -> String {
        let Some(found) = found else {
            return match &self.0 {
                Is::Present | Is::Satisfying(..) => "is not set".to_owned(),
                Is::Containing(part) => {
                    format!("is not set, and should contain {}", quoted(part))
                }
                Is::Like(pattern) => {
                    format!("is not set, and should be like {}", quoted(pattern))
                }
                Is::Matching(regex) => {
                    format!("is not set, and should match {}", quoted(regex.as_str()))
                }
                _ => format!("is not set, and should be {}", self.condition()),
            };
        };
        let is = format!("is {}", shown(found));
        match &self.0 {
            Is::Equal(Some(expected)) => {
                let (found, expected) = apart(found, expected.as_ref());
                format!("is {found}, not {expected}")
            }
            Is::Equal(None) => format!("{is}, and should be absent"),
            Is::Containing(part) => format!("{is}, which does not contain {}", quoted(part)),
            Is::Like(pattern) => format!("{is}, not like {}", quoted(pattern)),
            Is::Matching(regex) => {
                format!("{is}, which does not match {}", quoted(regex.as_str()))
            }
            Is::Satisfying(text, _) => format!("{is}, for which this is not so: {text}"),
            Is::Present | Is::Compared(..) => format!("{is}, not {}", self.condition()),
        }
    }

    fn condition(&self) -> String {
        match &self.0 {
            Is::Equal(value) => optional(value.as_ref().map(Value::as_ref)),
            Is::Present => "present".to_owned(),
            Is::Containing(part) => format!("contains {}", quoted(part)),
            Is::Like(pattern) => format!("like {}", quoted(pattern)),
            Is::Matching(regex) => format!("~ {}", quoted(regex.as_str())),
            Is::Compared(how, bound) => {
                let sign = match how {
                    Comparison::Less => "<",
                    Comparison::AtMost => "<=",
                    Comparison::More => ">",
                    Comparison::AtLeast => ">=",
                };
                format!("{sign} {}", shown(bound.as_ref()))
            }
            Is::Satisfying(text, _) => format!("where {text}"),
        }
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.condition())
    }
}

//! Facts of the spans of the workloads.

use std::hint::black_box;

/// The attributes that spans of the workloads have, by the names that all tools use.
pub mod keys {
    /// Kind of the component.
    pub const TYPE: &str = "part.type";
    /// Name of the component.
    pub const NAME: &str = "part.name";
    /// An integer.
    pub const NUMBER: &str = "step.number";
    /// A bool.
    pub const EXACT: &str = "step.exact";
    /// A text made at run time.
    pub const QUESTION: &str = "step.question";
    /// Another text made at run time.
    pub const ANSWER: &str = "step.answer";
}

/// Name of each span, where the tool does not make the name itself. Static, which is the
/// cheapest form for every tool.
pub const SPAN: &str = "execute";

/// Kind of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The root of a tree.
    Pipeline,
    /// The middle of a tree.
    Agent,
    /// A leaf of a tree.
    Tool,
}

impl Kind {
    /// The word that attributes have for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Agent => "agent",
            Self::Tool => "tool",
        }
    }
}

/// Attributes of a span, and when they are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A bare span.
    Nothing,
    /// Four attributes from the start: type and name of the component, an integer and a bool.
    Four,
    /// Those four, the integer and the bool while it runs.
    Late,
    /// Type and name of the component, and two texts made at run time.
    Strings,
}

/// The facts of one component. The name is static, so that tools that know no components have it
/// for nothing.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    kind: Kind,
    name: &'static str,
    number: i64,
    exact: bool,
}

impl Facts {
    /// The facts of the component of that name.
    pub fn new(kind: Kind, name: &'static str, number: usize) -> Self {
        let exact = number.is_multiple_of(2);
        Self { kind, name, number: i64::try_from(number).unwrap_or(i64::MAX), exact }
    }

    /// Returns the component's kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the component's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// An integer that is not known before the program runs.
    #[inline]
    pub fn number(&self) -> i64 {
        black_box(self.number)
    }

    /// A bool that is not known before the program runs.
    #[inline]
    pub fn exact(&self) -> bool {
        black_box(self.exact)
    }
}

/// Returns the workloads' question, a string that is not known before the program runs.
#[inline]
pub fn question() -> &'static str {
    black_box("which of the four documents names the river?")
}

/// Returns the workloads' answer.
#[inline]
pub fn answer() -> &'static str {
    black_box("the third one names it twice, on page 12")
}

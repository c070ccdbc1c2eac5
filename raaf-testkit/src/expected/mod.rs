//! The tree that a test expects.

mod describe;
mod macros;
#[cfg(test)]
mod tests;

use raaf_trace_core::{IntoValue, Status, Value};

pub(crate) use describe::{rows, value};

/// The trees that a test expects; [`span_tree!`](crate::span_tree) writes one.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub(crate) roots: Siblings,
}

impl Expected {
    /// These roots.
    pub fn new(roots: Siblings) -> Self {
        Self { roots }
    }
}

/// Expected spans that have the same parent, or none.
#[derive(Clone, Debug, Default)]
pub struct Siblings {
    pub(crate) items: Vec<Item>,
}

#[derive(Clone, Debug)]
pub(crate) enum Item {
    Node(Node),
    /// These, in any order.
    AnyOrder(Siblings),
    /// Any number of others.
    Others,
}

impl Siblings {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Then this one.
    #[must_use]
    pub fn node(mut self, node: Node) -> Self {
        self.items.push(Item::Node(node));
        self
    }

    /// Then these, in any order.
    #[must_use]
    pub fn in_any_order(mut self, siblings: Siblings) -> Self {
        self.items.push(Item::AnyOrder(siblings));
        self
    }

    /// Then any number of others.
    #[must_use]
    pub fn others(mut self) -> Self {
        self.items.push(Item::Others);
        self
    }

    /// The nodes, also those of groups.
    pub(crate) fn nodes(&self) -> Vec<&Node> {
        let mut nodes = Vec::new();
        for item in &self.items {
            match item {
                Item::Node(node) => nodes.push(node),
                Item::AnyOrder(group) => nodes.extend(group.nodes()),
                Item::Others => {}
            }
        }
        nodes
    }

    /// Whether others may stand among them.
    pub(crate) fn is_open(&self) -> bool {
        self.items.iter().any(|item| match item {
            Item::Node(_) => false,
            Item::AnyOrder(group) => group.is_open(),
            Item::Others => true,
        })
    }
}

/// One expected span, or several alike in a row.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) kind: Pattern,
    pub(crate) component: Pattern,
    pub(crate) method: Pattern,
    pub(crate) name: Pattern,
    pub(crate) status: Option<Status>,
    pub(crate) attributes: Vec<(String, Option<Value>)>,
    pub(crate) children: Siblings,
    pub(crate) count: usize,
}

impl Node {
    /// A span without children, of any method and status.
    pub fn new(kind: impl Into<Pattern>, component: impl Into<Pattern>) -> Self {
        Self {
            kind: kind.into(),
            component: component.into(),
            method: Pattern::Any,
            name: Pattern::Any,
            status: None,
            attributes: Vec::new(),
            children: Siblings::new(),
            count: 1,
        }
    }

    /// Of that method.
    #[must_use]
    pub fn method(mut self, method: impl Into<Pattern>) -> Self {
        self.method = method.into();
        self
    }

    /// Of that name.
    #[must_use]
    pub fn name(mut self, name: impl Into<Pattern>) -> Self {
        self.name = name.into();
        self
    }

    /// With that status.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// With that attribute, or without it where `value` is `None::<&str>` or another `None`.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<String>, value: impl IntoValue) -> Self {
        self.attributes.push((key.into(), value.into_value()));
        self
    }

    /// With these children.
    #[must_use]
    pub fn children(mut self, children: Siblings) -> Self {
        self.children = children;
        self
    }

    /// So many of it in a row.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.count = count;
        self
    }
}

/// What a word of a span must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pattern {
    /// Anything.
    #[default]
    Any,
    /// Exactly this.
    Exactly(String),
}

impl Pattern {
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(expected) => expected == text,
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

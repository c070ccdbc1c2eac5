//! The tree that a test expects.

mod count;
pub(crate) mod describe;
mod event;
mod macros;
mod matcher;
mod node;
mod pattern;
#[cfg(test)]
mod tests;

pub use count::Count;
pub use event::ExpectedEvent;
pub use matcher::Matcher;
pub use node::Node;
pub use pattern::Pattern;

pub(crate) use describe::rows;

/// The trees that a test expects; [`span_tree!`](crate::span_tree) makes one.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub(crate) roots: Siblings,
}

impl Expected {
    /// Expects these roots.
    pub fn new(roots: Siblings) -> Self {
        Self { roots }
    }
}

/// Expected siblings.
#[derive(Clone, Debug, Default)]
pub struct Siblings {
    pub(crate) items: Vec<Item>,
}

#[derive(Clone, Debug)]
pub(crate) enum Item {
    // A node is large; a list of items is mostly nodes all the same.
    Node(Box<Node>),
    /// These siblings, in any order.
    AnyOrder(Siblings),
    /// Any number of other siblings.
    Others,
}

impl Siblings {
    /// Expects no siblings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects this span next.
    #[must_use]
    pub fn node(mut self, node: Node) -> Self {
        self.items.push(Item::Node(Box::new(node)));
        self
    }

    /// Expects these spans next, in any order.
    #[must_use]
    pub fn in_any_order(mut self, siblings: Siblings) -> Self {
        self.items.push(Item::AnyOrder(siblings));
        self
    }

    /// Allows any number of other spans next.
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
                Item::Node(node) => nodes.push(&**node),
                Item::AnyOrder(group) => nodes.extend(group.nodes()),
                Item::Others => {}
            }
        }
        nodes
    }

    /// Returns true if other siblings are allowed among them.
    pub(crate) fn is_open(&self) -> bool {
        self.items.iter().any(|item| match item {
            Item::Node(_) => false,
            Item::AnyOrder(group) => group.is_open(),
            Item::Others => true,
        })
    }
}

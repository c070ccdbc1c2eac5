//! Many children of one parent.

use std::hint::black_box;

use super::Workload;
use crate::{
    facts::{Facts, Kind, Says},
    tool::Tool,
};

/// Roots with many children each.
#[derive(Clone, Copy, Debug)]
pub struct Flat {
    /// Attributes of each child; roots have none.
    pub says: Says,
    /// Children of each root.
    pub children: usize,
    /// Roots in a burst.
    pub roots: usize,
}

impl Flat {
    /// Children that say nothing, under a root that has enough of them to weigh little.
    pub const CHILD: Self = Self { says: Says::Nothing, children: 1_000, roots: 4 };

    /// Roots alone, as many as make a flush weigh little.
    pub const ROOTS: Self = Self { says: Says::Nothing, children: 0, roots: 2_000 };
}

impl Workload for Flat {
    type Prepared<T: Tool> = (T::Part, T::Part);

    fn prepare<T: Tool>(&self, tool: &T) -> (T::Part, T::Part) {
        let root = tool.part(Facts::new(Kind::Agent, "Researcher", 1), None);
        let child = tool.part(Facts::new(Kind::Tool, "search", 2), Some(&root));
        (root, child)
    }

    fn burst<T: Tool>(&self, tool: &T, (root, child): &(T::Part, T::Part)) {
        for _ in 0..self.roots {
            tool.span(None, root, Says::Nothing, |span| {
                for _ in 0..self.children {
                    tool.span(Some(span), child, self.says, |_| black_box(()));
                }
            });
        }
    }

    fn spans(&self) -> u64 {
        (self.roots * (1 + self.children)) as u64
    }
}

//! Traces of a single span.

use std::hint::black_box;

use super::Workload;
use crate::{
    facts::{Facts, Kind, Says},
    tool::Tool,
};

/// Roots that say nothing and have no children.
#[derive(Clone, Copy, Debug)]
pub struct Roots {
    /// Roots in a burst.
    pub roots: usize,
}

impl Roots {
    /// As many as make a flush weigh little.
    pub const MANY: Self = Self { roots: 2_000 };
}

impl Workload for Roots {
    type Prepared<T: Tool> = T::Part;

    fn prepare<T: Tool>(&self, tool: &T) -> T::Part {
        tool.part(Facts::new(Kind::Agent, "Researcher", 1), None)
    }

    fn burst<T: Tool>(&self, tool: &T, part: &T::Part) {
        for _ in 0..self.roots {
            tool.root(part, Says::Nothing, |_| black_box(()));
        }
    }

    fn spans(&self) -> u64 {
        self.roots as u64
    }
}

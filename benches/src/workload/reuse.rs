//! Calls that go through the same method of the same component again.

use std::hint::black_box;

use super::Workload;
use crate::{
    facts::{Facts, Kind, Says},
    tool::Tool,
};

/// Roots inside which the same component and method is called again; only a tool that knows
/// components can see that this is one operation.
#[derive(Clone, Copy, Debug)]
pub struct Reuse {
    /// Calls inside each root.
    pub calls: usize,
    /// Roots in a burst.
    pub roots: usize,
}

impl Workload for Reuse {
    type Prepared<T: Tool> = T::Part;

    fn prepare<T: Tool>(&self, tool: &T) -> T::Part {
        tool.part(Facts::new(Kind::Agent, "Researcher", 1), None)
    }

    fn burst<T: Tool>(&self, tool: &T, part: &T::Part) {
        for _ in 0..self.roots {
            tool.root(part, Says::Four, |span| {
                for _ in 0..self.calls {
                    tool.child(span, part, Says::Nothing, |_| black_box(()));
                }
            });
        }
    }

    /// The roots alone.
    fn spans(&self) -> u64 {
        self.roots as u64
    }

    fn operations(&self) -> u64 {
        (self.roots * (1 + self.calls)) as u64
    }
}

//! W1: a pipeline, its three agents, and three tools of each.

use std::{
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::Workload;
use crate::{
    facts::{Facts, Kind, Says},
    tool::Tool,
};

/// Agents of a pipeline, and tools of an agent.
const BRANCHES: usize = 3;

/// The components of one tree.
#[derive(Debug)]
pub struct Tree<T: Tool> {
    pub(super) pipeline: T::Part,
    pub(super) agents: [Agent<T>; BRANCHES],
}

#[derive(Debug)]
pub(super) struct Agent<T: Tool> {
    pub(super) part: T::Part,
    pub(super) tools: [T::Part; BRANCHES],
}

/// Number of spans in a tree.
pub const SPANS_A_TREE: u64 = (1 + BRANCHES + BRANCHES * BRANCHES) as u64;

impl<T: Tool> Tree<T> {
    /// The components of the tree of that number; only the first has the plain names.
    pub fn new(tool: &T, number: usize) -> Self {
        let pipeline = part(tool, Kind::Pipeline, "ReportPipeline", number, None);
        let agents = ["Planner", "Researcher", "Writer"].map(|name| {
            let agent = part(tool, Kind::Agent, name, number, Some(&pipeline));
            let tools = ["search", "read_page", "summarize"]
                .map(|name| part(tool, Kind::Tool, name, number, Some(&agent)));
            Agent { part: agent, tools }
        });
        Self { pipeline, agents }
    }

    /// Runs it once.
    #[inline]
    pub fn run(&self, tool: &T, says: Says) {
        tool.span(None, &self.pipeline, says, |pipeline| {
            for Agent { part, tools } in &self.agents {
                tool.span(Some(pipeline), part, says, |agent| {
                    for part in tools {
                        tool.span(Some(agent), part, says, |_| black_box(()));
                    }
                });
            }
        });
    }
}

fn part<T: Tool>(
    tool: &T,
    kind: Kind,
    name: &'static str,
    number: usize,
    parent: Option<&T::Part>,
) -> T::Part {
    let name = match number {
        0 => name,
        // There are as many as the workload has components, and they are needed to its end.
        _ => String::leak(format!("{name}{number}")),
    };
    tool.part(Facts::new(kind, name, number), parent)
}

/// Trees, one after another.
#[derive(Clone, Copy, Debug)]
pub struct Trees {
    /// Attributes of each span.
    pub says: Says,
    /// Number of different trees, each of components of its own.
    pub trees: usize,
    /// Number of trees that run in a burst.
    pub runs: usize,
}

impl Trees {
    /// One tree, over and over: enough for a flush to weigh little.
    pub const W1: Self = Self { says: Says::Four, trees: 1, runs: 400 };

    /// W1, two of the attributes set while the span runs. Fewer of them: for fastrace, what is set
    /// late takes a place in its queue of its own.
    pub const LATE: Self = Self { says: Says::Late, runs: 250, ..Self::W1 };

    /// W1, two strings made at run time.
    pub const STRINGS: Self = Self { says: Says::Strings, ..Self::W1 };
}

/// The trees, and which is next.
#[derive(Debug)]
pub struct Prepared<T: Tool> {
    trees: Vec<Tree<T>>,
    next: AtomicUsize,
}

impl Workload for Trees {
    type Prepared<T: Tool> = Prepared<T>;

    fn prepare<T: Tool>(&self, tool: &T) -> Prepared<T> {
        let trees = (0..self.trees).map(|number| Tree::new(tool, number)).collect();
        Prepared { trees, next: 0.into() }
    }

    fn burst<T: Tool>(&self, tool: &T, prepared: &Prepared<T>) {
        let next = prepared.next.fetch_add(self.runs, Ordering::Relaxed);
        for number in next..next + self.runs {
            prepared.trees[number % self.trees].run(tool, self.says);
        }
    }

    fn spans(&self) -> u64 {
        self.runs as u64 * SPANS_A_TREE
    }
}

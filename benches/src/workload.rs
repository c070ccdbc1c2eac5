//! The work that is traced, the same for every tool.
//!
//! W1 is a tree: a pipeline, its three agents, and three tools of each.

use std::hint::black_box;

use tokio::task;

use crate::{
    facts::{Facts, Kind, Says},
    tool::{AsyncTool, Part as _, Tool},
};

/// Agents of a pipeline, and tools of an agent.
const BRANCHES: usize = 3;

/// Number of spans in a tree.
pub const SPANS_A_TREE: u64 = (1 + BRANCHES + BRANCHES * BRANCHES) as u64;

/// The components of one tree.
#[derive(Debug)]
pub struct Tree<T: Tool> {
    pipeline: T::Part,
    agents: [(T::Part, [T::Part; BRANCHES]); BRANCHES],
}

impl<T: Tool> Tree<T> {
    /// Prepares the tree of that number; only the first has the plain names.
    pub fn new(number: usize) -> Self {
        let part = |kind, name: &'static str, parent: Option<&T::Part>| {
            let name = match number {
                0 => name,
                // There are as many as there are components, and they are needed to the end.
                _ => String::leak(format!("{name}{number}")),
            };
            T::Part::new(Facts::new(kind, name, number), parent)
        };
        let pipeline = part(Kind::Pipeline, "ReportPipeline", None);
        let agents = ["Planner", "Researcher", "Writer"].map(|name| {
            let agent = part(Kind::Agent, name, Some(&pipeline));
            let tools = ["search", "read_page", "summarize"]
                .map(|name| part(Kind::Tool, name, Some(&agent)));
            (agent, tools)
        });
        Self { pipeline, agents }
    }

    /// Runs it once.
    #[inline]
    pub fn run(&self, tool: &T, says: Says) {
        tool.span(None, &self.pipeline, says, |pipeline| {
            for (part, tools) in &self.agents {
                tool.span(Some(pipeline), part, says, |agent| {
                    for part in tools {
                        tool.span(Some(agent), part, says, |_| black_box(()));
                    }
                });
            }
        });
    }
}

impl<T: AsyncTool> Tree<T> {
    /// Runs it once as futures: the agents are spawned, and each tool waits once. Tasks own what
    /// they use or have it for ever.
    pub async fn run_as_futures(&'static self, tool: &'static T) {
        let work = async move {
            let agents = self.agents.each_ref().map(|(part, tools)| {
                task::spawn(tool.task(false, part, async move {
                    for part in tools {
                        tool.task(false, part, task::yield_now()).await;
                    }
                }))
            });
            for agent in agents {
                // It ends by itself, or not at all.
                let _ = agent.await;
            }
        };
        tool.task(true, &self.pipeline, work).await;
    }
}

//! W1 as futures: the agents are spawned, and each tool waits once.

use tokio::task;

use super::trees::{Agent, Tree};
use crate::tool::AsyncTool;

/// One tree of futures after another.
#[derive(Debug)]
pub struct FutureTrees<T: AsyncTool> {
    tool: &'static T,
    tree: &'static Tree<T>,
}

impl<T: AsyncTool> FutureTrees<T> {
    /// Number of trees in a burst.
    pub const RUNS: usize = 200;

    /// Prepares the tree. Tasks must own what they use or have it for ever: there is one of these
    /// in a process, and it lives as long.
    pub fn new(tool: T) -> Self {
        let tool: &'static T = Box::leak(Box::new(tool));
        Self { tool, tree: Box::leak(Box::new(Tree::new(tool, 0))) }
    }

    /// The tool that traces.
    pub fn tool(&self) -> &'static T {
        self.tool
    }

    /// Runs the trees of a burst, one after another.
    pub async fn burst(&self) {
        for _ in 0..Self::RUNS {
            self.once().await;
        }
    }

    /// Runs one tree.
    pub async fn once(&self) {
        run(self.tool, self.tree).await;
    }
}

async fn run<T: AsyncTool>(tool: &'static T, tree: &'static Tree<T>) {
    let work = async move {
        let agents = tree.agents.each_ref().map(|agent| {
            let Agent { part, tools } = agent;
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
    tool.task(true, &tree.pipeline, work).await;
}

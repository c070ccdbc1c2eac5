//! Tools of sources, which are asked before each turn.

use std::sync::Arc;

use raaf_trace_core::{Traceable as _, Value, keys};

use super::Run;
use crate::{
    agent::Agent,
    runner::RunErrorKind,
    tool::{Tool, ToolError},
};

impl Run<'_> {
    /// Asks the agent's sources for tools, and returns the agent with them if they have changed. `sourced`
    /// has those of each source that it returned before.
    pub(super) async fn ask_sources(
        &mut self,
        agent: &Agent,
        sourced: &mut Vec<Vec<Arc<dyn Tool>>>,
    ) -> Result<Option<Agent>, RunErrorKind> {
        if agent.sources().is_empty() {
            return Ok(None);
        }
        for (place, source) in agent.sources().iter().enumerate() {
            match (source.tools().await, sourced.get_mut(place)) {
                (Ok(tools), Some(known)) => *known = tools,
                (Ok(tools), None) => sourced.push(tools),
                // The tools say themselves what is wrong when they are called.
                (Err(_), Some(_)) => {}
                (Err(source_error), None) => {
                    let tool = source.name().to_owned();
                    let error = ToolError::Failed { tool, source: source_error };
                    return Err(RunErrorKind::Tool(error));
                }
            }
        }
        let changed = agent.with_sourced(sourced.iter().flatten().cloned());
        // A tool that is gone and one that has come back in its place may have the same specification.
        let offered = |agent: &Agent| {
            let tools = agent.sourced().iter();
            let offer =
                |tool: &Arc<dyn Tool>| (tool.spec().clone(), tool.is_enabled(&self.context));
            tools.map(offer).collect::<Vec<_>>()
        };
        if offered(agent) == offered(&changed) {
            return Ok(None);
        }
        if let Some(span) = agent.current_span() {
            let names: Vec<_> = changed.tools().iter().map(|tool| &*tool.spec().name).collect();
            span.set_attribute(keys::AGENT_TOOLS_COUNT, names.len());
            span.set_attribute(keys::AGENT_TOOLS, Value::json(&names));
        }
        // They are offered anew, since a tool may have changed but for its name.
        self.state.request.tools.clear();
        Ok(Some(changed))
    }
}

//! Sources of tools.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;

use super::Tool;

/// Tools that may change while an agent runs, such as those of an MCP server.
///
/// An agent with a [source](crate::AgentBuilder::tool_source) asks it before each turn, in the span of the
/// agent. The tools that it returns can be called in that turn; if the agent has a tool of its own with the
/// same name, that one is called.
///
/// # Examples
///
/// ```
/// use std::{error::Error, sync::Arc};
///
/// use raaf_agents::{Agent, FunctionTool, Reply, ScriptedModel, Tool, ToolSource};
/// use serde_json::json;
///
/// struct Plugins;
///
/// #[async_trait::async_trait]
/// impl ToolSource for Plugins {
///     fn name(&self) -> &str {
///         "plugins"
///     }
///     async fn tools(&self) -> Result<Vec<Arc<dyn Tool>>, Box<dyn Error + Send + Sync>> {
///         let tide = FunctionTool::infallible("tide", "Returns the tide.", |(): ()| async { "high" });
///         Ok(vec![Arc::new(tide)])
///     }
/// }
///
/// let model = ScriptedModel::new("scripted", [Reply::call("tide", json!({})), Reply::text("High.")]);
/// let pilot = Agent::builder("Pilot", model).tool_source(Plugins).build();
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// assert_eq!(pilot.run("How is the tide?").await?.output, "High.");
/// # Ok::<(), raaf_agents::RunError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[async_trait]
pub trait ToolSource: Send + Sync {
    /// Returns the name of the source, for errors.
    fn name(&self) -> &str;

    /// Returns the tools on offer.
    ///
    /// # Errors
    ///
    /// If the tools are unavailable. The run then goes on with the tools of the turn before, or fails if it
    /// has had no tools of this source so far.
    async fn tools(&self) -> Result<Vec<Arc<dyn Tool>>, Box<dyn Error + Send + Sync>>;
}

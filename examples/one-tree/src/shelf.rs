//! An agent of rig, with a tool that runs traced code of ours.

use std::convert::Infallible;

use raaf_trace_core::traced;
use reqwest_middleware::ClientWithMiddleware;
use rig_agent::{
    Agent, AgentBuilder,
    tool::{Tool, ToolContext},
};
use rig_core::{DynModel, operation::Completion, providers::openai::OpenAIConfig};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::Http;

/// Arguments of the tool `count`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Count {
    /// The thing to count.
    item: String,
}

/// Tool of rig that counts the things on the shelf.
#[derive(Debug)]
pub struct CountTool;

impl Tool for CountTool {
    const NAME: &'static str = "count";
    type Args = Count;
    type Output = usize;
    type Error = Infallible;

    fn description(&self) -> String {
        "Counts the things of a kind.".to_owned()
    }

    fn parameters(&self) -> serde_json::Value {
        schemars::schema_for!(Count).to_value()
    }

    async fn call(&self, _: &mut ToolContext, arguments: Count) -> Result<usize, Infallible> {
        Ok(count(&arguments.item))
    }
}

#[traced(component = "Shelf", with(item))]
fn count(item: &str) -> usize {
    ["lamps", "kettles", "lamps"].iter().filter(|found| **found == item).count()
}

/// Creates a client of a model behind `url`.
pub fn model(client: ClientWithMiddleware, url: &str) -> impl Into<DynModel<Completion>> + use<> {
    let config = OpenAIConfig::new("no key").with_base_url(format!("{url}/v1"));
    config.connect(Http::new(client)).chat("small-1")
}

/// Creates the agent, with a model behind `url`.
pub fn agent(client: ClientWithMiddleware, url: &str) -> Agent {
    AgentBuilder::new(model(client, url))
        .name("Keeper")
        .preamble("You know what is on the shelf.")
        .default_max_turns(2)
        .tool(CountTool)
        .build()
}

//! States that were damaged, changed or are resumed twice, and stores that fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

mod changed;
mod damaged;
#[path = "../journal/mod.rs"]
mod journal;
mod journals;
mod passed_on;
#[path = "../ran/mod.rs"]
mod ran;
mod sessions;

use std::time::Duration;

use raaf_agents::{
    Agent, Approval, FunctionTool, PipelineState, RetryPolicy, RunContext, ToolError,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use journal::{Planned, turn};
use ran::Ran;

impl Ran {
    fn tool(&self, name: &'static str) -> FunctionTool {
        let ran = self.clone();
        FunctionTool::with_context(name, "Does it.", move |context: RunContext, (): ()| {
            ran.add(context.idempotency_key().unwrap_or_else(|| name.to_owned()));
            async move { Ok::<_, ToolError>(format!("{name} did it")) }
        })
    }

    fn asking(&self, name: &'static str) -> FunctionTool {
        self.tool(name).with_approval(Approval::always())
    }
}

/// A model that makes these calls, and then answers with the number of messages.
fn model(calls: &[&str]) -> Planned {
    let of_agent = |name: &str| name.starts_with("ask");
    let arguments = |name| if of_agent(name) { json!({ "input": "x" }) } else { json!({}) };
    let calls: Vec<_> = calls.iter().map(|name| (*name, arguments(name))).collect();
    Planned(vec![turn(&calls)])
}

fn clerk(name: &str, ran: &Ran) -> Agent {
    Agent::builder(name, model(&["send"])).tool(ran.asking("send")).build()
}

fn through_json<T: Serialize + DeserializeOwned>(state: &T) -> T {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

fn approve(state: &mut PipelineState) {
    for call in state.pending() {
        state.approve(&call.key).unwrap();
    }
}

fn at_once(retries: u32) -> RetryPolicy {
    RetryPolicy::new(retries).with_delays(Duration::ZERO, Duration::ZERO)
}

//! One agent hands off a conversation to another.
//!
//! Run it with `cargo run --example handoff`.
//!
//! The first agent looks up an order and hands off to an agent that handles refunds. That agent
//! receives the messages of the conversation, but not the tool results. Both are children of the
//! run.

use std::error::Error;

use raaf_agents::{Agent, FunctionTool, Handoff, Message, ModelRequest, Reply, ScriptedModel};
use raaf_processors::ConsoleSink;
use raaf_trace_core::TracerProvider;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
struct Order {
    /// The order's number.
    number: u32,
}

fn agents() -> Agent {
    let refunds = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let seen: Vec<_> = request.messages.iter().map(Message::text).collect();
        format!("I was told {seen:?}, and have sent the money.")
    });
    let refunds = Agent::builder("Refunds", refunds)
        .instructions("Refund what was paid for a faulty order.")
        .build();

    let look_up = FunctionTool::new("look_up", "Looks an order up.", |order: Order| async move {
        if order.number == 7 { Ok("one lamp, delivered broken") } else { Err("no such order") }
    });
    let triage = ScriptedModel::new(
        "scripted",
        [
            Reply::call("look_up", json!({ "number": 7 })),
            Reply::call("transfer_to_refunds", json!({})),
        ],
    );
    Agent::builder("Triage", triage)
        .instructions("Find out what is wrong, and hand over to whoever can help.")
        .tool(look_up)
        .handoff(Handoff::to(&refunds).description("For faulty orders.").without_tool_messages())
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let result = agents().run("The lamp I ordered came broken.").await?;
    println!("{}: {}", result.agent, result.output);
    for (agent, usage) in &result.usage_by_agent {
        println!("{agent} used {} tokens", usage.total_tokens());
    }
    Ok(())
}

//! Diagrams of agents and pipelines: as a tree of text and for Mermaid.
//!
//! Run it with `cargo run --example diagram`. Nothing is run: a diagram shows what was built.

use std::{error::Error, time::Duration};

use raaf_agents::{
    Agent, AgentBuilder, Approval, FlowExt as _, FunctionTool, Guardrail, Handoff, Pipeline,
    ScriptedModel, State, Verdict, service,
};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Order {
    /// The number of the order.
    number: u32,
}

fn agent(name: &str) -> AgentBuilder {
    Agent::builder(name, ScriptedModel::new("scripted", ["…"]))
}

/// Answers, or hands over to an agent that refunds, which can hand back.
fn support() -> Agent {
    let polite = Guardrail::new("polite", |_| async { Verdict::pass() });
    let look_up =
        FunctionTool::infallible("look_up", "Looks an order up.", |order: Order| async move {
            format!("order {} was sent today", order.number)
        });
    let refund =
        FunctionTool::infallible("refund", "Refunds an order.", |order: Order| async move {
            format!("order {} is refunded", order.number)
        });
    let billing = agent("Billing")
        .tool(refund.with_approval(Approval::always()))
        .handoff(Handoff::later("Support", support))
        .build();
    agent("Support")
        .input_guardrail(polite)
        .tool(look_up)
        .tool(agent("Translator").build().as_tool("translate", "Translates the answer."))
        .handoff(billing)
        .build()
}

/// Reads a letter, sorts it while the customer is looked up, and answers.
fn desk() -> Result<Pipeline, Box<dyn Error>> {
    let step = |name| service(name, |state: State| async move { Ok(state) });
    let sorter = agent("Sorter").build();
    let pipeline = (step("scan").timeout(Duration::from_secs(30)).retry(2)
        >> (sorter.reads("letter").writes("topic") | step("find_customer"))
        >> support().reads(["letter", "topic"]).writes("answer")
        >> step("archive").run_if("the customer agrees", |state| state.contains("consent")))
    .named("Desk")
    .build()?;
    Ok(pipeline)
}

fn main() -> Result<(), Box<dyn Error>> {
    let diagram = desk()?.diagram();
    println!("{diagram}");
    print!("{}", diagram.to_mermaid()); // `to_dot` writes it for Graphviz
    Ok(())
}

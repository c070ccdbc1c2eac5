//! An agent that calls other agents as tools.
//!
//! Run it with `cargo run --example agent_as_tool`.
//!
//! Unlike in a hand-off, the calling agent stays in charge. The two translators run in parallel.
//! Each is a child of the tool call that started it, and its token usage is counted once in the
//! total.

use std::error::Error;

use raaf_agents::{Agent, Message, ModelRequest, Reply, ScriptedModel, ToolResult};
use raaf_processors::ConsoleSink;
use raaf_trace_core::TracerProvider;
use serde_json::json;

fn translator(name: &str, translation: &'static str) -> Agent {
    Agent::builder(name, ScriptedModel::from_fn("scripted", move |_: &_| translation)).build()
}

fn editor() -> Agent {
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let answers = request.messages.iter().flat_map(Message::tool_results);
        let answers: Vec<_> = answers.map(ToolResult::text).collect();
        if answers.is_empty() {
            let input = json!({ "input": request.last_user_text() });
            Reply::calls([("to_french", input.clone()), ("to_german", input)])
        } else {
            Reply::text(answers.join(" / "))
        }
    });
    let french = translator("French", "Bonjour.");
    let german = translator("German", "Guten Tag.");
    Agent::builder("Editor", model)
        .tool(french.as_tool("to_french", "Translates into French."))
        .tool(german.as_tool("to_german", "Translates into German."))
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let result = editor().run("Good day.").await?;
    println!("{}", result.output);
    for (agent, usage) in &result.usage_by_agent {
        println!("{agent} used {} tokens", usage.total_tokens());
    }
    println!("all of them {}", result.usage.total_tokens());
    Ok(())
}

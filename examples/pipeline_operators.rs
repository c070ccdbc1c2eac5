//! A pipeline written with operators: `a >> (b | c) >> d`.
//!
//! Run it with `cargo run --example pipeline_operators`.
//!
//! `>>` runs agents, tools and plain async functions in sequence, and `|` runs them in parallel.
//! Each branch works on a copy of the state; keys that several branches wrote are merged by the
//! declared strategy. Missing inputs are found before anything runs.

use std::error::Error;

use raaf_agents::{
    Agent, FlowExt as _, FunctionTool, Merge, ModelRequest, ScriptedModel, State, step,
};
use raaf_processors::ConsoleSink;
use raaf_trace_core::TracerProvider;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
struct Letter {
    /// The text to look at.
    letter: String,
}

/// An agent with a model that answers from the text it is given.
fn agent(name: &str, answer: fn(&str) -> String) -> Agent {
    let model = ScriptedModel::from_fn("scripted", move |request: &ModelRequest| {
        answer(&request.last_user_text())
    });
    Agent::builder(name, model).build()
}

/// Looks for a number, and notes it in a list.
async fn find_order(state: State) -> Result<State, Box<dyn Error + Send + Sync>> {
    let number = state.text("letter")?.split_whitespace().find_map(|word| word.strip_prefix('#'));
    let note = format!("order {}", number.unwrap_or("unknown"));
    Ok(state.with("notes", json!([note])))
}

/// Its note goes into the same list.
async fn find_mood(state: State) -> Result<State, Box<dyn Error + Send + Sync>> {
    let mood = if state.text("letter")?.contains('!') { "upset" } else { "calm" };
    Ok(state.with("notes", json!([mood])))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let count = FunctionTool::infallible("count", "Counts words.", |args: Letter| async move {
        args.letter.split_whitespace().count()
    });
    let sorter = agent("Sorter", |letter| {
        let topic = if letter.contains("cold") { "kitchen" } else { "other" };
        topic.to_owned()
    });
    let writer = agent("Writer", |notes| format!("Dear guest,\n{notes}"));

    let findings = (step(find_order).requires("letter").provides("notes")
        | step(find_mood).requires("letter").provides("notes"))
    .merge(Merge::Append);
    let pipeline = (count
        >> (sorter.reads("letter").writes("topic") | findings)
        >> writer.reads(["topic", "notes"]).writes("answer"))
    .named("Letters")
    .takes("letter")
    .build()?;

    let letter = "The soup of order #17 was cold. Never again!";
    let state = pipeline.run(State::new().with("letter", letter)).await?;
    println!("{} words, notes {}", state.get::<u32>("count")?, state.value("notes")?);
    println!("{}", state.text("answer")?);

    let eager = agent("Writer", str::to_owned).reads("notes");
    if let Err(error) = eager.named("Hasty").takes("letter").build() {
        println!("{error}");
    }
    Ok(())
}

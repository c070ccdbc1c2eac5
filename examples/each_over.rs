//! One step for each item of a list, with bounded concurrency; one failure does not end the run.
//!
//! Run it with `cargo run --example each_over`.
//!
//! `each_over` gives the step a copy of the state for each item, and collects the results in a
//! list. A failure is recorded beside the results, and in the trace only that item's span fails.

use std::error::Error;

use raaf_agents::{Agent, FlowExt as _, ModelRequest, ScriptedModel, State, service};
use raaf_processors::ConsoleSink;
use raaf_trace_core::TracerProvider;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Failure {
    index: usize,
    error: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let weigh = service("Weigh", |state: State| async move {
        let (item, grams) = state.text("line")?.split_once(' ').ok_or("there is no weight")?;
        let grams: u32 = grams.parse()?;
        let said = format!("{item} of {grams} g");
        Ok(state.with("parcel", said))
    });
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        format!("Fragile: {}", request.last_user_text())
    });
    let labeller = Agent::builder("Labeller", model).build().reads("parcel").writes("label");

    let pipeline = (weigh.requires("line").provides("parcel") >> labeller)
        .each_over("lines")
        .item("line")
        .into_key("labels")
        .concurrency(2)
        .named("Parcels")
        .takes("lines")
        .build()?;

    let lines = json!(["vase 900", "mirror heavy", "cup 250"]);
    let state = pipeline.run(State::new().with("lines", lines)).await?;
    for (place, label) in state.get::<Vec<Option<String>>>("labels")?.iter().enumerate() {
        println!("{place}: {}", label.as_deref().unwrap_or("(none)"));
    }
    for failure in state.get::<Vec<Failure>>("labels_errors")? {
        println!("{} failed: {}", failure.index, failure.error);
    }
    Ok(())
}

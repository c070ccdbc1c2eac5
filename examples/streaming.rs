//! A streamed answer, in a span that lasts until the stream ends or is dropped.
//!
//! Run it with `cargo run --example streaming`.

use std::{error::Error, io::Write as _};

use futures::StreamExt as _;
use raaf_agents::{Message, ModelChunk, ModelError, ModelRequest, ScriptedModel, TracedModel};
use raaf_processors::ConsoleSink;
use raaf_trace_core::{TracerProvider, trace};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    let verses = ["The tide comes in, the tide goes out.", "And then it comes in once again."];
    let model = TracedModel::new(ScriptedModel::new("scripted", verses));
    let request = ModelRequest::new([Message::user("Something about the sea, please.")]);

    trace("two verses").try_in_span(recite(&model, &request)).await?;
    Ok(())
}

async fn recite(model: &TracedModel, request: &ModelRequest) -> Result<(), Box<dyn Error>> {
    let mut whole = model.stream(request);
    while let Some(chunk) = whole.next().await {
        match chunk? {
            ModelChunk::Text(words) => print(&words)?,
            ModelChunk::Done(answer) => println!(" [{} tokens]", answer.usage.total_tokens()),
            _ => {}
        }
    }

    // The stream is dropped here: the model is told to stop, and its span ends as cancelled.
    let beginning: Vec<Result<ModelChunk, ModelError>> =
        model.stream(request).take(3).collect().await;
    println!("that is enough after {} pieces", beginning.len());
    Ok(())
}

fn print(words: &str) -> std::io::Result<()> {
    print!("{words}");
    std::io::stdout().flush()
}

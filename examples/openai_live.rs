//! A real model with a tool, and a streamed answer.
//!
//! `OPENAI_API_KEY` selects OpenAI's own server; `OPENAI_BASE_URL` selects another server with Chat
//! Completions, such as `http://localhost:11434/v1` for Ollama. `OPENAI_MODEL` chooses the model.
//! Without the first two, the example reports that and ends.
//!
//! Run it with `OPENAI_API_KEY=… cargo run --example openai_live`.

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    iter,
    process::ExitCode,
};

use futures::StreamExt as _;
use raaf_agents::{Agent, FunctionTool, OpenAiModel, RunEvent, Runner, openai::ConfigError};
use raaf_processors::ConsoleSink;
use raaf_trace_core::{TracerProvider, trace};
use schemars::JsonSchema;
use serde::Deserialize;

/// Small, and good enough for one tool. On another server the same name means nothing.
const MODEL: &str = "gpt-4o-mini";

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Deserialize, JsonSchema)]
struct Place {
    /// A port, such as "Brest".
    port: String,
}

fn pilot(model: OpenAiModel) -> Agent {
    let high_water = FunctionTool::new(
        "high_water",
        "Tells when the tide is highest in a port today.",
        |place: Place| async move {
            match place.port.as_str() {
                "Brest" => Ok("06:12 and 18:37"),
                "Hamburg" => Ok("03:05 and 15:31"),
                _ => Err("there is a table for Brest and for Hamburg only"),
            }
        },
    );
    Agent::builder("Pilot", model)
        .instructions("Answer in one sentence, from the tables.")
        .tool(high_water)
        .build()
}

async fn ask(agent: &Agent, question: &str) -> Result<(), Failure> {
    let mut run = Runner::new().stream(agent, question);
    while let Some(event) = run.next().await {
        match event? {
            RunEvent::TextDelta { text, .. } => {
                print!("{text}");
                io::stdout().flush()?;
            }
            RunEvent::ToolCall { call, .. } => println!("{}({})", call.name, call.arguments),
            RunEvent::ToolResult { content, .. } => println!("  {content}"),
            RunEvent::Done(result) => {
                println!("\n{} turns, {} tokens", result.turns, result.usage.total_tokens());
            }
            _ => {}
        }
    }
    Ok(())
}

async fn run() -> Result<(), Failure> {
    let name = env::var("OPENAI_MODEL").unwrap_or_else(|_| MODEL.to_owned());
    let model = match OpenAiModel::from_env(name) {
        Ok(model) => model,
        Err(ConfigError::MissingKey) => {
            println!("skipped: set OPENAI_API_KEY or OPENAI_BASE_URL to ask a real model");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;
    // The tree is printed when its trace ends, which is after the last piece of the answer here.
    trace("tides").try_in_span(ask(&pilot(model), "When is high water in Brest?")).await
}

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else { return ExitCode::SUCCESS };
    let error: &(dyn Error + 'static) = &*error;
    let causes = iter::successors(Some(error), |cause| (**cause).source());
    let told: Vec<_> = causes.map(ToString::to_string).collect();
    eprintln!("{}", told.join(": "));
    ExitCode::FAILURE
}

//! An agent on a real model: any server that speaks `OpenAI`'s Chat Completions.
//!
//! Run it with `cargo run --example openai_live`. It goes by `OPENAI_API_KEY`, `OPENAI_BASE_URL` and
//! `OPENAI_MODEL`; where they name no server it says so, and does nothing.

use std::{env, error::Error, io::Write as _, time::Duration};

use futures::StreamExt as _;
use raaf_agents::{
    Agent, Description, FunctionTool, OpenAiModel, RunConfig, RunEvent, Runner, openai::ConfigError,
};
use raaf_processors::ConsoleSink;
use raaf_trace_core::TracerProvider;
use schemars::JsonSchema;
use serde::Deserialize;

/// Tells when the sun rises on a day of the year.
#[derive(Deserialize, JsonSchema)]
struct Sunrise {
    /// The day, from 1.
    day: u16,
}

/// In the middle of the temperate zone, and about right.
async fn sunrise(sunrise: Sunrise) -> Result<String, &'static str> {
    if !(1..=366).contains(&sunrise.day) {
        return Err("a year has no such day");
    }
    let angle = (f64::from(sunrise.day) + 10.0) / 365.0 * std::f64::consts::TAU;
    let minutes = (6.0 + 2.0 * angle.cos()) * 60.0;
    Ok(format!("{:02}:{:02}", minutes as u32 / 60, minutes as u32 % 60))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::var("OPENAI_MODEL").unwrap_or_else(|_| "gpt-4o-mini".to_owned());
    let model = match OpenAiModel::from_env(name) {
        Ok(model) => model,
        Err(ConfigError::MissingKey) => {
            println!("skipped: {}", ConfigError::MissingKey);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let _tracing = TracerProvider::builder().processor(ConsoleSink::new()).init()?;

    let agent = Agent::builder("Almanac", model)
        .instructions("Answer in one sentence. Ask the tool, do not guess.")
        .tool(FunctionTool::new("sunrise", Description::FromDocs, sunrise))
        .build();
    let config = RunConfig::new().workflow_name("sunrise").deadline(Duration::from_secs(60));
    let runner = Runner::new().with_config(config);
    let mut run = runner.stream(&agent, "When does the sun rise on the 172nd day of the year?");
    while let Some(event) = run.next().await {
        match event? {
            RunEvent::ToolCall { call, .. } => println!("[{} {}]", call.name, call.arguments),
            RunEvent::TextDelta { text, .. } => {
                print!("{text}");
                std::io::stdout().flush()?;
            }
            RunEvent::Done(result) => println!("\n{} tokens", result.usage.total_tokens()),
            _ => {}
        }
    }
    Ok(())
}

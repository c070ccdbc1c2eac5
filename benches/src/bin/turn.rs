//! Turns of an agent for a tool that counts instructions; `turn.sh` runs it.
//!
//! Takes `traced` or `untraced`, and the number of tool calls of a run. Prints how many turns
//! `count_here` takes.

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use raaf_agents::{
    Agent, FunctionTool, Message, Model, ModelError, ModelRequest, ModelResponse, Runner, ToolCall,
    Usage,
};
use raaf_trace_core::{
    FinishedSpan, SpanExporter, TracerProvider,
    sink::{BatchProcessor, ExportError},
};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// Runs between two flushes.
const BURST: usize = 50;

/// Bursts before anything is counted: enough to fill all pools.
const WARM_UP: usize = 4;

/// Bursts that are counted.
const COUNTED: usize = 8;

/// Time for a flush.
const LONG: Duration = Duration::from_secs(60);

/// A model that costs nothing but copies of its responses.
struct Script {
    at: AtomicUsize,
    responses: Vec<ModelResponse>,
}

impl Script {
    /// Creates a model that calls the tool so many times, and then answers.
    fn new(calls: usize) -> Self {
        let call = |number: usize| {
            let query = json!({"query": "how high is the tower of the town hall"});
            let call = ToolCall::new(format!("call_{number}"), "search", &query);
            let response = ModelResponse::new(Message::calls([call]));
            response.with_usage(Usage::new(120, 20)).with_id(format!("r{number}"))
        };
        let answer = Message::assistant("The tower is 87 metres high, and was built in 1897.");
        let answer = ModelResponse::new(answer).with_usage(Usage::new(200, 12)).with_id("last");
        let responses = (0..calls).map(call).chain([answer]).collect();
        Self { at: AtomicUsize::new(0), responses }
    }
}

#[async_trait]
impl Model for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    async fn respond(&self, _: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let at = self.at.fetch_add(1, Ordering::Relaxed) % self.responses.len();
        Ok(self.responses[at].clone())
    }
}

/// An exporter that drops what it receives.
#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    fn name(&self) -> &'static str {
        "nowhere"
    }

    fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let is_traced = match arguments.next().as_deref() {
        Some("traced") => true,
        Some("untraced") => false,
        _ => return Err("usage: turn traced|untraced CALLS".into()),
    };
    let calls: usize = arguments.next().ok_or("the number of calls is missing")?.parse()?;
    let search = FunctionTool::infallible(
        "search",
        "Searches the town's pages.",
        |words: Words| async move { format!("three pages about {}", words.query) },
    );
    let agent = Agent::builder("Guide", Script::new(calls))
        .instructions("Answer from the town's pages, in one sentence.")
        .tool(search)
        .build();
    let runner = Runner::new().with_max_turns(100);
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let work = || -> Result<(), Box<dyn Error>> {
        for burst in 0..WARM_UP + COUNTED {
            if burst < WARM_UP {
                run(&runtime, &runner, &agent)?;
            } else {
                count_here(&runtime, &runner, &agent)?;
            }
            raaf_trace_core::provider::global_provider().force_flush(LONG)?;
        }
        Ok(())
    };
    if is_traced {
        let guard = TracerProvider::builder().with(BatchProcessor::new(Nowhere)).init()?;
        work()?;
        guard.shutdown()?;
    } else {
        work()?;
    }
    writeln!(io::stdout(), "{}", COUNTED * BURST * (calls + 1))?;
    Ok(())
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Words {
    query: String,
}

fn run(runtime: &Runtime, runner: &Runner, agent: &Agent) -> Result<(), Box<dyn Error>> {
    for _ in 0..BURST {
        runtime.block_on(runner.run(agent, "How high is the tower?"))?;
    }
    Ok(())
}

/// Runs the counted work: the turns, without delivery.
#[inline(never)]
fn count_here(runtime: &Runtime, runner: &Runner, agent: &Agent) -> Result<(), Box<dyn Error>> {
    run(runtime, runner, agent)
}

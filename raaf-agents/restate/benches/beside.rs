//! Three agents with two tools each, with and without the engine, side by side in one run.
//!
//! `RAAF_RESTATE_SERVER=install cargo bench --manifest-path raaf-agents/restate/Cargo.toml`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a run that cannot go on ends here")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "prints its results")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]
#![allow(missing_docs, reason = "the macro of the SDK documents nothing")]

use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use raaf_agents::{
    Agent, FunctionTool, Message, Model, ModelError, ModelRequest, ModelResponse, Runner, ToolCall,
};
use raaf_processors::FileSink;
use raaf_restate::{Durable, Failure, listen};
use raaf_trace_core::{BatchConfig, TracerProvider, provider::set_global_provider, trace};
use restate_sdk::prelude::*;
use serde_json::json;
use tokio::time::sleep;

#[allow(dead_code, reason = "tests need more of it")]
#[path = "../tests/restate/server.rs"]
mod server;

use server::Server;

struct Bench;

#[restate_sdk::service(name = "Bench")]
impl Bench {
    #[handler(name = "run")]
    async fn run(&self, ctx: Context<'_>, step: Json<u64>) -> Result<String, HandlerError> {
        let run = Durable::begin(&ctx, "Report").await?;
        let agents = agents(Duration::from_millis(step.into_inner()));
        run.complete(async {
            let mut text = "go".to_owned();
            for agent in &agents {
                text = run.run(agent.name(), agent, text).await?.output;
            }
            Ok::<_, Failure>(text)
        })
        .await
    }
}

async fn run_without_engine(step: Duration) {
    let work = async {
        let mut text = "go".to_owned();
        for agent in &agents(step) {
            text = Runner::new().run(agent, text).await.unwrap().output;
        }
    };
    trace("Report").in_span(work).await;
}

fn agents(step: Duration) -> [Agent; 3] {
    ["Planner", "Researcher", "Writer"].map(|name| {
        let tool = |name: &str| {
            FunctionTool::infallible(name, "Works.", move |(): ()| async move {
                sleep(step).await;
                "done"
            })
        };
        Agent::builder(name, Planned(step)).tool(tool("debit")).tool(tool("credit")).build()
    })
}

/// A model that calls one tool, then the other, and then answers.
struct Planned(Duration);

#[async_trait]
impl Model for Planned {
    fn name(&self) -> &str {
        "planned"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        sleep(self.0).await;
        let turn = request.messages.iter().filter(|it| it.tool_calls().count() > 0).count();
        let message = match ["debit", "credit"].get(turn) {
            Some(tool) => Message::calls([ToolCall::new("c", *tool, &json!({}))]),
            None => Message::assistant("done"),
        };
        Ok(ModelResponse::new(message))
    }
}

/// Returns the median of latencies one after the other, and the runs in a second of 16 side by side.
async fn measure(runs: usize, run: impl AsyncFn()) -> (Duration, f64) {
    run().await;
    let mut latencies = Vec::new();
    for _ in 0..runs {
        let begin = Instant::now();
        run().await;
        latencies.push(begin.elapsed());
    }
    latencies.sort();
    let begin = Instant::now();
    let all = stream::iter(0..4 * runs).map(|_| run()).buffer_unordered(16);
    all.collect::<Vec<()>>().await;
    (latencies[runs / 2], (4 * runs) as f64 / begin.elapsed().as_secs_f64())
}

#[tokio::main]
async fn main() {
    let Some(server) = Server::start().await else { return };
    let sink = FileSink::builder(server.path("traces.jsonl"));
    let sink = sink.build_with_starts(BatchConfig::default());
    set_global_provider(TracerProvider::builder().with(sink).build());
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Endpoint::builder().bind(Bench).build();
    tokio::spawn(HttpServer::new(endpoint).serve(listener));
    server.register(address).await;
    println!(
        "each call takes | latency p50: without, with | runs/s of 16 side by side: without, with"
    );
    for (step, runs) in [(0_u64, 50), (100, 10), (1000, 2)] {
        let time = Duration::from_millis(step);
        let plain = measure(runs, async || run_without_engine(time).await).await;
        let durable =
            measure(runs, async || drop(server.call("Bench/run", &json!(step), &[]).await));
        let durable = durable.await;
        let ratio = durable.0.as_secs_f64() / plain.0.as_secs_f64();
        println!(
            "{time:?} | {:.2?}, {:.2?} ({ratio:.2} times) | {:.1}, {:.1} ({:.2} times)",
            plain.0,
            durable.0,
            plain.1,
            durable.1,
            durable.1 / plain.1
        );
    }
}

//! A run that survives its process.
//!
//! Start Restate, and then this:
//!
//! ```console
//! $ npx @restatedev/restate-server@1.7
//! $ cargo run --manifest-path raaf-agents/restate/Cargo.toml --example durable
//! ```
//!
//! The program starts itself as a worker, whose handler runs two agents, and calls it. When the second
//! agent uses its tool, the worker is killed, and another one takes its place: it takes what the first one
//! did from the journal, does that step again, with the same key, and goes on. Both append to one trace
//! file, which holds one tree.

#![allow(missing_docs, reason = "the macro of the SDK documents nothing")]
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    env, fs,
    future::pending,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{self, Child, Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use raaf_agents::{Agent, FunctionTool, Message, ModelRequest, Reply, RunContext, ScriptedModel};
use raaf_processors::{
    FileSink,
    read::{Trace, TraceReader},
};
use raaf_restate::{Durable, Failure, listen};
use raaf_trace_core::{BatchConfig, TracerProvider, provider::set_global_provider};
use restate_sdk::prelude::*;
use serde_json::json;
use tokio::{net::TcpStream, time::sleep};

/// The service: its tools leave a file each in this folder, which shows when they ran.
struct Report {
    folder: PathBuf,
}

#[restate_sdk::service(
    name = "Report",
    // Restate's own retries: a worker that is gone is tried again soon.
    invocation_retry_policy(initial_interval = "50ms", max_interval = "500ms")
)]
impl Report {
    #[handler(name = "write")]
    async fn write(&self, ctx: Context<'_>, topic: String) -> Result<String, HandlerError> {
        let run = Durable::begin(&ctx, "Report").await?;
        run.complete(async {
            let plan = run.run("plan", &self.agent("Planner", "search"), topic).await?.output;
            let report = run.run("write", &self.agent("Writer", "publish"), plan).await?.output;
            Ok::<_, Failure>(report)
        })
        .await
    }
}

impl Report {
    /// An agent that calls its tool, and answers with the tool's result.
    fn agent(&self, name: &str, tool: &'static str) -> Agent {
        let model =
            ScriptedModel::from_fn("scripted", move |request: &ModelRequest| {
                match request.messages.iter().flat_map(Message::tool_results).next() {
                    None => Reply::call(tool, json!({ "value": request.last_user_text() })),
                    Some(result) => Reply::text(result.text()),
                }
            });
        let folder = self.folder.clone();
        let work = FunctionTool::with_context(
            tool,
            "Works.",
            move |context: RunContext, topic: String| {
                let begun = folder.join(tool);
                async move {
                    // With this key, a service does a request once, even if it is sent twice.
                    let key = context.idempotency_key().unwrap_or_default();
                    let run = key.split_once('/').map_or("", |(_, run)| run);
                    println!("  worker {}: {tool}, key …/{run}", process::id());
                    let is_first = !begun.exists();
                    fs::write(begun, "").map_err(|error| error.to_string())?;
                    if is_first && tool == "publish" {
                        // The first worker is killed here.
                        pending::<()>().await;
                    }
                    Ok::<_, String>(format!("{topic}, {tool}ed"))
                }
            },
        );
        Agent::builder(name, model).tool(work).build()
    }
}

/// Serves the handler, in a process of its own.
async fn work(folder: PathBuf, address: SocketAddr) -> std::io::Result<()> {
    // The start of each span is in the file, so that one that was cut short is, too.
    let sink = FileSink::builder(folder.join("traces.jsonl"));
    let sink = sink.build_with_starts(BatchConfig::default());
    set_global_provider(TracerProvider::builder().with(sink).build());
    let endpoint = Endpoint::builder().bind(Report { folder }).build();
    HttpServer::new(endpoint).serve(listen(address)?).await;
    Ok(())
}

/// A worker that ends with this program.
struct Worker(Child);

impl Worker {
    async fn start(folder: &Path, address: SocketAddr) -> anyhow::Result<Self> {
        let worker =
            Command::new(env::current_exe()?).arg(folder).arg(address.to_string()).spawn()?;
        let worker = Self(worker);
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(worker)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // SIGKILL: the worker has no time for anything.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns whether the start of a tool's span is in the trace file.
fn has_begun(folder: &Path, tool: &str) -> bool {
    let spans = fs::read_to_string(folder.join("traces.jsonl")).unwrap_or_default();
    let tool = format!("\"component\":\"{tool}\"");
    spans.lines().any(|span| span.contains("\"span_start\"") && span.contains(&tool))
}

fn setting(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [folder, address] = &arguments[..] {
        work(folder.into(), address.parse()?).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let admin = setting("RESTATE_ADMIN", "127.0.0.1:9070");
    let ingress = setting("RESTATE_INGRESS", "127.0.0.1:8080");
    let address: SocketAddr = setting("WORKER", "127.0.0.1:9080").parse()?;
    let http = reqwest::Client::new();
    if http.get(format!("http://{admin}/health")).send().await.is_err() {
        println!("start Restate first: npx @restatedev/restate-server@1.7");
        return Ok(ExitCode::FAILURE);
    }
    let folder = env::temp_dir().join(format!("raaf-durable-{}", process::id()));
    fs::create_dir_all(&folder)?;

    let worker = Worker::start(&folder, address).await?;
    let deployment = json!({ "uri": format!("http://{address}"), "force": true });
    let request = http.post(format!("http://{admin}/deployments")).json(&deployment);
    request.send().await?.error_for_status().context("the worker is not registered")?;
    let request = http.post(format!("http://{ingress}/Report/write")).json("tea");
    let call = tokio::spawn(async { request.send().await?.error_for_status()?.text().await });

    // The start of a span is in the file soon after it.
    while !has_begun(&folder, "publish") {
        ensure!(!call.is_finished(), "the call has failed: {:?}", call.await);
        sleep(Duration::from_millis(20)).await;
    }
    drop(worker);
    println!("  killed");
    let _worker = Worker::start(&folder, address).await?;
    println!("{}\n", call.await??);

    let (traces, _) = TraceReader::open(folder.join("traces.jsonl"))?.traces();
    for (depth, span) in traces.iter().flat_map(Trace::walk) {
        let status = span.status().map_or("never ended".to_owned(), |status| status.to_string());
        println!("{:2$}{} {status}", "", span.component_name(), 2 * depth);
    }
    fs::remove_dir_all(folder)?;
    Ok(ExitCode::SUCCESS)
}

//! Tools and an agent of another process, by the Model Context Protocol, in one trace.
//!
//! Run it with `cargo run --example mcp`.
//!
//! The program starts itself a second time as an MCP server, which has a tool and an agent. The clerk calls
//! both. Both processes append to one trace file, which holds one tree.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use raaf_agents::{
    Agent, FunctionTool, ModelRequest, Reply, ScriptedModel,
    mcp::{McpServer, McpService},
};
use raaf_processors::FileSink;
use raaf_testkit::{assert_coherent, read};
use raaf_trace_core::{TracerProvider, trace};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

const SERVE: &str = "serve";

#[derive(Deserialize, JsonSchema)]
struct Harbour {
    /// The harbour's name.
    name: String,
}

/// The other process: the port office.
async fn serve() -> Result<(), Box<dyn Error>> {
    let high_water = FunctionTool::infallible(
        "high_water",
        "Returns when the tide is high.",
        |harbour: Harbour| async move { format!("high water at {}: 14:20", harbour.name) },
    );
    let model =
        ScriptedModel::from_fn("scripted", |request: &ModelRequest| match request.messages.len() {
            1 => Reply::call("high_water", json!({ "name": "Wells" })),
            _ => Reply::text("Come in at 14:00, to berth 4."),
        });
    let pilot = Agent::builder("Pilot", model).tool(high_water.clone()).build();
    McpService::new("port-office").tool(high_water).agent(&pilot).serve_stdio().await?;
    Ok(())
}

/// Asks the port office.
async fn ask(traces: &Path) -> Result<(), Box<dyn Error>> {
    let office = McpServer::stdio(env::current_exe()?, [SERVE.as_ref(), traces.as_os_str()])
        .name("port-office")
        .prefix("office_")
        .connect()
        .await?;
    let model = ScriptedModel::new(
        "scripted",
        [
            Reply::call("office_high_water", json!({ "name": "Wells" })),
            Reply::call("office_pilot", json!({ "input": "May we come in?" })),
            Reply::text("We come in at 14:00, to berth 4."),
        ],
    );
    let clerk = Agent::builder("Clerk", model).tools(office.tools().await?).build();
    println!("{}", clerk.run("When can we come in?").await?.output);
    office.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let is_server = arguments.next().is_some_and(|word| word == SERVE);
    let own = env::temp_dir().join(format!("mcp-{}.jsonl", std::process::id()));
    let traces = arguments.next().map_or(own, PathBuf::from);

    let guard = TracerProvider::builder().with(FileSink::new(&traces)).init()?;
    if is_server {
        return serve().await;
    }
    trace("Arrival").try_in_span(ask(&traces)).await?;
    guard.shutdown()?;

    let spans = read::file(&traces)?.without_faults();
    assert_coherent!(spans);
    print!("{spans}");
    fs::remove_file(&traces)?;
    Ok(())
}

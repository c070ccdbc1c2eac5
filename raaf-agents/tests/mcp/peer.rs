//! Servers in processes of their own: this test program, started again.
//!
//! The test harness writes lines of its own to standard output. They are no messages, and a client skips
//! them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "pipes to the client")]

use std::{
    env,
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use raaf_agents::{
    Agent, Content, FunctionTool, Part, Reply, ScriptedModel,
    mcp::{McpServer, McpService},
};
use raaf_processors::{ConsoleMode, ConsoleSink, FileSink};
use raaf_trace_core::TracerProvider;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

const ROLE: &str = "MCP_PEER";
const TRACE: &str = "MCP_TRACE";
const NOTES: &str = "MCP_NOTES";

/// Program, arguments and environment of a server that plays a role, and keeps its spans and notes in a
/// folder.
pub(crate) fn peer_command(
    role: &str,
    folder: &Path,
) -> (PathBuf, [&'static str; 3], [(&'static str, PathBuf); 3]) {
    let program = env::current_exe().unwrap();
    let environment =
        [(ROLE, role.into()), (TRACE, folder.join("spans.jsonl")), (NOTES, folder.join("notes"))];
    (program, ["--exact", "peer::peer_plays_its_role", "--nocapture"], environment)
}

/// Returns a server that plays a role.
pub(crate) fn peer(role: &str, folder: &Path) -> McpServer {
    let (program, arguments, environment) = peer_command(role, folder);
    let server = McpServer::stdio(program, arguments).name("office");
    environment.into_iter().fold(server, |server, (name, value)| server.public_env(name, value))
}

/// Not a test: a server, in the process that [`peer`] starts.
#[test]
fn peer_plays_its_role() {
    let Ok(role) = env::var(ROLE) else { return };
    match role.as_str() {
        "service" => serve(),
        "conforming" => {
            let url = env::args().next_back().unwrap();
            runtime().block_on(crate::conformance::conform(&url));
        }
        role => fake(role),
    }
}

#[derive(Deserialize, JsonSchema)]
struct Harbour {
    harbour: String,
}

/// Returns a service with tools of all kinds, and an agent.
pub(crate) fn service() -> McpService {
    let high_water = FunctionTool::infallible(
        "high_water",
        "Returns when the tide is high.",
        |at: Harbour| async move { json!({ "harbour": at.harbour, "time": "14:20" }) },
    );
    let chart = FunctionTool::infallible("chart", "Returns a chart.", |(): ()| async {
        Content::from([Part::text("a chart"), Part::image_bytes("image/png", b"\x89PNG")])
    });
    let broken = FunctionTool::new("broken", "Fails.", |(): ()| async {
        Err::<(), _>("the gauge is stuck")
    });
    let panics = FunctionTool::infallible("panics", "Panics.", |(): ()| async {
        panic!("no water");
        #[allow(unreachable_code)]
        ""
    });
    let model = ScriptedModel::from_fn("scripted", |request: &raaf_agents::ModelRequest| {
        match request.messages.len() {
            1 => Reply::call("high_water", json!({ "harbour": "Wells" })),
            _ => Reply::text("At 14:20."),
        }
    });
    let pilot = Agent::builder("Pilot", model).tool(high_water.clone()).build();
    McpService::new("port-office")
        .version("2.1.0")
        .instructions("Ask for the tide first.")
        .tool(high_water)
        .tool(chart)
        .tool(broken)
        .tool(panics)
        .agent(&pilot)
}

fn serve() {
    let sink = FileSink::builder(env::var_os(TRACE).unwrap()).build();
    // Without a stream of its own, it writes to standard output, unless that belongs to the protocol.
    let console = ConsoleSink::builder().mode(ConsoleMode::Lines).build();
    let provider = TracerProvider::builder().with(sink).with(console).build();
    runtime().block_on(service().provider(&provider).serve_stdio()).unwrap();
    provider.shutdown(Duration::from_secs(10)).unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server that does one thing wrong.
fn fake(role: &str) {
    if role == "deaf" {
        // A process of its own in the group, which does not end with the server's input.
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        note(&format!("{} {}", std::process::id(), child.id()));
        let _ = child.wait();
    }
    if role == "lingering" {
        note(&std::process::id().to_string());
    }
    let mut calls = 0;
    for line in std::io::stdin().lock().lines() {
        let message: Json = serde_json::from_str(&line.unwrap()).unwrap();
        let method = message["method"].as_str().unwrap_or_default();
        note(method);
        let answer =
            |result: Json| say(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }));
        match method {
            "initialize" => {
                let version = if role == "ancient" { "1999-01-01" } else { "2025-06-18" };
                let capabilities = json!({ "tools": { "listChanged": true } });
                let info = json!({ "name": "fake", "version": "1" });
                answer(json!({
                    "protocolVersion": version, "capabilities": capabilities, "serverInfo": info,
                }));
            }
            "tools/list" if role == "endless" => {
                answer(json!({ "tools": [tool("a")], "nextCursor": "again" }));
            }
            "tools/list" if role == "wrong-list" => answer(json!({ "weather": "fine" })),
            "tools/list" => {
                let last = if role == "changing" && calls > 0 { "added" } else { "removed" };
                answer(json!({ "tools": [tool("act"), tool(last), tool("act")] }));
            }
            "tools/call" => {
                calls += 1;
                match role {
                    "dying" => {
                        eprintln!("out of memory near {}", env::var("API_KEY").unwrap_or_default());
                        std::process::exit(3);
                    }
                    "garbling" => println!("{{ \"jsonrpc\": half a message"),
                    "noisy" => println!("Segmentation fault (core dumped)"),
                    "hanging" => {}
                    "changing" => {
                        say(
                            &json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" }),
                        );
                        answer(json!({ "content": [{ "type": "text", "text": "changed" }] }));
                    }
                    "refusing" => say(&json!({
                        "jsonrpc": "2.0", "id": message["id"],
                        "error": { "code": -32_099, "message": "closed on Sundays" },
                    })),
                    "revealing" => {
                        let all: std::collections::BTreeMap<_, _> = env::vars().collect();
                        let text = json!(all).to_string();
                        answer(
                            json!({ "content": [{ "type": "text", "text": text }], "structuredContent": all }),
                        );
                    }
                    _ => answer(json!({ "result": "of another kind" })),
                }
            }
            _ => {}
        }
    }
    if role == "lingering" {
        std::thread::sleep(Duration::from_secs(600));
    }
}

fn tool(name: &str) -> Json {
    json!({ "name": name, "description": "Does it.", "inputSchema": { "type": "object" } })
}

fn say(message: &Json) {
    println!("{message}");
}

/// Adds a line to the notes, which the test reads.
fn note(line: &str) {
    let Some(path) = env::var_os(NOTES) else { return };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    writeln!(file, "{line}").unwrap();
}

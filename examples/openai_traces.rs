//! Traces for OpenAI's dashboard, recorded locally or sent.
//!
//! Run it with `cargo run --example openai_traces`: a local server receives the requests and prints
//! them. To send to your own dashboard, give a key: `TRACES_API_KEY=sk-… cargo run --example
//! openai_traces`. A program needs none of this: with `OPENAI_API_KEY` in its environment and
//! `RAAF_TRACE_PROCESSORS=openai`, or without any configured sink, its traces go to the dashboard.

use std::{
    error::Error,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use raaf_agents::{
    Agent, FunctionTool, Guardrail, Reply, RunConfig, Runner, ScriptedModel, Verdict,
};
use raaf_processors::OpenAiSink;
use raaf_trace_core::TracerProvider;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

#[derive(Deserialize, JsonSchema)]
struct Order {
    number: u32,
}

/// An agent that looks an order up, at the second try, and answers.
fn agent() -> Agent {
    let look_up = FunctionTool::new("look_up", "Looks an order up.", |order: Order| async move {
        if order.number == 7 { Ok("one lamp, on its way") } else { Err("no such order") }
    });
    let model = ScriptedModel::new(
        "scripted",
        [
            Reply::call("look_up", json!({ "number": 8 })),
            Reply::call("look_up", json!({ "number": 7 })),
            Reply::text("Your lamp is on its way."),
        ],
    );
    Agent::builder("Support", model)
        .instructions("Help.")
        .tool(look_up)
        .output_guardrail(Guardrail::new("polite", |_| async { Verdict::pass() }))
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (sink, recorder) = if let Ok(key) = std::env::var("TRACES_API_KEY") {
        (OpenAiSink::builder().api_key(key), None)
    } else {
        let server = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/v1", server.local_addr()?);
        let recorder = thread::spawn(move || record_one_request(&server));
        (OpenAiSink::builder().api_key("sk-example").base_url(url), Some(recorder))
    };
    let tracing = TracerProvider::builder().with(sink.build()?).init()?;

    let config = RunConfig::new().workflow_name("Where is it?").group_id("conversation-17");
    let result = Runner::new().with_config(config).run(&agent(), "Where is order 8?").await?;
    println!("{}", result.output);

    // Dropping the guard would deliver as well; this says if it could not be done.
    tracing.shutdown()?;
    if let Some(recorder) = recorder {
        show(&recorder.join().map_err(|_| "the recorder failed")??);
    }
    Ok(())
}

/// Takes the place of the API for one request.
fn record_one_request(server: &TcpListener) -> io::Result<Json> {
    let (mut connection, _) = server.accept()?;
    let body = read_body(&connection)?;
    connection.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
    Ok(serde_json::from_slice(&body)?)
}

fn read_body(connection: &TcpStream) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().map_err(io::Error::other)?;
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// A line an item, in the order in which they were sent.
fn show(request: &Json) {
    for item in request["data"].as_array().into_iter().flatten() {
        let data = &item["span_data"];
        let said = match data["type"].as_str() {
            None => format!("trace {} of {}", item["workflow_name"], item["group_id"]),
            Some("function") => {
                format!("  function {}: {} gave {}", data["name"], data["input"], data["output"])
            }
            Some("generation") => {
                let (usage, asked) = (&data["usage"], data["input"].as_array().map_or(0, Vec::len));
                let tokens = (&usage["input_tokens"], &usage["output_tokens"]);
                format!("  generation, {asked} messages, {} tokens in, {} out", tokens.0, tokens.1)
            }
            Some("agent") => format!("  agent {} with {}", data["name"], data["tools"]),
            Some("guardrail") => format!("  guardrail {}: {}", data["name"], data["triggered"]),
            Some(other) => format!("  {other} {}", data["name"]),
        };
        let place = match &item["parent_id"] {
            Json::String(_) => "  ",
            _ => "",
        };
        let error = match &item["error"] {
            Json::Null => String::new(),
            error => format!(" [error: {}]", error["message"]),
        };
        println!("{place}{said}{error}");
    }
}

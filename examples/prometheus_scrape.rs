//! Metrics of running agents, as Prometheus scrapes them.
//!
//! Run it with `cargo run --example prometheus_scrape`: it runs some agents, scrapes its own
//! endpoint and prints some metrics. With `-- --serve`, or `-- --serve 127.0.0.1:9999`, it runs and
//! serves until ctrl-c, for a Prometheus:
//!
//! ```yaml
//! scrape_configs:
//!   - job_name: agents
//!     scrape_interval: 5s
//!     static_configs: [{ targets: ["127.0.0.1:9464"] }]
//! ```

use std::{
    error::Error,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use raaf_agents::{Agent, FunctionTool, ModelRequest, Reply, ScriptedModel};
use raaf_processors::PrometheusSink;
use raaf_trace_core::TracerProvider;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Number of customers in the short run.
const QUESTIONS: u32 = 20;

#[derive(Deserialize, JsonSchema)]
struct Order {
    /// The order's number.
    number: u32,
}

/// Looks orders up; every fifth is not there.
fn clerk(number: u32) -> Agent {
    let look_up = FunctionTool::new("look_up", "Looks an order up.", |order: Order| async move {
        if order.number.is_multiple_of(5) { Err("no such order") } else { Ok("it is on its way") }
    });
    let model = ScriptedModel::new(
        "scripted",
        [
            Reply::call("look_up", json!({ "number": number })),
            Reply::from("I have looked, and this is all I know."),
        ],
    );
    Agent::builder("Clerk", model).tool(look_up).build()
}

/// Says it nicely.
fn writer() -> Agent {
    let model = ScriptedModel::from_fn("scripted-small", |request: &ModelRequest| {
        format!("Dear customer, {} messages were read.", request.messages.len())
    });
    Agent::builder("Writer", model).build()
}

async fn answer(number: u32) -> Result<(), Box<dyn Error>> {
    let found = clerk(number).run(format!("Where is order {number}?")).await?;
    writer().run(found.output).await?;
    Ok(())
}

/// Scrapes the endpoint once, like Prometheus.
fn scrape(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let serves = arguments.next().is_some_and(|argument| argument == "--serve");
    let address = match arguments.next() {
        Some(address) => address.parse()?,
        None if serves => SocketAddr::from((Ipv4Addr::LOCALHOST, 9464)),
        // Any port that is free.
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    };
    let sink = PrometheusSink::builder().address(address).build()?;
    let metrics = sink.handle();
    let tracing = TracerProvider::builder().with(sink).init()?;
    let address = metrics.address().ok_or("nothing is served")?;

    if serves {
        println!("metrics are at http://{address}/metrics until ctrl-c");
        for number in 1.. {
            tokio::select! {
                answered = answer(number) => answered?,
                stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    for number in 1..=QUESTIONS {
        answer(number).await?;
    }
    let scraped = tokio::task::spawn_blocking(move || scrape(address)).await??;
    let shown = ["raaf_spans_total{", "raaf_tokens_total{", "raaf_span_duration_seconds_count{"];
    let mut lines: Vec<&str> = scraped
        .lines()
        .filter(|line| shown.iter().any(|metric| line.starts_with(metric)) && !line.ends_with(" 0"))
        .collect();
    lines.sort_unstable();
    println!("{}", lines.join("\n"));
    drop(tracing);
    Ok(())
}

//! A client and a server in one tree: an agent asks a server, whose handler runs another agent.
//!
//! Run it with `cargo run --example http_server`.
//!
//! The server is axum's with the layer of `raaf-tower`, the client is reqwest's with its middleware. The
//! first answer is 503, so that the agent asks again. The tree is built of the spans of both sides.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use raaf_agents::{Agent, ScriptedModel};
use raaf_testkit::Spans;
use raaf_tower::{ClientMiddleware, ServerLayer};
use raaf_trace_core::{Component, MemoryExporter, Traceable as _, TracerProvider};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tokio::net::TcpListener;

/// Answers with the output of an agent; the first request is rejected with 503.
async fn stock(
    Path(item): Path<String>,
    State(requests): State<Arc<AtomicU32>>,
) -> Result<String, StatusCode> {
    if requests.fetch_add(1, Ordering::Relaxed) == 0 {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let shelf = Agent::builder("Shelf", ScriptedModel::new("scripted", ["four"])).build();
    let found = shelf.run(format!("How many {item} are there?")).await;
    found.map(|run| run.output).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn ask(client: &ClientWithMiddleware, url: &str) -> Result<String, Box<dyn Error>> {
    loop {
        let response = client.get(url).send().await?;
        println!("{}", response.status());
        if response.status().is_success() {
            return Ok(response.text().await?);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let memory = MemoryExporter::new();
    let tracing = TracerProvider::builder().with(memory.clone()).init()?;

    let app = Router::new()
        .route("/stock/{item}", get(stock))
        .layer(ServerLayer::new())
        .with_state(Arc::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/stock/kettles?token=s3cret", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    // reqwest requires a TLS provider even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = ClientBuilder::new(reqwest::Client::new()).with(ClientMiddleware::new()).build();
    let there = Component::agent("Clerk").try_in_span("run", ask(&client, &url)).await?;
    println!("{there} kettles");

    tracing.provider().force_flush_async(Duration::from_secs(5)).await?;
    println!("{}", Spans::new(memory.spans()));
    Ok(())
}

//! The program: an agent that asks a server, and the servers.

use std::error::Error;

use axum::Router;
use raaf_agents::{Agent, FunctionTool, Message, ModelRequest, Reply, ScriptedModel, ToolResult};
use raaf_tower::{ClientMiddleware, ServerLayer};
use raaf_trace_core::{TracerProvider, trace};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{model_server, shelf, warehouse};

/// Cause of a failed program.
pub type Failure = Box<dyn Error + Send + Sync>;

#[derive(Deserialize, JsonSchema)]
struct Question {
    /// The thing in question.
    item: String,
}

/// Runs the program, and returns the agent's answer. `provider` receives the spans of the servers.
///
/// # Errors
///
/// If a part of it fails.
pub async fn run(provider: &TracerProvider) -> Result<String, Failure> {
    let client = client().build();
    let layer = ServerLayer::new().provider(provider);

    let model = model_server::app(layer.clone(), &json!({ "item": "lamps" }), "two lamps");
    let keeper = shelf::agent(client.clone(), &serve(model).await?);
    let stock = warehouse::stock().await?;
    let warehouse = serve(warehouse::app(layer, stock.clone(), keeper)).await?;

    let clerk = Agent::builder("Clerk", script()).tool(asks(client, warehouse)).build();
    let work = async {
        let answer = clerk.run("How many lamps do we have?").await?.output;
        // SQLite works in a thread of its own; after this, it has left the span of its query.
        stock.close().await;
        Ok(answer)
    };
    trace("one tree").try_in_span(work).await
}

/// Creates a builder of clients whose requests are traced.
pub fn client() -> ClientBuilder {
    // reqwest requires a TLS provider even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    ClientBuilder::new(reqwest::Client::new()).with(ClientMiddleware::new())
}

/// Serves on loopback, for as long as the program runs, and returns the address.
///
/// # Errors
///
/// If no port is free.
pub async fn serve(app: Router) -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

/// Creates a model that asks the warehouse, and repeats its answer.
fn script() -> ScriptedModel {
    ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let mut answers = request.messages.iter().flat_map(Message::tool_results);
        match answers.next().map(ToolResult::text) {
            Some(answer) => Reply::text(format!("We have {answer}.")),
            None => Reply::calls([("ask_warehouse", json!({ "item": "lamps" }))]),
        }
    })
}

fn asks(client: ClientWithMiddleware, warehouse: String) -> FunctionTool {
    let ask = move |Question { item }: Question| {
        let request = client.get(format!("{warehouse}/stock/{item}"));
        async move { request.send().await?.error_for_status()?.text().await.map_err(Failure::from) }
    };
    FunctionTool::new("ask_warehouse", "Asks the warehouse for a thing.", ask)
}

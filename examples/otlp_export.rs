//! Spans sent by OpenTelemetry's protocol, for any collector or backend.
//!
//! Run it with `cargo run --example otlp_export`. It sends to a local receiver, which decodes the
//! spans. To send elsewhere, set the endpoint:
//!
//! ```console
//! $ OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:6006 cargo run --example otlp_export
//! ```
//!
//! OpenTelemetry's other variables apply as well: headers, compression, the service's name.

use std::{
    env,
    error::Error,
    net::TcpListener,
    sync::mpsc::{self, Receiver},
    thread,
};

use raaf_agents::{Agent, FunctionTool, Reply, ScriptedModel};
use raaf_processors::OtlpSink;
use raaf_testkit::read;
use raaf_trace_core::{TracerProvider, environment::Environment, trace};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

mod loopback;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

#[derive(Deserialize, JsonSchema)]
struct Place {
    city: String,
}

fn forecaster() -> Agent {
    let model = ScriptedModel::new(
        "scripted",
        [Reply::call("weather", json!({ "city": "Oslo" })), Reply::text("Take an umbrella.")],
    );
    let weather = |place: Place| async move { format!("{}: rain", place.city) };
    Agent::builder("Forecaster", model)
        .instructions("Tell the weather.")
        .tool(FunctionTool::infallible("weather", "Looks the weather up.", weather))
        .build()
}

/// Requests that a server received.
type Bodies = Receiver<Vec<u8>>;

/// A server that takes whatever is posted, and its address.
fn receiver() -> Result<(String, Bodies), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (sender, bodies) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = loopback::answer(stream, |request| {
                // Nobody asks any more when the program ends.
                let _ = sender.send(request.body);
                Vec::new()
            });
        }
    });
    Ok((format!("http://{address}"), bodies))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let own = if env::var_os(ENDPOINT).is_some() { None } else { Some(receiver()?) };
    let mut environment = Environment::process();
    if let Some((address, _)) = &own {
        environment = environment.with_default(ENDPOINT, address);
    }
    let sink = OtlpSink::builder()
        .service_name("weather-service")
        .resource_attribute("service.version", env!("CARGO_PKG_VERSION"))
        .environment(&environment)?
        .build()?;
    let to = sink.endpoint().to_owned();
    let guard = TracerProvider::builder().with(sink).init()?;

    let answer = trace("morning")
        .group_id("conversation-17")
        .try_in_span(async { forecaster().run("Do I need an umbrella in Oslo?").await });
    println!("{}", answer.await?.output);
    // Sends what waits, and says what could not be sent.
    guard.shutdown()?;

    let Some((_, bodies)) = own else {
        println!("sent to {to}");
        return Ok(());
    };
    for body in bodies.try_iter() {
        let request = read::otlp(&body)?;
        println!("received {} spans:\n{}", request.as_written().len(), request.spans());
        for span in request.as_written() {
            println!("{}", span.name());
        }
    }
    Ok(())
}

//! An agent, a web server, a database and another library's agent in one tree.
//!
//! Run it with `cargo run -p raaf-one-tree`, or with `-- detailed` to see attributes and events, too.
//!
//! An agent calls a tool, which asks a server of axum by reqwest. Its handler asks a database by sqlx, and
//! then an agent of rig, whose model is a server on loopback and whose tool is a traced function. rig,
//! sqlx and `#[instrument]` use the crate `tracing`, axum and reqwest the layers of `raaf-tower`.

use std::{
    env,
    io::{self, Write as _},
};

use raaf_one_tree::Failure;
use raaf_processors::ConsoleSink;
use raaf_trace_core::TracerProvider;
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let detailed = env::args().any(|argument| argument == "detailed");
    // Clients and servers are one program here, so a request is drawn in the tree of its caller.
    let console = ConsoleSink::builder().whole_traces(true).detailed(detailed).build();
    let tracing = TracerProvider::builder().with(console).init()?;
    // sqlx logs queries at DEBUG.
    let layer = raaf_tracing::Builder::new().filter("sqlx=debug")?.build();
    tracing_subscriber::registry().with(layer).init();

    let answer = raaf_one_tree::run(tracing.provider()).await?;
    writeln!(io::stdout(), "{answer}")?;
    Ok(())
}

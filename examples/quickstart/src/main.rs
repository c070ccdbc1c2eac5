//! A report on a text file, made by four agents, and the trace of how it came about.
//!
//! ```text
//! cargo run -p raaf-quickstart                   # a text that ships with the program
//! cargo run -p raaf-quickstart -- README.md      # any text file
//! ```
//!
//! No key and no server are needed: the agents think with an embedded, deterministic model, and
//! their tools work on the real text. With `--features openai`, and `OPENAI_API_KEY` or
//! `OPENAI_BASE_URL` set (and, if you like, `OPENAI_MODEL`), the same agents talk to a real one.
//!
//! The report and the tree of spans go to standard output, the spans also to `traces.jsonl`.

mod agents;
mod analysis;
mod document;
mod model;
mod offline_model;
mod tools;

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use raaf_agents::{BuildError, PipelineError, State, StateError};
// Naming the crate links its sinks.
use raaf_processors as _;
use raaf_trace_core::{TracerProvider, environment::Environment, trace};

use document::{DocumentReader, ReadError};
use model::ConfigError;
use thiserror::Error;

/// Why there is no report.
#[derive(Debug, Error)]
enum ReportError {
    #[error(transparent)]
    Text(#[from] ReadError),
    #[error(transparent)]
    Model(#[from] ConfigError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot print the report")]
    Output(#[from] io::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).map_or_else(default_text, PathBuf::from);
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        return Err("usage: raaf-quickstart [TEXT FILE]".into());
    }
    // Whoever runs this may choose other sinks, as for any traced program.
    let environment = Environment::process().with_default("RAAF_TRACE_PROCESSORS", "console,file");
    let tracing = TracerProvider::builder().environment(&environment).init()?;

    let reported = trace("text report").try_in_span(report_on(&path)).await;
    // The sinks write in threads of their own; this waits until tree and lines are out.
    let delivered = tracing.shutdown();
    reported?;
    delivered?;
    Ok(())
}

/// The workflow: read, analyse, print. Whatever fails in it is in the trace.
async fn report_on(path: &Path) -> Result<(), ReportError> {
    let document = Arc::new(DocumentReader::new().read(path)?);
    let pipeline = agents::pipeline(&document, model::choose()?)?;

    let state = State::new().with("document", document.opening());
    let state = pipeline.run(state).await?;

    // Printed inside the workflow: the tree follows when the workflow ends.
    let mut out = io::stdout().lock();
    writeln!(out, "{}\n", state.text("report")?)?;
    out.flush()?;
    Ok(())
}

fn default_text() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/lighthouse.md")
}

/// The error and what lies behind it, in one line.
fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (**cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

//! The console's modes, with one small workflow: lines, trees, details, and the live view on a
//! terminal.
//!
//! Run it with `cargo run --example console_modes`.
//!
//! A program that chooses its sinks by name sets the mode in the environment:
//! `RAAF_TRACE_CONSOLE=true RAAF_TRACE_CONSOLE_MODE=live`.

use std::{
    error::Error,
    io::{self, IsTerminal as _},
    thread,
    time::Duration,
};

use raaf_processors::{ConsoleBuilder, ConsoleMode, ConsoleSink};
use raaf_trace_core::{Tracer, TracerProvider, keys};

/// Timeout of deliveries.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let moment = Duration::from_millis(1);
    println!("-- lines");
    show(ConsoleSink::builder().mode(ConsoleMode::Lines), moment)?;
    println!("-- tree");
    show(ConsoleSink::builder(), moment)?;
    println!("-- tree, detailed");
    show(ConsoleSink::builder().detailed(true), moment)?;
    if io::stderr().is_terminal() {
        println!("-- live");
        show(ConsoleSink::builder().mode(ConsoleMode::Live), Duration::from_millis(700))?;
    }
    Ok(())
}

fn show(console: ConsoleBuilder, moment: Duration) -> Result<(), Box<dyn Error>> {
    let provider = TracerProvider::builder().with(console.build()).build();
    report(&provider.tracer(), moment);
    // Everything is on the terminal before the next mode begins.
    provider.shutdown(PATIENCE)?;
    Ok(())
}

/// A workflow whose steps take some moments; its tool fails, and it goes on without.
fn report(tracer: &Tracer, moment: Duration) {
    tracer.pipeline_span("Report").in_span(|| {
        tracer.agent_span("Planner").with("agent.max_turns", 3).in_span(|| {
            ask(tracer, moment * 2, (500, 110));
            let found = tracer.tool_span("Archive").method("search").try_in_span(|| {
                thread::sleep(moment);
                Err::<String, _>(ArchiveError(io::Error::other("connection refused")))
            });
            found.unwrap_or_default()
        });
        tracer.agent_span("Writer").in_span(|| ask(tracer, moment * 3, (1_020, 200)));
    });
}

/// Asks a model that is not there.
fn ask(tracer: &Tracer, takes: Duration, (input, output): (i64, i64)) {
    let call = tracer.llm_span("gpt-5").with(keys::GEN_AI_USAGE_INPUT_TOKENS, input);
    call.with(keys::GEN_AI_USAGE_OUTPUT_TOKENS, output).in_span(|| thread::sleep(takes));
}

#[derive(Debug, thiserror::Error)]
#[error("the archive does not answer")]
struct ArchiveError(#[source] io::Error);

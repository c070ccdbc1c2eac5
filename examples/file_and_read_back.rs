//! A program that crashes in the middle of its work, and its trace file afterwards.
//!
//! Run it with `cargo run --example file_and_read_back`. It starts itself again as the program that
//! crashes, then reads the file back and shows finished spans, running spans and damaged lines.

use std::{
    env,
    error::Error,
    fs::OpenOptions,
    io::Write as _,
    path::Path,
    process::{self, Command},
    time::Duration,
};

use raaf_processors::{
    FileSink, FileSync,
    read::{ReadError, Record, Trace, TraceReader, TreeProblem},
};
use raaf_trace_core::{BatchConfig, TracerProvider, keys, trace};

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(path) = env::args_os().nth(1) {
        return crash(Path::new(&path));
    }
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("traces.jsonl");
    let status = Command::new(env::current_exe()?).arg(&path).status()?;
    println!("the program ended well: {}", status.success());

    // Older files first, if the sink has rotated any away.
    let (traces, errors) = TraceReader::open_rotated(&path)?.traces();
    for error in errors {
        match error {
            // Path and place in the file are there, too; they differ each time.
            ReadError::Line { line, fault, .. } => println!("line {line} cannot be read: {fault}"),
            other => println!("{other}"),
        }
    }
    for trace in &traces {
        draw(trace);
    }
    Ok(())
}

/// The program that crashes: one report is done, another one is not.
fn crash(path: &Path) -> Result<(), Box<dyn Error>> {
    let sink = FileSink::builder(path)
        .max_size(64 * 1024 * 1024)
        .keep(5)
        .sync(FileSync::OnFlush)
        .build_with_starts(BatchConfig::default());
    let provider = TracerProvider::builder().with(sink).build();
    let tracer = provider.tracer();
    provider.run(|| {
        trace("first report").in_span(|| {
            tracer.agent_span("Planner").in_span(|| ());
            tracer.agent_span("Writer").in_span(|| {
                tracer.llm_span("gpt").with(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 120).in_span(|| ());
            });
        });
        trace("second report").try_in_span(|| {
            tracer.agent_span("Planner").in_span(|| ());
            tracer.agent_span("Writer").try_in_span(|| {
                // A flush here only so that this example shows the same each time: a start is
                // written within a moment anyway.
                provider.force_flush(Duration::from_secs(5))?;
                let mut file = OpenOptions::new().append(true).open(path)?;
                file.write_all(b"{\"v\":1,\"type\":\"sp")?; // as a kill in the middle of a write would
                process::exit(1)
            })
        })
    })
}

fn draw(trace: &Trace) {
    let info = trace.ended().next().and_then(|span| span.trace().workflow_name());
    println!("trace `{}`", info.unwrap_or_default().escape_debug());
    for (depth, node) in trace.walk() {
        let state = match node {
            Record::Span(span) => span.status().as_str(),
            _ => "still running",
        };
        // What a model wrote must not drive the terminal.
        let name = node.component_name().escape_debug();
        println!("  {:indent$}{} {name}: {state}", "", node.kind(), indent = 2 * depth);
    }
    let lost = |problem: &&TreeProblem| !matches!(problem, TreeProblem::NeverEnded { .. });
    for problem in trace.problems().iter().filter(lost) {
        println!("  {problem}");
    }
}

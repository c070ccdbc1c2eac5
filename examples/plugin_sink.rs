//! A sink of your own, registered by name: settings can choose it like any other.
//!
//! Run it with `cargo run --example plugin_sink`, or choose the sinks yourself, such as
//! `RAAF_TRACE_PROCESSORS=csv cargo run --example plugin_sink`.
//!
//! This could be a crate of its own. Whoever depends on it and names it once
//! (`use csv_sink as _;`) can then ask for `csv`.

use std::{
    io::{self, Write},
    num::ParseIntError,
    process::ExitCode,
};

use raaf_processors as _; // links the sinks that come with the workspace
use raaf_trace_core::{
    BuildError, Component, Environment, ExportError, FinishedSpan, Guard, SpanExporter, Traceable,
    TracerProvider,
    registry::{self, Sink, SinkRegistration},
    submit, traced,
};

/// Writes a line of comma-separated values a span, to standard output.
struct CsvExporter {
    separator: String,
}

impl SpanExporter for CsvExporter {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let lines: String = batch.iter().map(|span| self.line(span)).collect();
        io::stdout()
            .write_all(lines.as_bytes())
            .map_err(|error| ExportError::permanent(format!("standard output: {error}")))
    }
}

impl CsvExporter {
    fn line(&self, span: &FinishedSpan) -> String {
        let (kind, component) = (span.kind().as_str(), span.component().name());
        [kind, component, span.method(), span.status().as_str()].join(&self.separator) + "\n"
    }
}

submit! {
    SinkRegistration::new("csv", |config| {
        let separator = config.environment().get("CSV_SINK_SEPARATOR")?;
        Ok(Sink::exporter(CsvExporter { separator: separator.unwrap_or_else(|| ",".to_owned()) }))
    })
}

#[derive(Traceable)]
struct ParseTool {
    component: Component,
}

impl ParseTool {
    #[traced(with(number))]
    fn parse(&self, number: &str) -> Result<u32, ParseIntError> {
        number.parse()
    }
}

/// Takes the sinks that the environment names, else these two.
fn tracing() -> Result<Guard, BuildError> {
    if std::env::var_os("RAAF_TRACE_PROCESSORS").is_some() {
        return raaf_trace_core::init();
    }
    TracerProvider::builder().sink("csv")?.sink("console")?.init()
}

fn main() -> ExitCode {
    println!("linked sinks: {}", registry::linked_sinks().join(", "));

    // A misspelt name says what there is, before anything is traced.
    let misspelt = Environment::from_pairs([("RAAF_TRACE_PROCESSORS", "console,cvs")]);
    if let Err(error) = TracerProvider::builder().environment(&misspelt) {
        println!("{error}");
    }

    let _tracing = match tracing() {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };

    let tool = ParseTool { component: Component::of::<ParseTool>() };
    for number in ["12", "many"] {
        println!("{number}: {:?}", tool.parse(number).ok());
    }
    ExitCode::SUCCESS
}

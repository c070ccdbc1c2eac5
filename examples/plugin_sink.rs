//! A sink from a crate of its own, chosen by name: `csv-sink/` beside this file.
//!
//! Run it with `cargo run --example plugin_sink`, or choose the sinks yourself, such as
//! `RAAF_TRACE_PROCESSORS=csv,console cargo run --example plugin_sink`.

use std::{num::ParseIntError, process::ExitCode};

// A crate that is never named is not linked. One name links all the sinks in it.
use raaf_example_csv_sink as _;
use raaf_processors as _;
use raaf_trace_core::{
    BuildError, Component, Traceable, TracerProvider, TracingGuard, environment::Environment,
    registry, traced,
};

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
fn tracing() -> Result<TracingGuard, BuildError> {
    if std::env::var_os("RAAF_TRACE_PROCESSORS").is_some() {
        return raaf_trace_core::init();
    }
    TracerProvider::builder().sink("csv").sink("console").init()
}

fn main() -> ExitCode {
    println!("linked sinks: {}", registry::linked_sinks().join(", "));

    // A misspelt name says what there is, before anything is traced.
    let misspelt = Environment::from_pairs([("RAAF_TRACE_PROCESSORS", "console,cvs")]);
    if let Err(error) = TracerProvider::builder().environment(&misspelt).build() {
        println!("{error}");
    }

    // So does a sink that cannot be made, under its own name.
    let nowhere = Environment::from_pairs([
        ("RAAF_TRACE_PROCESSORS", "csv"),
        ("CSV_SINK_FILE", "/no/such/place.csv"),
    ]);
    if let Err(error) = TracerProvider::builder().environment(&nowhere).build() {
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

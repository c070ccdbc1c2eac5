//! Sinks that are asked for by name, with nothing in code but the link.

use std::{error::Error, fs, process::Command, time::Duration};

use raaf_processors as _;
use raaf_trace_core::{BuildError, Environment, TracerProvider, registry, tracer};

fn build(pairs: &[(&str, &str)]) -> Result<TracerProvider, BuildError> {
    let environment = Environment::from_pairs(pairs.iter().copied());
    Ok(TracerProvider::builder().environment(&environment)?.build())
}

fn names(provider: &TracerProvider) -> Vec<String> {
    provider.stats().processors.into_iter().map(|processor| processor.name).collect()
}

#[test]
fn naming_the_crate_links_its_sinks() {
    assert_eq!(registry::linked_sinks(), ["console", "file"]);
}

#[test]
fn g60_sinks_run_in_the_order_in_which_they_are_named() {
    for (value, expected) in
        [("console,file", ["console", "file"]), ("file, console", ["file", "console"])]
    {
        let provider = build(&[("RAAF_TRACE_PROCESSORS", value)]).unwrap();
        assert_eq!(names(&provider), expected);
    }
    let provider = build(&[("RAAF_TRACE_CONSOLE", "yes"), ("RAAF_TRACE_FILE", "x")]).unwrap();
    assert_eq!(names(&provider), ["console", "file"]);
}

#[test]
fn an_unknown_name_says_what_is_linked_and_how_to_link() {
    let error = build(&[("RAAF_TRACE_PROCESSORS", "console,flie")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no sink is called `flie`; linked are: console, file. A crate that registers it must be a \
         dependency and be named once, such as `use raaf_processors as _;`"
    );
}

#[test]
fn a_blank_path_is_an_error() {
    let error = build(&[("RAAF_TRACE_FILE", "  ")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the sink `file` could not be made: RAAF_TRACE_FILE is ``; expected a path"
    );
}

#[test]
fn the_environment_alone_is_enough() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let output = Command::new(std::env::current_exe()?)
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env("RAAF_TRACE_PROCESSORS", "console,file")
        .env_remove("RAAF_TRACE_FILE")
        .env_remove("RAAF_DISABLE_TRACING")
        .current_dir(directory.path())
        .output()?;
    let shown = String::from_utf8(output.stdout)?;
    assert!(shown.contains("Pipeline:Report  "), "{shown}");
    assert!(shown.contains("└── Agent:Planner  "), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours but on a terminal: {shown}");
    let written = fs::read_to_string(directory.path().join("traces.jsonl"))?;
    assert_eq!(written.lines().count(), 2);
    Ok(())
}

#[test]
#[ignore = "the program that the test above runs"]
fn child() {
    let guard = raaf_trace_core::init().unwrap().with_timeout(Duration::from_secs(60));
    tracer().pipeline_span("Report").run(|_| tracer().agent_span("Planner").run(|_| ()));
    guard.shutdown().unwrap();
}

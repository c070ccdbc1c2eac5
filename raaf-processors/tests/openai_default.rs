//! The openai sink when nobody named it: whole programs, since what they say goes to standard
//! error.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "tests may fail")]

mod server;

use std::process::Command;

use raaf_processors as _;
use raaf_trace_core::tracer;
use server::{Answer, Server};

/// Set in the programs that the test below starts.
const INSIDE: &str = "IN_A_PROCESS_OF_ITS_OWN";
const KEY: &str = "sk-test-not-a-real-key";

#[test]
fn a_program() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    let guard = raaf_trace_core::init().unwrap();
    tracer().start_span("one").finish();
    tracer().start_span("two").finish();
    guard.shutdown().unwrap();
}

/// Returns the standard error of a program with these variables, and its number of requests.
fn run(variables: &[(&str, &str)]) -> (String, usize) {
    let server = Server::start(Answer::status(204));
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program", "--nocapture"])
        .env_clear()
        .envs([(INSIDE, "1"), ("OPENAI_API_KEY", KEY)])
        .env("RAAF_TRACE_OPENAI_BASE_URL", server.url())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains(KEY), "{said}");
    (said.replace(&server.url(), "SERVER"), server.requests().len())
}

#[test]
fn g49_the_default_sink_says_once_that_traces_leave_and_how_to_stop_it() {
    let (said, requests) = run(&[]);
    assert_eq!(
        said.trim_end(),
        "raaf warn [export] traces are sent to SERVER, because OPENAI_API_KEY is set and no sink \
         is configured; set RAAF_SKIP_DEFAULT_PROCESSORS=true to prevent it, or \
         RAAF_TRACE_PROCESSORS to choose sinks"
    );
    assert_eq!(requests, 1);
}

#[test]
fn g49_a_sink_that_was_asked_for_is_quiet() {
    assert_eq!(run(&[("RAAF_TRACE_PROCESSORS", "openai")]), (String::new(), 1));
}

#[test]
fn g49_nothing_is_sent_or_said_where_it_was_forbidden() {
    for variable in [
        ("RAAF_SKIP_DEFAULT_PROCESSORS", "true"),
        ("RAAF_DISABLE_TRACING", "true"),
        ("OPENAI_BASE_URL", "http://localhost:11434/v1"),
        ("OPENAI_API_KEY", ""),
    ] {
        assert_eq!(run(&[variable]), (String::new(), 0), "{variable:?}");
    }
}

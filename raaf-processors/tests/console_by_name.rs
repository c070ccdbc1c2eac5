//! The console sink as the environment alone makes it.

#![cfg(feature = "console")]

mod support;

use std::{
    error::Error,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Output, Stdio},
};

use raaf_trace_core::{TracerProvider, environment::Environment, tracer};
use support::LONG;

/// Set in the program that the tests start.
const INSIDE: &str = "IN_A_PROCESS_OF_ITS_OWN";

/// Set there when it is to begin only at the end of its input.
const WAIT: &str = "WAIT_FOR_THE_END_OF_INPUT";

/// This program again, as the traced one.
fn program() -> Result<Command, Box<dyn Error>> {
    let mut program = Command::new(std::env::current_exe()?);
    program.args(["--exact", "the_traced_program", "--nocapture"]).env(INSIDE, "1");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RAAF_") {
            program.env_remove(name);
        }
    }
    program.env("RAAF_TRACE_CONSOLE", "true").env_remove("NO_COLOR");
    Ok(program)
}

/// Returns its standard output and standard error.
fn printed(variables: &[(&str, &str)]) -> Result<[String; 2], Box<dyn Error>> {
    let Output { status, stdout, stderr } = program()?.envs(variables.iter().copied()).output()?;
    assert!(status.success());
    Ok([String::from_utf8(stdout)?, String::from_utf8(stderr)?])
}

/// Not a test by itself: the program that the others start.
#[test]
fn the_traced_program() -> Result<(), Box<dyn Error>> {
    use raaf_processors as _;
    if std::env::var_os(INSIDE).is_none() {
        return Ok(());
    }
    if std::env::var_os(WAIT).is_some() {
        writeln!(io::stderr(), "ready")?;
        io::stdin().read_to_string(&mut String::new())?;
    }
    let guard = raaf_trace_core::init()?.with_timeout(LONG);
    let agent = || tracer().agent_span("Planner").with("note", "x").in_span(|| ());
    tracer().pipeline_span("Report").in_span(agent);
    guard.shutdown()?;
    if std::env::var_os(WAIT).is_some() {
        writeln!(io::stderr(), "all is well")?;
    }
    Ok(())
}

#[test]
fn a_tree_is_what_there_is_without_a_word() -> Result<(), Box<dyn Error>> {
    let [shown, errors] = printed(&[])?;
    assert!(shown.contains("\n└── Agent:Planner  "), "{shown}");
    assert!(!shown.contains("start") && !shown.contains("note"), "{shown}");
    assert_eq!(errors, "");
    Ok(())
}

#[test]
fn each_setting_can_be_asked_for() -> Result<(), Box<dyn Error>> {
    let [shown, _] = printed(&[("RAAF_TRACE_CONSOLE_MODE", "lines")])?;
    assert!(shown.contains("start  Pipeline:Report\nstart  Agent:Planner\nend    "), "{shown}");
    let [shown, _] = printed(&[("RAAF_TRACE_CONSOLE_DETAILED", "1")])?;
    assert!(shown.contains("      note = x\n"), "{shown}");
    let colors = [("RAAF_TRACE_CONSOLE_COLOR", "always"), ("NO_COLOR", "1")];
    let [shown, _] = printed(&colors)?;
    assert!(shown.contains("\u{1b}[32m✓ ok\u{1b}[0m"), "{shown}");
    let [shown, errors] = printed(&[("RAAF_TRACE_CONSOLE_STREAM", "stderr")])?;
    assert!(!shown.contains("Report") && errors.contains("Pipeline:Report  "), "{shown}");
    Ok(())
}

#[cfg(feature = "live")]
#[test]
fn the_live_mode_is_a_tree_where_there_is_no_terminal() -> Result<(), Box<dyn Error>> {
    let [shown, errors] = printed(&[("RAAF_TRACE_CONSOLE_MODE", "live")])?;
    assert!(shown.contains("\n└── Agent:Planner  "), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    assert_eq!(errors, "");
    Ok(())
}

#[test]
fn a_wrong_value_ends_the_program_with_what_would_be_right() {
    let pairs = [("RAAF_TRACE_CONSOLE", "1"), ("RAAF_TRACE_CONSOLE_STREAM", "printer")];
    let environment = Environment::from_pairs(pairs);
    let error = TracerProvider::builder().environment(&environment).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the sink `console` could not be built: RAAF_TRACE_CONSOLE_STREAM is `printer`; expected \
         stdout or stderr"
    );
}

#[test]
fn a_pipe_that_closes_early_is_no_failure() -> Result<(), Box<dyn Error>> {
    let mut program = program()?
        .env(WAIT, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stderr = BufReader::new(program.stderr.take().ok_or("no errors")?);
    let mut errors = String::new();
    // The test harness in it has printed what it prints before.
    stderr.read_line(&mut errors)?;
    drop(program.stdout.take());
    drop(program.stdin.take());
    stderr.read_to_string(&mut errors)?;
    // How it ends says nothing: the harness stumbles over the closed pipe afterwards.
    program.wait()?;
    assert!(
        errors.starts_with("ready\nall is well\n") && !errors.contains("raaf warn"),
        "{errors}"
    );
    Ok(())
}

//! The closure forms for plain values, handed a `Result`: a warning, in debug builds.

use std::{env, process::Command};

use futures::FutureExt as _;
use raaf_trace_core::{Component, TraceableExt as _, TracerProvider, trace, tracer};

/// Set in the child process of a test, to the name of what it should run.
const CASE: &str = "RAAF_TEST_CASE";

fn run(case: &str) {
    let tool = Component::tool("Search");
    let fail = || "x".parse::<i32>();
    match case {
        "run" => drop(tool.traced("run").run(fail)),
        "run_async" => drop(tool.traced("run").run_async(async { fail() }).now_or_never()),
        "trace" => drop(trace("workflow").run(fail)),
        "trace_async" => drop(trace("workflow").run_async(async { fail() }).now_or_never()),
        "manual" => drop(tracer().span("manual").run(|_| fail())),
        "try_run" => drop(tool.traced("run").try_run(fail)),
        "plain" => drop(tool.traced("run").run(|| fail().ok())),
        _ => unreachable!("{case}"),
    }
}

/// What a process that runs `case` writes to standard error.
#[allow(clippy::unwrap_used, reason = "only tests call it")]
fn said(case: &str) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "this_is_run_in_a_process_of_its_own", "--nocapture"]);
    command.env(CASE, case).env_remove("RAAF_DEBUG_CATEGORIES").env_remove("RAAF_LOG_LEVEL");
    String::from_utf8(command.output().unwrap().stderr).unwrap()
}

#[test]
fn this_is_run_in_a_process_of_its_own() {
    if let Ok(case) = env::var(CASE) {
        TracerProvider::builder().build().run(|| run(&case));
    }
}

#[test]
#[cfg(debug_assertions)]
fn g1_a_result_handed_to_a_form_for_plain_values_is_warned_of() {
    for case in ["run", "run_async", "trace", "trace_async", "manual"] {
        let said = said(case);
        assert!(said.contains("raaf warn [tracing] `run` was handed"), "{case}: {said}");
        assert!(said.contains("ParseIntError") && said.contains("use `try_run`"), "{said}");
    }
}

#[test]
fn g1_what_fits_its_form_is_not_warned_of() {
    for case in ["try_run", "plain"] {
        assert_eq!(said(case).matches("raaf ").count(), 0, "{case}");
    }
}

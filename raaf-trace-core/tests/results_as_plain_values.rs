//! The forms for plain values, handed a `Result` that the compiler cannot see.

use std::{env, process::Command};

use futures::FutureExt as _;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Component, Traceable as _, TracerProvider, trace, traced_block, tracer};

/// Set in the child process of a test, to the name of what it should run.
const CASE: &str = "RAAF_TEST_CASE";

/// Code that does not know what its work returns.
fn generic<T>(case: &str, work: impl FnOnce() -> T) -> Option<T> {
    let tool = Component::tool("Search");
    match case {
        "call" => Some(tool.in_span("run", work)),
        "future" => tool.in_span("run", async { work() }).now_or_never(),
        "trace" => Some(trace("workflow").in_span(work)),
        "manual" => Some(tracer().span("manual").in_span(work)),
        "block" => Some(traced_block!(tool, "run", || -> T { work() })),
        _ => unreachable!("{case}"),
    }
}

/// Returns the standard error of a process that runs `case`.
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
        let fail = || "x".parse::<i32>();
        TracerProvider::builder().build().run(|| match &*case {
            "try" => drop(Component::tool("Search").try_in_span("run", fail)),
            "plain" => drop(generic("call", || fail().ok())),
            case => drop(generic(case, fail)),
        });
    }
}

#[test]
#[cfg(debug_assertions)]
fn g1_a_result_behind_a_type_parameter_is_warned_of() {
    for case in ["call", "future", "trace", "manual"] {
        let said = said(case);
        assert!(said.contains("raaf warn [tracing] `in_span` received"), "{case}: {said}");
        assert!(said.contains("ParseIntError") && said.contains("use `try_in_span`"), "{said}");
    }
}

#[test]
fn g1_what_fits_its_form_is_not_warned_of() {
    for case in ["try", "plain"] {
        assert_eq!(said(case).matches("raaf ").count(), 0, "{case}");
    }
}

#[test]
fn g1_a_result_behind_a_type_parameter_leaves_the_status_unset() {
    let capture = Capture::new();
    capture.run(|| {
        for case in ["call", "future", "trace", "manual", "block"] {
            assert!(generic(case, || "x".parse::<i32>()).unwrap().is_err());
            assert_eq!(generic(case, || 7), Some(7));
        }
    });
    assert_span_tree!(capture, {
        tool "Search" [status = unset, !"result.success"] tool "Search" [status = ok]
        tool "Search" [status = unset] tool "Search" [status = ok]
        trace "workflow" [status = unset] trace "workflow" [status = ok]
        custom "manual" [status = unset] custom "manual" [status = ok]
        tool "Search" [status = unset] tool "Search" [status = ok]
    });
}

//! Random workflows of the testkit, with spans of `tracing` among those of ours.
//!
//! `PROPTEST_CASES` sets how many are run on each runtime; CI runs more than the default.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod support;

use std::{
    env,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures::{FutureExt as _, future::BoxFuture};
use proptest::{
    prelude::*,
    test_runner::{TestCaseResult, TestRunner},
};
use raaf_testkit::{
    Capture, Spans,
    workflow::{Scopes, Step, Workflow, workflows},
};
use raaf_trace_core::{Status, current_span};
use support::subscribe;
use tokio::runtime::{Builder, Runtime};
use tracing::{Instrument as _, Span, info_span};

/// Cases on each runtime, unless the environment says otherwise.
const CASES: u32 = 250;

/// Spans of `tracing`, every other one without a parent there.
#[derive(Default)]
struct Instrumented(AtomicUsize);

impl Instrumented {
    fn span(&self) -> Span {
        if self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            info_span!(target: "steps", parent: None, "scope")
        } else {
            info_span!(target: "steps", "scope")
        }
    }
}

impl Scopes for Instrumented {
    fn recorded_as(&self) -> [&'static str; 3] {
        ["component", "steps", "scope"]
    }

    fn run(&self, steps: &mut dyn FnMut()) {
        self.span().in_scope(steps);
    }

    fn wrap<'a>(&self, steps: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        steps.instrument(self.span()).boxed()
    }
}

/// Puts a scope around the steps of every other call.
fn with_more_scopes(steps: Vec<Step>) -> Vec<Step> {
    let more = |step| match step {
        Step::Call(mut call) => {
            call.steps = with_more_scopes(call.steps);
            if call.method == "validate" {
                let steps = call.steps;
                call.steps = vec![Step::Manual { scoped: true, status: Status::Unset, steps }];
            }
            Step::Call(call)
        }
        Step::Parallel { on, branches } => {
            Step::Parallel { on, branches: branches.into_iter().map(with_more_scopes).collect() }
        }
        Step::Cancel { abort, steps } => Step::Cancel { abort, steps: with_more_scopes(steps) },
        Step::Outside { steps } => Step::Outside { steps: with_more_scopes(steps) },
        Step::Manual { scoped, status, steps } => {
            Step::Manual { scoped, status, steps: with_more_scopes(steps) }
        }
        other => other,
    };
    steps.into_iter().map(more).collect()
}

fn check(runtime: &Runtime, workflow: &Workflow) -> TestCaseResult {
    let capture = Capture::new();
    // As a task, so that on the multi-thread runtime it moves between workers.
    let run = runtime.spawn(capture.run_async(workflow.run_with(Instrumented::default())));
    let ran = runtime.block_on(run).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(ran.violations(), &[] as &[String], "the context was not restored");
    prop_assert!(current_span().is_none() && Span::current().is_none());

    let spans = capture.spans();
    let fail = |error: &dyn std::fmt::Display| TestCaseError::fail(error.to_string());
    workflow.expected_with(&Instrumented::default()).check(&spans).map_err(|error| fail(&error))?;
    for root in spans.roots() {
        let trace = spans.iter().filter(|span| span.trace_id() == root.trace_id()).cloned();
        let trace = Spans::new(trace);
        workflow.coherence().check(&trace).map_err(|error| fail(&error))?;
    }
    let stats = capture.provider().stats();
    prop_assert_eq!((stats.started, stats.ended), (spans.len() as u64, spans.len() as u64));
    Ok(())
}

fn run_on(runtime: &Runtime) {
    subscribe();
    let cases = env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(CASES),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let workflows =
        workflows().prop_map(|workflow| Workflow { steps: with_more_scopes(workflow.steps) });
    let result = TestRunner::new(config).run(&workflows, |workflow| check(runtime, &workflow));
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn on_a_current_thread_runtime() {
    run_on(&Builder::new_current_thread().build().unwrap());
}

#[test]
fn on_a_multi_thread_runtime() {
    run_on(&Builder::new_multi_thread().worker_threads(4).build().unwrap());
}

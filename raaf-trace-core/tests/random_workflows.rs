//! Random workflows with real threads and tasks leave exactly the tree that an oracle expects.
//!
//! `PROPTEST_CASES` sets how many are run on each runtime; CI runs more than the default.

use std::{collections::BTreeMap, env, time::Duration};

use proptest::{
    prelude::*,
    test_runner::{TestCaseResult, TestRunner},
};
use raaf_testkit::{
    Capture, Spans,
    workflow::{Workflow, workflows},
};
use raaf_trace_core::{FinishedSpan, MemoryExporter, current_span};
use tokio::runtime::{Builder, Runtime};

/// Cases on each runtime, unless the environment says otherwise.
const CASES: u32 = 500;

const TIMEOUT: Duration = Duration::from_secs(30);

fn check(runtime: &Runtime, workflow: &Workflow) -> TestCaseResult {
    // Beside the capture, a batching exporter sees the same spans.
    let memory = MemoryExporter::new();
    let capture = Capture::with(|builder| builder.with(memory.clone()));
    // As a task, so that on the multi-thread runtime it moves between workers.
    let run = runtime.spawn(capture.run_async(workflow.run()));
    let ran = runtime.block_on(run).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(ran.violations(), &[] as &[String], "the context was not restored");
    prop_assert!(current_span().is_none());

    let spans = capture.spans();
    let fail = |error: &dyn std::fmt::Display| TestCaseError::fail(error.to_string());
    workflow.expected().check(&spans).map_err(|error| fail(&error))?;
    let mut traces = BTreeMap::<_, Vec<_>>::new();
    for span in &spans {
        traces.entry(span.trace_id().to_string()).or_default().push(span.clone());
    }
    for trace in traces.into_values() {
        workflow.coherence().check(&Spans::new(trace)).map_err(|error| fail(&error))?;
    }

    capture.provider().force_flush(TIMEOUT).map_err(|error| fail(&error))?;
    prop_assert_eq!(ids(&memory.take()), ids(&spans.iter().cloned().collect::<Vec<_>>()));
    let stats = capture.provider().stats();
    prop_assert_eq!((stats.started, stats.ended), (spans.len() as u64, spans.len() as u64));
    prop_assert_eq!(stats.dropped(), 0);
    Ok(())
}

fn ids(spans: &[FinishedSpan]) -> Vec<String> {
    let mut ids: Vec<_> = spans.iter().map(|span| span.span_id().to_string()).collect();
    ids.sort_unstable();
    ids
}

#[allow(clippy::panic, reason = "a failing workflow is shown rather than debugged")]
fn run_on(runtime: &Runtime) {
    let cases = env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(CASES),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&workflows(), |workflow| check(runtime, &workflow));
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

//! Wrappers of steps, and their spans.

mod common;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use raaf_agents::{
    Agent, FlowExt as _, FunctionStep, Pipeline, PipelineError, Progress, RetryPolicy, State,
    StepError, service,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_trace_core::attributes::SpanLimits;
use tokio::time::Instant;

use common::Silent;

/// Fails this many times, then returns the number of the attempt.
fn flaky(failures: u32) -> FunctionStep {
    let tries = AtomicU32::new(0);
    service("Flaky", move |state: State| {
        let attempt = tries.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            if attempt <= failures {
                return Err(format!("classified {attempt}").into());
            }
            Ok(state.with("attempt", attempt))
        }
    })
}

fn waiting() -> Agent {
    Agent::builder("Waits", Silent).build()
}

fn copies(from: &'static str, to: &'static str) -> FunctionStep {
    service("Copy", move |state: State| async move {
        let value = state.value(from)?.clone();
        Ok(state.with(to, value))
    })
    .requires(from)
    .provides(to)
}

async fn run(capture: &Capture, pipeline: &Pipeline) -> Result<State, PipelineError> {
    capture.run_async(pipeline.run(State::new().with("input", "x"))).await
}

#[tokio::test(start_paused = true)]
async fn retries_are_events_with_a_count() {
    let capture = Capture::new();
    let pipeline = flaky(2).retry(3).named("P").build().unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.get::<u32>("attempt").unwrap(), 3);
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        pipeline "P" [ok] {
            step "Flaky" [
                ok, "step.attempts" = 3, event "retry" x 2,
                event "retry" ["step.attempt" = 1, "step.error" = "classified 1"],
                event "retry" ["step.attempt" = 2, "step.error" = "classified 2"],
                !event "timeout"
            ] {
                component "Flaky" [error]
                component "Flaky" [error]
                component "Flaky" [ok]
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_step_that_keeps_failing_fails_after_its_last_attempt() {
    let capture = Capture::new();
    let pipeline = flaky(9).retry(1).named("P").build().unwrap();
    let error = run(&capture, &pipeline).await.unwrap_err();
    assert_eq!((&*error.step, &*error.source.to_string()), ("Flaky", "classified 2"));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" [error] {
            step "Flaky" [error "StepError::Function", "step.attempts" = 2, event "retry" x 1] {
                component "Flaky" [error] x 2
            }
        }
    });
}

#[tokio::test]
async fn only_matching_errors_are_retried() {
    let capture = Capture::new();
    let timed_out = |error: &StepError| matches!(error, StepError::Timeout { .. });
    let pipeline = flaky(1).retry_if(3, timed_out).named("P").build().unwrap();
    assert!(run(&capture, &pipeline).await.is_err());
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" [error] {
            step "Flaky" [error, "step.attempts" = 1, !event "retry"] { component "Flaky" [error] }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn delays_grow_up_to_the_maximum() {
    let second = Duration::from_secs(1);
    let retry = RetryPolicy::new(5).with_delays(second, 4 * second);
    let delays = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&delays);
    let pipeline = flaky(5).retry(retry).named("P").on_progress(move |progress| {
        if let Progress::Retrying { delay, .. } = progress {
            seen.lock().unwrap().push(*delay);
        }
    });
    let start = Instant::now();
    pipeline.build().unwrap().run(State::new()).await.unwrap();
    let delays = delays.lock().unwrap();
    let least = [1, 2, 4, 4, 4];
    assert_eq!(delays.len(), least.len());
    for (delay, least) in delays.iter().zip(least) {
        let least = second * least;
        assert!((least..=2 * least).contains(delay), "{delays:?}");
    }
    // The clock is tokio's, which stands still but for these waits.
    assert!(start.elapsed() >= delays.iter().sum());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_an_error_above_the_cancelled_spans() {
    let capture = Capture::new();
    let limit = Duration::from_millis(250);
    let pipeline = waiting().timeout(limit).named("P").build().unwrap();
    let error = run(&capture, &pipeline).await.unwrap_err();
    assert_eq!((&*error.step, &*error.source.to_string()), ("Waits", "timed out after 250ms"));
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        pipeline "P" [error] {
            step "Waits" [
                error "timeout", "error.message" = "timed out after 250ms",
                "step.timeout_ms" = 250, event "timeout" x 1, !event "retry"
            ] {
                agent "Waits" [cancelled] { llm "silent" [cancelled] }
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn wrappers_enclose_those_before_them() {
    let second = Duration::from_secs(1);
    let each_try = Capture::new();
    let pipeline = waiting().timeout(second).retry(2).named("P").build().unwrap();
    assert!(run(&each_try, &pipeline).await.is_err());
    assert_span_tree!(each_try.spans_async().await, {
        pipeline "P" [error] {
            step "Waits" [error, "step.attempts" = 3, event "timeout" x 3, event "retry" x 2] {
                agent "Waits" [cancelled] { llm "silent" [cancelled] }
                agent "Waits" [cancelled] { llm "silent" [cancelled] }
                agent "Waits" [cancelled] { llm "silent" [cancelled] }
            }
        }
    });
    let together = Capture::new();
    let pipeline = waiting().retry(2).timeout(second).named("P").build().unwrap();
    assert!(run(&together, &pipeline).await.is_err());
    assert_span_tree!(together.spans_async().await, {
        pipeline "P" [error] {
            step "Waits" [error, event "timeout" x 1, !event "retry"] {
                agent "Waits" [cancelled] { llm "silent" [cancelled] }
            }
        }
    });
}

#[tokio::test]
async fn a_skipped_step_is_a_span_with_the_reason() {
    let capture = Capture::new();
    let only_if = |key: &'static str| {
        copies("input", "copy")
            .run_if(format!("there is `{key}`"), move |state| state.contains(key))
    };
    let pipeline = (only_if("plan") >> only_if("input")).named("P").build().unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state.text("copy").unwrap(), "x");
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" [ok] {
            step "Copy" [
                ok, "step.skipped" = true,
                "step.skip_reason" = "condition not met: there is `plan`"
            ] {}
            step "Copy" [ok, !"step.skipped"] { component "Copy" }
        }
    });
}

#[tokio::test]
async fn a_cancelled_step_has_neither_a_timeout_nor_a_skip() {
    let capture = Capture::new();
    let limit = Duration::from_secs(9);
    let pipeline = (waiting().timeout(limit) | flaky(1)).named("P").build().unwrap();
    assert_eq!(run(&capture, &pipeline).await.unwrap_err().step, "Flaky");
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" [error] {
            step "Waits" [cancelled, !event "timeout", !"step.skipped"] {
                agent "Waits" [cancelled] { llm "silent" [cancelled] }
            }
            component "Flaky" [error]
        }
    });
}

#[tokio::test]
async fn keys_of_a_step_can_be_renamed() {
    let capture = Capture::new();
    let pipeline = copies("from", "to")
        .map_input("input", "from")
        .map_output("to", "result")
        .named("P")
        .takes("input")
        .build()
        .unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(state, State::new().with("input", "x").with("result", "x"));
    assert_span_tree!(capture.spans_async().await, { pipeline "P" { component "Copy" } });
}

#[tokio::test]
async fn renamed_keys_restore_the_values_outside() {
    let capture = Capture::new();
    let pipeline = copies("from", "to").map_input("input", "from").map_output("to", "result");
    let pipeline = pipeline.named("P").build().unwrap();
    let state = State::new().with("input", "x").with("from", 1).with("to", 2);
    let after = capture.run_async(pipeline.run(state.clone())).await.unwrap();
    assert_eq!(after, state.with("result", "x"));
    assert_span_tree!(capture.spans_async().await, { pipeline "P" { component "Copy" } });
}

#[tokio::test]
async fn renamed_keys_are_checked_when_the_pipeline_is_built() {
    let renamed = || copies("from", "to").map_input("input", "from").map_output("to", "result");
    let error = renamed().named("P").takes("from").build().unwrap_err();
    assert_eq!((&*error.missing[0].step, &*error.missing[0].key), ("Copy", "input"));
    let next = copies("result", "end");
    assert!((renamed() >> next).named("P").takes("input").build().is_ok());
}

#[tokio::test(start_paused = true)]
async fn hooks_run_before_each_attempt_and_after_success() {
    let capture = Capture::new();
    let count = |key: &'static str| {
        move |state: &mut State| {
            let so_far: u32 = state.get(key).unwrap_or_default();
            state.set(key, so_far + 1);
        }
    };
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let pipeline = flaky(1)
        .before(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .retry(1)
        .before(count("before"))
        .after(count("after"))
        .named("P")
        .build()
        .unwrap();
    let state = run(&capture, &pipeline).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!((state.get::<u32>("before").unwrap(), state.get::<u32>("after").unwrap()), (1, 1));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" {
            step "Flaky" { component "Flaky" [error] component "Flaky" [ok] }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn progress_is_reported_as_it_happens() {
    let capture = Capture::new();
    let said = Arc::new(Mutex::new(Vec::new()));
    let saying = Arc::clone(&said);
    let steps = flaky(1).retry(1)
        >> copies("input", "copy").run_if("there is a plan", |state| state.contains("plan"));
    let pipeline = steps.named("P").on_progress(move |progress| {
        let line = match progress {
            Progress::Started { step, .. } => format!("{step} starts"),
            Progress::Done { step, .. } => format!("{step} is done"),
            Progress::Failed { step, error } => format!("{step} failed: {error}"),
            Progress::Retrying { step, attempt, .. } => format!("{step}: try {attempt}"),
            Progress::Skipped { step, reason } => format!("{step} is skipped: {reason}"),
            _ => return,
        };
        saying.lock().unwrap().push(line);
    });
    run(&capture, &pipeline.build().unwrap()).await.unwrap();
    assert_eq!(
        *said.lock().unwrap(),
        [
            "Flaky starts",
            "Flaky failed: classified 1",
            "Flaky: try 2",
            "Flaky starts",
            "Flaky is done",
            "Copy is skipped: condition not met: there is a plan",
        ]
    );
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" {
            step "Flaky" { component "Flaky" [error] component "Flaky" [ok] }
            step "Copy" ["step.skipped" = true]
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_whole_flow_is_retried() {
    let capture = Capture::new();
    let flow = copies("input", "copy") >> flaky(1);
    let pipeline = flow.retry(1).named("P").build().unwrap();
    run(&capture, &pipeline).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        pipeline "P" ["pipeline.steps_count" = 2] {
            step "Copy >> Flaky" ["step.attempts" = 2] {
                component "Copy" component "Flaky" [error]
                component "Copy" component "Flaky" [ok]
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a5_the_error_of_an_attempt_is_content() {
    let mut limits = SpanLimits::default();
    limits.include_content = false;
    let capture = Capture::with(|builder| builder.limits(limits));
    let pipeline = flaky(2).retry(1).named("P").build().unwrap();
    assert!(run(&capture, &pipeline).await.is_err());
    let spans = capture.spans_async().await;
    for span in &spans {
        let said = format!("{span:?} {:?}", span.events().collect::<Vec<_>>());
        assert!(!said.contains("classified"), "{said}");
    }
    assert_span_tree!(spans, {
        pipeline "P" {
            step "Flaky" [event "retry" ["step.attempt" = 1, !"step.error"]] {
                component "Flaky" [error] x 2
            }
        }
    });
}

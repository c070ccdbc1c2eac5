//! Captures are isolated, wait for open spans, and name those that stay open.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

use raaf_trace_core::{
    Component, InContext as _, Sampler, Traceable as _, clock::ManualClock, current_span,
    naming::NamePattern, provider::global_provider, trace, tracer,
};
use tokio::sync::oneshot;

use crate::{Capture, assert_span_tree, captured, captured_async};

const LONG: Duration = Duration::from_secs(600);

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn captures_do_not_see_each_other() {
    let (one, other) = (Capture::new(), Capture::new());
    one.run(|| Component::agent("One").in_span("run", || ()));
    other.run(|| Component::agent("Other").in_span("run", || ()));
    Component::agent("Nobody's").in_span("run", || ());
    assert_span_tree!(one, { agent "One" });
    assert_span_tree!(other.clone(), { agent "Other" });
}

#[test]
fn threads_are_captured_by_context_and_by_bound_parent() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Data");
    let context = capture.context();
    thread::spawn(move || context.run(|| Component::agent("Apart").in_span("run", || ())))
        .join()
        .unwrap();
    capture.run(|| {
        pipeline.in_span("run", || {
            let bound = Component::agent("Bound").with_parent(&pipeline);
            thread::spawn(move || bound.in_span("run", || ())).join().unwrap();
        });
    });
    assert_span_tree!(capture, { agent "Apart"  pipeline "Data" { agent "Bound" } });
}

#[test]
fn spans_wait_for_those_that_are_open() {
    let capture = Capture::new().wait_at_most(LONG);
    let (started, starts) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let context = capture.context();
    let worker = thread::spawn(move || {
        context.run(|| {
            Component::new("Import").in_span("run", || {
                started.send(()).unwrap();
                goes_on.recv().unwrap();
            });
        });
    });
    starts.recv().unwrap();
    assert!(capture.spans_now().is_empty());
    let waiting = capture.clone();
    let waiter = thread::spawn(move || waiting.spans().len());
    go_on.send(()).unwrap();
    assert_eq!(waiter.join().unwrap(), 1);
    worker.join().unwrap();
}

#[test]
fn waiting_without_blocking_lets_tasks_of_this_thread_go_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let capture = Capture::new().wait_at_most(LONG);
        let (started, starts) = oneshot::channel();
        let work = Component::agent("Slow");
        let task = tokio::spawn(capture.run_async(async move {
            let inside = async {
                started.send(()).unwrap();
                tokio::task::yield_now().await;
            };
            work.in_span("run", inside).await;
        }));
        starts.await.unwrap();
        assert_eq!(capture.spans_async().await.len(), 1);
        task.await.unwrap();
    });
}

#[test]
fn what_stays_open_is_named() {
    let capture = Capture::new().wait_at_most(Duration::ZERO);
    capture.run(|| {
        let first = tracer().agent_span("Planner").start();
        let second = tracer().tool_span("search").method("query").start();
        let panic = catch_unwind(AssertUnwindSafe(|| capture.spans())).unwrap_err();
        assert_eq!(
            text_of(&*panic),
            "2 spans are still open after 0ns:\n    agent \"Planner\"\n    tool \"search\".query"
        );
        second.finish();
        assert_eq!(
            format!("{capture:?}"),
            r#"Capture { finished: 1, open: ["agent \"Planner\""], .. }"#
        );
        drop(first);
    });
    assert_eq!(capture.spans().len(), 2);
}

#[test]
fn the_provider_can_be_configured() {
    let clock = ManualClock::new();
    let capture =
        Capture::with(|builder| builder.naming(NamePattern::Compact).clock(clock.clock()));
    capture.run(|| {
        Component::agent("Planner").in_span("run", || clock.advance(Duration::from_secs(3)));
        // The clock stands still: order is kept all the same.
        Component::agent("B").in_span("run", || ());
        Component::agent("A").in_span("run", || Component::tool("c").in_span("run", || ()));
    });
    assert_span_tree!(capture, {
        agent "Planner" [name = "agent.Planner", "duration_ms" = 3000.0]
        agent "B"
        agent "A" { tool "c" }
    });
    assert_eq!(capture.provider().processor_count(), 1);
}

#[test]
fn the_context_ends_with_the_run() {
    let capture = Capture::new();
    assert_eq!(capture.run(|| 7), 7);
    assert!(current_span().is_none());
    assert!(capture.spans().is_empty());
}

#[test]
fn of_many_open_spans_the_first_are_named() {
    let capture = Capture::builder().wait_at_most(Duration::ZERO).build();
    let open: Vec<_> = (0..23)
        .map(|number| capture.provider().tracer().tool_span(number.to_string()).start())
        .collect();
    let panic = catch_unwind(AssertUnwindSafe(|| capture.spans())).unwrap_err();
    let text = text_of(&*panic);
    assert!(text.starts_with("23 spans are still open after 0ns:\n    tool \"0\"\n"), "{text}");
    assert!(text.ends_with("    tool \"19\"\n    ... and 3 more"), "{text}");
    drop(open);
}

#[test]
fn a_global_capture_sees_bare_roots_in_bare_threads() {
    let capture = Capture::global();
    assert!(global_provider().is(capture.provider()));
    let isolated = Capture::new();
    isolated.run(|| trace("isolated").in_span(|| ()));
    thread::spawn(|| trace("bare").in_span(|| trace("inside").in_span(|| ()))).join().unwrap();
    let ((), spans) = captured(|| trace("isolated, too").in_span(|| ()));
    assert_eq!(spans.len(), 1);
    assert_eq!(capture.spans().by_component("bare").count(), 1);
    assert_eq!(capture.spans().by_component("inside").count(), 1);
    assert!(capture.spans().iter().all(|span| !span.name().contains("isolated")));
}

#[test]
fn global_captures_take_turns_also_after_a_panic() {
    let work = || {
        let capture = Capture::builder().deterministic().global();
        assert!(global_provider().is(capture.provider()));
        thread::spawn(|| trace("mine").in_span(|| ())).join().unwrap();
        assert_eq!(capture.spans().by_component("mine").count(), 1);
        std::panic::resume_unwind(Box::new("the test failed"));
    };
    let tests: Vec<_> = (0..4).map(|_| thread::spawn(work)).collect();
    for test in tests {
        let panic = test.join().unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the test failed"));
    }
}

#[test]
fn a_second_global_capture_in_a_thread_is_an_error() {
    let first = Capture::global();
    let panic = catch_unwind(Capture::global).unwrap_err();
    let text = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert_eq!(text, "this thread holds a global capture already: drop that one first");
    drop(first);
    drop(Capture::global());
}

#[tokio::test]
async fn a_current_thread_runtime_is_captured_in_one_line() {
    let work = async {
        let work = async { Component::agent("Task").in_span("run", async { 1 }).await };
        tokio::spawn(work.in_current_context()).await.unwrap()
    };
    let (sum, spans) = captured_async(trace("nightly").in_span(work)).await;
    assert_eq!(sum, 1);
    assert_span_tree!(spans, { trace "nightly" { agent "Task" } });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_multi_thread_runtime_is_captured_globally() {
    let capture = Capture::global();
    let tasks: Vec<_> = (0..8)
        .map(|_| tokio::spawn(trace("bare task").in_span(tokio::task::yield_now())))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(capture.spans_async().await.by_component("bare task").count(), 8);
}

#[test]
fn a_deterministic_capture_is_the_same_in_each_run() {
    let run = || {
        let capture = Capture::deterministic();
        capture.run(|| {
            trace("nightly").in_span(|| {
                capture.advance(Duration::from_millis(3));
                trace("import").in_span(|| capture.advance(Duration::from_micros(1)));
            });
        });
        let described = |span: &raaf_trace_core::FinishedSpan| {
            (span.trace_id(), span.span_id(), span.start_time(), span.end_time())
        };
        capture.spans().iter().map(described).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_seed_decides_what_is_sampled() {
    let kept = |seed| {
        let half = Sampler::ratio(0.5);
        let capture =
            Capture::builder().seed(seed).configure(move |builder| builder.sampler(half)).build();
        for number in 0..64 {
            capture.run(|| trace(number.to_string()).in_span(|| ()));
        }
        capture.spans().to_string()
    };
    assert_eq!(kept(1), kept(1));
    assert_ne!(kept(1), kept(2));
}

#[test]
fn only_a_clock_that_was_given_can_be_moved() {
    let panic = catch_unwind(|| Capture::new().advance(LONG)).unwrap_err();
    let text = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(text.contains("deterministic"), "{text}");
}

#[test]
fn a_hundred_thousand_spans_are_captured() {
    const SPANS: usize = 100_000;
    let ((), spans) = captured(|| {
        trace("all").in_span(|| {
            let tool = Component::tool("each");
            for _ in 1..SPANS {
                tool.in_span("run", || ());
            }
        });
    });
    assert_eq!(spans.len(), SPANS);
    assert_eq!(spans.children_of(spans.only("all")).count(), SPANS - 1);
}

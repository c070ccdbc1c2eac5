//! Captures are isolated, wait for open spans, and name those that stay open.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

use raaf_trace_core::{
    Component, ManualClock, NamePattern, TraceableExt as _, current_span, tracer,
};
use tokio::sync::oneshot;

use crate::{Capture, assert_span_tree};

const LONG: Duration = Duration::from_secs(600);

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn captures_do_not_see_each_other() {
    let (one, other) = (Capture::new(), Capture::new());
    one.run(|| Component::agent("One").traced("run").run(|| ()));
    other.run(|| Component::agent("Other").traced("run").run(|| ()));
    Component::agent("Nobody's").traced("run").run(|| ());
    assert_span_tree!(one, { agent "One" });
    assert_span_tree!(other.clone(), { agent "Other" });
}

#[test]
fn threads_are_captured_by_context_and_by_bound_parent() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Data");
    let context = capture.context();
    thread::spawn(move || context.run(|| Component::agent("Apart").traced("run").run(|| ())))
        .join()
        .unwrap();
    capture.run(|| {
        pipeline.traced("run").run(|| {
            let bound = Component::agent("Bound").with_parent(&pipeline);
            thread::spawn(move || bound.traced("run").run(|| ())).join().unwrap();
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
            Component::new("Import").traced("run").run(|| {
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
            work.traced("run").run_async(inside).await;
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
        Component::agent("Planner").traced("run").run(|| clock.advance(Duration::from_secs(3)));
        // The clock stands still: order is kept all the same.
        Component::agent("B").traced("run").run(|| ());
        Component::agent("A").traced("run").run(|| Component::tool("c").traced("run").run(|| ()));
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

//! Failure texts about spans that are not one coherent trace.

mod support;

use std::time::Duration;

use raaf_testkit::{Capture, Spans, assert_coherent};
use raaf_trace_core::{Component, Context, Status, Traceable as _, clock::ManualClock, tracer};
use support::{call, data};

fn text(spans: &Spans) -> String {
    spans.check_coherent().err().map(|incoherent| incoherent.to_string()).unwrap_or_default()
}

#[test]
fn nothing_at_all() {
    insta::assert_snapshot!(text(&Capture::new().spans()), @r#"
    the spans are not one coherent trace: 1 problem

      there are no spans

        nothing was captured: was the traced code run by the capture, and a future by `run_async` or
        `captured_async` (`run` only makes it)? Does a spawned task or thread have its context
        (`task::spawn_traced`, `Context::run`)?
    "#);
}

#[test]
fn two_roots_in_two_traces() {
    let capture = Capture::new();
    capture.run(|| ["A", "B"].map(|name| call(&Component::agent(name), || ())));
    insta::assert_snapshot!(text(&capture.spans()), @r#"
    the spans are not one coherent trace: 2 problems

      there are 2 traces
      there are 2 roots: agent "A", agent "B"

        agent "A"
        agent "B"
    "#);
}

#[test]
fn a_span_without_its_parent_and_one_twice() {
    let spans: Vec<_> = data().iter().cloned().collect();
    let part = [&spans[..1], &spans[2..], &spans[3..]].concat();
    insta::assert_snapshot!(text(&Spans::new(part)), @r#"
    the spans are not one coherent trace: 2 problems

        pipeline "Data"
        ├── agent "Writer"
      ! └── agent "Writer"  <- it occurs twice, with the same id
      > tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string (its parent is missing)
    "#);
}

#[test]
fn a_child_that_outlives_its_parent() {
    let outliving = |status| {
        let clock = ManualClock::new();
        let capture = Capture::with(|builder| builder.clock(clock.clock()));
        capture.run(|| {
            let parent = tracer().agent_span("Planner").start();
            let child = parent.in_span(|| tracer().tool_span("flush").start());
            clock.advance(Duration::from_secs(1));
            parent.set_status(status).finish();
            clock.advance(Duration::from_millis(250));
            child.finish();
        });
        capture.spans()
    };
    insta::assert_snapshot!(text(&outliving(Status::Ok)), @r#"
    the spans are not one coherent trace: 1 problem

        agent "Planner"
      ~ └── tool "flush" [status = unset]  <- it ends 250ms after its parent, which is ok
    "#);
    assert_coherent!(outliving(Status::Cancelled));
    assert_coherent!(outliving(Status::Ok), may_outlive "search", may_outlive "fl*",);
}

#[test]
fn a_large_trace_is_folded_around_what_is_wrong() {
    let clock = ManualClock::new();
    let capture = Capture::with(|builder| builder.clock(clock.clock()));
    let tool = Component::tool("load");
    let context = capture.run(|| {
        let pipeline = Component::pipeline("Big");
        pipeline.in_span("run", || {
            (0..500).for_each(|_| call(&tool, || ()));
            Context::current()
        })
    });
    clock.advance(Duration::from_secs(1));
    context.run(|| call(&Component::tool("late"), || ()));
    insta::assert_snapshot!(text(&capture.spans()), @r#"
    the spans are not one coherent trace: 1 problem

        pipeline "Big"
        ├── … 499 spans as expected
        ├── tool "load"
      ~ └── tool "late"  <- it ends 1s after its parent, which is ok
    "#);
}

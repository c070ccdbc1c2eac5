//! Reuse of the enclosing call's span.

use std::{task::Poll, thread};

use futures::{FutureExt as _, future::join};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, Context, InContext as _, Traceable, current_span, in_current_context, tracer,
};
use tokio::task::yield_now;

#[test]
fn g12_same_method_is_reused() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        agent.in_span("run", || {
            let outer = current_span().unwrap().span_id();
            let inner = agent.in_span("run", || current_span().unwrap().span_id());
            assert_eq!(inner, outer);
        });
    });
    assert_span_tree!(capture, { agent "Writer" });
}

#[test]
fn g12_a_clone_is_the_same_component() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let moved = agent.clone();
    capture.run(|| agent.in_span("run", move || moved.in_span("run", || ())));
    assert_span_tree!(capture, { agent "Writer" });
}

#[test]
fn g12_a_component_of_the_same_name_is_another() {
    let capture = Capture::new();
    let (first, second) = (Component::agent("Writer"), Component::agent("Writer"));
    capture.run(|| first.in_span("run", || second.in_span("run", || ())));
    assert_span_tree!(capture, { agent "Writer" { agent "Writer" } });
}

#[test]
fn g12_building_on_from_a_clone_makes_another_component() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let tool = agent.clone().with_kind("tool");
    assert!(!tool.is(&agent));
    capture.run(|| agent.in_span("run", || tool.in_span("run", || ())));
    assert_span_tree!(capture, { agent "Writer" { tool "Writer" } });
}

#[test]
fn g12_the_method_is_compared_as_a_whole() {
    let capture = Capture::new();
    let tool = Component::tool("Search");
    capture.run(|| {
        tool.in_span("run", || {
            tool.in_span("run_all", || tool.in_span("Run", || ()));
        });
    });
    assert_span_tree!(capture, {
        tool "Search" { tool "Search".run_all { tool "Search"."Run" } }
    });
}

#[test]
fn g12_names_full_of_dots_do_not_confuse_it() {
    let capture = Capture::new();
    let (dotted, plain) = (Component::tool("a.b"), Component::tool("a"));
    capture.run(|| dotted.in_span("c", || plain.in_span("b.c", || ())));
    let spans = capture.spans();
    assert_eq!(spans.only("a.b").name(), spans.only("a").name());
    assert_span_tree!(spans, tool "a.b" > tool "a");
}

#[test]
fn g12_only_the_innermost_span_is_reused() {
    let capture = Capture::new();
    let (agent, tool) = (Component::agent("Writer"), Component::tool("Search"));
    capture.run(|| {
        agent.in_span("run", || {
            tool.in_span("run", || agent.in_span("run", || ()));
        });
    });
    assert_span_tree!(capture, { agent "Writer" { tool "Search" { agent "Writer" } } });
}

#[tokio::test]
async fn g12_calls_joined_under_the_same_method_are_one_with_it() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let run = || agent.in_span("run", yield_now());
    let outer = agent.in_span("run", async { join(run(), run()).await });
    capture.run_async(outer).await;
    assert_span_tree!(capture, { agent "Writer" });
}

#[tokio::test]
async fn g12_calls_joined_side_by_side_are_two() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    let run = || agent.in_span("run", yield_now());
    let both = pipeline.in_span("run", async { join(run(), run()).await });
    capture.run_async(both).await;
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" agent "Writer" } });
}

#[test]
fn g12_the_next_call_after_the_end_is_a_new_span() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        agent.in_span("run", || ());
        agent.in_span("run", || ());
    });
    assert_span_tree!(capture, { agent "Writer" agent "Writer" });
}

#[test]
fn g13_other_methods_are_phases_within() {
    let capture = Capture::new();
    let processor = Component::new("Orders").with_kind("processor");
    capture.run(|| {
        processor.in_span("complex_operation", || {
            for phase in ["validation", "transformation", "storage"] {
                processor.in_span(phase, || ());
            }
        });
    });
    assert_span_tree!(capture, {
        processor "Orders".complex_operation {
            processor "Orders".validation
            processor "Orders".transformation
            processor "Orders".storage
        }
    });
    let spans = capture.spans();
    let trace = spans.iter().next().unwrap().trace_id();
    assert!(spans.iter().all(|span| span.trace_id() == trace));
}

#[test]
fn g14_a_reused_call_adds_only_what_is_new() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        agent.traced("run").with("kept", 1).with("same", "both").in_span(|| {
            agent.traced("run").with("same", "both").with("added", true).in_span(|| ());
            agent.traced("any").reuse().with("kept", 2).with("late", 3).in_span(|| ());
        });
    });
    let spans = capture.spans();
    let attributes = spans.only("Writer").attributes().stored().iter().collect::<Vec<_>>();
    let expected =
        [("kept", 1.into()), ("same", "both".into()), ("added", true.into()), ("late", 3.into())];
    assert_eq!(attributes, expected);
}

#[test]
fn l8_captured_parent_is_never_reused() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        agent.in_span("run", || {
            let context = Context::current();
            context.run(|| agent.in_span("run", || ()));
        });
    });
    assert_span_tree!(capture, { agent "Writer" { agent "Writer" } });
}

#[test]
fn l8_a_span_handed_to_a_thread_is_never_reused() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        agent.in_span("run", || {
            thread::scope(|scope| {
                scope.spawn(in_current_context(|| {
                    agent.in_span("run", || agent.in_span("run", || ()));
                }));
            });
        });
    });
    assert_span_tree!(capture, { agent "Writer" { agent "Writer" } });
}

#[tokio::test]
async fn l8_a_span_handed_to_a_task_is_never_reused() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let work = async {
        let handed = agent.in_span("run", yield_now()).in_current_context();
        let own = agent.in_span("run", yield_now());
        join(handed, own).await;
    };
    let run = agent.in_span("run", work);
    capture.run_async(run).await;
    assert_span_tree!(capture, { agent "Writer" { agent "Writer" } });
}

#[test]
fn l8_a_given_parent_is_never_reused() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        let manual = tracer().start_span("outer");
        manual.in_span(|| agent.in_span("run", || ()));
    });
    assert_span_tree!(capture, custom "outer" > agent "Writer");
}

#[test]
fn l8_the_outer_call_alone_decides_the_status() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        agent.in_span("run", || {
            let inner = agent.try_in_span("run", || "x".parse::<i32>());
            assert!(inner.is_err(), "and was handled");
        });
    });
    let spans = capture.spans();
    let span = spans.only("Writer");
    assert_eq!(span.attributes().get("success"), Some(true.into()));
    assert!(span.error().is_none());
    let events: Vec<_> = span.events().map(|event| event.name().to_owned()).collect();
    assert_eq!(events, ["exception"]);
}

#[test]
fn l8_the_outer_call_alone_runs_hooks() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        agent
            .traced("run")
            .on_result(|text: &String, attributes| {
                attributes.set("result.text", text);
            })
            .in_span(|| {
                agent
                    .traced("run")
                    .on_result(|_: &u8, attributes| {
                        attributes.set("result.inner", true);
                    })
                    .in_span(|| 1_u8);
                "done".to_owned()
            });
    });
    let spans = capture.spans();
    let attributes = spans.only("Writer").attributes();
    assert_eq!(attributes.get("result.text"), Some("done".into()));
    assert_eq!(attributes.get("result.inner"), None);
    assert_eq!(attributes.get("result.type"), Some("String".into()));
}

#[test]
fn l8_a_reused_call_that_is_dropped_leaves_the_span_running() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let pending = agent.in_span("run", std::future::pending::<()>());
    capture.run(|| {
        agent.in_span("run", || {
            assert!(pending.now_or_never().is_none());
            assert!(agent.component().in_span("run", || agent.is_traced()));
        });
    });
    assert_span_tree!(capture, { agent "Writer" });
}

#[test]
fn g12_a_reused_future_stays_inside_when_it_is_polled_on_elsewhere() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        let mut inner = agent
            .in_span("run", async {
                yield_once().await;
                Component::tool("Search").in_span("run", || ());
            })
            .boxed_local();
        agent.in_span("run", || assert!(inner.as_mut().now_or_never().is_none()));
        assert!(inner.now_or_never().is_some());
    });
    assert_span_tree!(capture, { agent "Writer" { tool "Search" } });
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

//! Bound components below a span that only another thread knows.

use std::{sync::mpsc, thread};

use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Component, Context, Traceable as _};

/// Runs `work` in a thread without a context while `outer` and, in it, `inner` are active. With
/// `captured`, their context has been captured, which makes them known to other threads.
fn below((outer, inner): (&Component, &Component), captured: bool, work: impl FnOnce() + Send) {
    outer.in_span("run", || {
        inner.in_span("run", || {
            if captured {
                drop(Context::current());
            }
            thread::scope(|scope| drop(scope.spawn(work)));
        });
    });
}

/// A tool that runs in another thread calls a phase of the agent that called it.
fn calls_back(captured: bool) {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    let tool = Component::tool("Search").with_parent(&agent);
    let callback = || tool.in_span("run", || agent.in_span("rank", || ()));
    capture.run(|| below((&pipeline, &agent), captured, callback));
    assert_span_tree!(capture, {
        pipeline "Docs" { agent "Writer".run { tool "Search" { agent "Writer".rank } } }
    });
}

#[test]
fn g13_a_callback_from_another_thread_hangs_under_the_tool() {
    calls_back(true);
}

#[test]
fn g13_a_callback_from_another_thread_hangs_under_the_tool_also_if_nothing_was_captured() {
    calls_back(false);
}

/// A second run of the pipeline, in another trace, makes the pipeline ambiguous.
fn meets_another_run(captured: bool) {
    let capture = Capture::new();
    let (outer, pipeline) = (Component::pipeline("Week"), Component::pipeline("Docs"));
    let agent = Component::agent("Writer").with_parent(&pipeline);
    let (tell, agent_runs) = mpsc::channel::<()>();
    let (tell_other, other_runs) = mpsc::channel::<()>();
    let (tell_end, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let (capture, pipeline) = (&capture, &pipeline);
        scope.spawn(move || {
            let _ = agent_runs.recv();
            capture.run(|| {
                pipeline.in_span("again", || {
                    drop(tell_other);
                    let _ = end.recv();
                });
            });
        });
        let work = move || {
            agent.in_span("run", || {
                drop(tell);
                let _ = other_runs.recv();
                Component::tool("Search").with_parent(pipeline).in_span("run", || ());
            });
            drop(tell_end);
        };
        capture.run(|| below((&outer, pipeline), captured, work));
    });
    assert_span_tree!(capture, {
        pipeline "Week" { pipeline "Docs".run { agent "Writer" tool "Search" } }
        pipeline "Docs".again
    });
}

#[test]
fn g83_a_parent_above_in_another_thread_is_not_ambiguous() {
    meets_another_run(true);
}

#[test]
fn g83_a_parent_above_in_another_thread_is_not_ambiguous_also_if_nothing_was_captured() {
    meets_another_run(false);
}

/// A tool that runs in another thread calls a phase of the pipeline around its agent.
fn calls_back_further(captured: bool) {
    let capture = Capture::new();
    let week = Component::pipeline("Week");
    let pipeline = Component::pipeline("Docs").with_parent(&week);
    let agent = Component::agent("Writer");
    let tool = Component::tool("Search").with_parent(&agent);
    let callback = || tool.in_span("run", || pipeline.in_span("rank", || ()));
    let week_runs = || below((&pipeline, &agent), captured, callback);
    capture.run(|| week.in_span("run", week_runs));
    assert_span_tree!(capture, {
        pipeline "Week" {
            pipeline "Docs".run { agent "Writer" { tool "Search" { pipeline "Docs".rank } } }
        }
    });
}

#[test]
fn g13_a_callback_to_a_component_further_out_hangs_under_the_tool() {
    calls_back_further(true);
}

#[test]
fn g13_a_callback_to_a_component_further_out_hangs_under_the_tool_also_if_nothing_was_captured() {
    calls_back_further(false);
}

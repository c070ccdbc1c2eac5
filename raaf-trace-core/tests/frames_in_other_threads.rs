//! Bound components below a span that only another thread knows.

use std::{
    sync::{Barrier, mpsc},
    thread,
};

use futures::FutureExt as _;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Component, Context, FinishedSpan, Traceable as _};

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

/// Runs `work` in a thread without a context inside spans of all components, outermost first. The
/// context inside one of them is captured, which makes it and those around it known to other threads.
fn inside(components: &[&Component], captured: Option<usize>, work: &(dyn Fn() + Sync)) {
    let Some((outermost, inner)) = components.split_first() else {
        thread::scope(|scope| drop(scope.spawn(work)));
        return;
    };
    outermost.in_span("run", || {
        if captured == Some(0) {
            drop(Context::current());
        }
        inside(inner, captured.and_then(|at| at.checked_sub(1)), work);
    });
}

/// A tool that runs in another thread calls phases of the pipelines around its agent.
#[test]
fn g13_a_callback_to_a_component_further_out_hangs_under_the_tool_whatever_was_captured() {
    for captured in [None, Some(0), Some(1), Some(2), Some(3)] {
        let capture = Capture::new();
        let year = Component::pipeline("Year");
        let week = Component::pipeline("Week").with_parent(&year);
        let docs = Component::pipeline("Docs").with_parent(&week);
        let agent = Component::agent("Writer").with_parent(&docs);
        let tool = Component::tool("Search").with_parent(&agent);
        let callback = || {
            tool.in_span("run", || {
                docs.in_span("rank", || ());
                week.in_span("rank", || agent.in_span("rank", || ()));
            });
        };
        capture.run(|| inside(&[&year, &week, &docs, &agent], captured, &callback));
        assert_span_tree!(capture, {
            pipeline "Year" {
                pipeline "Week".run {
                    pipeline "Docs".run {
                        agent "Writer".run {
                            tool "Search" {
                                pipeline "Docs".rank
                                pipeline "Week".rank { agent "Writer".rank }
                            }
                        }
                    }
                }
            }
        });
    }
}

#[test]
fn g13_a_callback_to_a_future_around_the_frames_hangs_under_the_tool() {
    for captured in [None, Some(0), Some(1)] {
        let capture = Capture::new();
        let year = Component::pipeline("Year");
        let week = Component::pipeline("Week").with_parent(&year);
        let docs = Component::pipeline("Docs").with_parent(&week);
        let agent = Component::agent("Writer").with_parent(&docs);
        let tool = Component::tool("Search").with_parent(&agent);
        // The callback is a future, too.
        let callback = || {
            let ranks = async {
                week.in_span("rank", async {}).await;
                docs.in_span("rank", async {}).await;
            };
            let _ = tool.in_span("run", ranks).now_or_never();
        };
        let frames = async { inside(&[&docs, &agent], captured, &callback) };
        let future = year.in_span("run", week.in_span("run", frames));
        let _ = capture.run_async(future).now_or_never();
        assert_span_tree!(capture, {
            pipeline "Year" {
                pipeline "Week".run {
                    pipeline "Docs".run {
                        agent "Writer" {
                            tool "Search" { pipeline "Week".rank pipeline "Docs".rank }
                        }
                    }
                }
            }
        });
    }
}

/// Components, each bound to the one before: three pipelines, an agent and its tool.
fn chain() -> [Component; 5] {
    let year = Component::pipeline("Year");
    let week = Component::pipeline("Week").with_parent(&year);
    let docs = Component::pipeline("Docs").with_parent(&week);
    let agent = Component::agent("Writer").with_parent(&docs);
    let tool = Component::tool("Search").with_parent(&agent);
    [year, week, docs, agent, tool]
}

/// A tool in another thread outlives its agent, and the pipeline around that runs again.
fn outlives_the_agent(captured: bool) {
    let capture = Capture::new();
    let [year, week, docs, agent, tool] = chain();
    let (tell_start, started) = mpsc::channel::<()>();
    let (tell_again, again) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let (week, docs) = (&week, &docs);
        let callback = move || {
            tool.in_span("run", || {
                drop(tell_start);
                let _ = again.recv();
                docs.in_span("rank", || ());
                week.in_span("rank", || ());
            });
        };
        let runs_again = || {
            let rank = docs.in_span("run", || {
                agent.in_span("run", || {
                    if captured {
                        drop(Context::current());
                    }
                    let rank = scope.spawn(callback);
                    let _ = started.recv();
                    rank
                })
            });
            docs.in_span("again", || {
                agent.in_span("again", || {
                    drop(tell_again);
                    drop(rank.join());
                });
            });
        };
        capture.run(|| year.in_span("run", || week.in_span("run", runs_again)));
    });
    assert_span_tree!(capture, {
        pipeline "Year" {
            pipeline "Week".run {
                pipeline "Docs".run { agent "Writer".run { tool "Search" { pipeline "Week".rank } } }
                pipeline "Docs".again { agent "Writer".again }
                pipeline "Docs".rank
            }
        }
    });
}

#[test]
fn g13_a_callback_does_not_take_a_later_span_for_the_one_around_it() {
    outlives_the_agent(true);
}

#[test]
fn g13_a_callback_does_not_take_a_later_span_for_the_one_around_it_also_if_nothing_was_captured() {
    outlives_the_agent(false);
}

/// Not before the tool has found its parent, the context around it is captured.
#[test]
fn g13_a_callback_hangs_under_the_tool_also_if_the_context_is_captured_in_between() {
    let capture = Capture::new();
    let [year, week, docs, agent, tool] = chain();
    let (tell_start, started) = mpsc::channel::<()>();
    let (tell_capture, captured) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let (week, docs, agent_runs) = (&week, &docs, &agent);
        let callback = move || {
            tool.in_span("run", || {
                drop(tell_start);
                let _ = captured.recv();
                agent_runs.in_span("rank", || ());
                docs.in_span("rank", || ());
                week.in_span("rank", || ());
            });
        };
        let work = || {
            let rank = scope.spawn(callback);
            let _ = started.recv();
            drop(Context::current());
            drop(tell_capture);
            drop(rank.join());
        };
        let runs = || week.in_span("run", || docs.in_span("run", || agent.in_span("run", work)));
        capture.run(|| year.in_span("run", runs));
    });
    assert_span_tree!(capture, {
        pipeline "Year" {
            pipeline "Week".run {
                pipeline "Docs".run {
                    agent "Writer".run {
                        tool "Search" {
                            agent "Writer".rank pipeline "Docs".rank pipeline "Week".rank
                        }
                    }
                }
            }
        }
    });
}

/// Runs of a workflow that end and begin while tools in other threads look for their parents.
#[test]
fn g83_a_callback_in_a_race_has_the_tool_or_a_span_around_it_as_parent() {
    const ROUNDS: usize = 1000;
    const RANKS: usize = 3;
    let capture = Capture::new();
    let week = Component::pipeline("Week");
    let docs = Component::pipeline("Docs").with_parent(&week);
    let agent = Component::agent("Writer").with_parent(&docs);
    let tool = Component::tool("Search").with_parent(&agent);
    let round = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                round.wait();
                capture.run(|| {
                    tool.in_span("run", || {
                        round.wait();
                        (0..RANKS).for_each(|_| docs.in_span("rank", || ()));
                    });
                });
            }
        });
        for number in 0..ROUNDS {
            let runs = || {
                docs.in_span("run", || {
                    agent.in_span("run", || {
                        round.wait();
                        round.wait();
                    });
                });
                docs.in_span("again", || agent.in_span("again", || ()));
            };
            let captures = || {
                if number % 4 == 0 {
                    drop(Context::current());
                }
                runs();
            };
            capture.run(|| week.in_span("run", captures));
        }
    });
    let spans = capture.spans();
    let mut ranks = 0;
    for rank in spans.iter().filter(|span| span.method() == "rank") {
        ranks += 1;
        let parent = spans.parent_of(rank).unwrap();
        if parent.component_name() == "Search" {
            continue;
        }
        // The run of the inner pipeline around the tool had ended.
        let in_trace = |span: &&FinishedSpan| span.trace_id() == rank.trace_id();
        let tool = spans.by_component("Search").find(in_trace).unwrap();
        let around: Vec<_> = spans.ancestors_of(tool).map(FinishedSpan::span_id).collect();
        assert_eq!(around.iter().position(|id| *id == parent.span_id()), Some(2));
    }
    assert_eq!(ranks, ROUNDS * RANKS);
}

#[test]
fn g13_a_bound_parent_is_found_while_its_context_is_captured() {
    const ROUNDS: usize = 1000;
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let tool = Component::tool("Search").with_parent(&agent);
    for _ in 0..ROUNDS {
        let round = Barrier::new(2);
        thread::scope(|scope| {
            // A thread of its own: one whose contexts are captured often has no frames.
            scope.spawn(|| {
                capture.run(|| {
                    agent.in_span("run", || {
                        round.wait();
                        drop(Context::current());
                        round.wait();
                    });
                });
            });
            round.wait();
            capture.run(|| tool.in_span("run", || ()));
            round.wait();
        });
    }
    let spans = capture.spans();
    let found = spans.by_component("Search").filter(|tool| spans.parent_of(tool).is_some());
    assert_eq!(found.count(), ROUNDS);
}

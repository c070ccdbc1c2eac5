//! Spans of both libraries in each other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod support;

use std::thread;

use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_trace_core::{
    Component, Context, SpanId, TraceId, Traceable, current_span, propagation::SpanContext,
    task::spawn_traced, trace, traced,
};
use raaf_tracing::Builder;
use support::{bridged, bridged_by, subscribe};
use tracing::{
    Instrument as _, Span, debug_span, info_span, instrument, level_filters::LevelFilter,
    subscriber::with_default,
};
use tracing_subscriber::{layer::SubscriberExt as _, reload};

#[derive(Clone, Traceable)]
struct Agent {
    component: Component,
}

impl Agent {
    fn new() -> Self {
        Self { component: Component::agent("Agent") }
    }

    #[traced]
    fn run(&self, depth: usize) {
        if depth > 0 {
            load(self, depth - 1);
        }
    }

    #[traced]
    async fn run_later(&self, depth: usize) {
        tokio::task::yield_now().await;
        if depth > 0 {
            Box::pin(load_later(self, depth - 1)).await;
        }
        tokio::task::yield_now().await;
    }
}

#[instrument(skip_all)]
fn load(agent: &Agent, depth: usize) {
    if depth > 0 {
        agent.run(depth - 1);
    }
}

#[instrument(skip_all)]
async fn load_later(agent: &Agent, depth: usize) {
    tokio::task::yield_now().await;
    if depth > 0 {
        Box::pin(agent.run_later(depth - 1)).await;
    }
    tokio::task::yield_now().await;
}

#[test]
fn each_nests_in_the_other_at_several_depths() {
    let spans = bridged(|| Agent::new().run(5));
    assert_span_tree!(spans, {
        agent "Agent" { component "nesting".load { agent "Agent" { component "nesting".load {
            agent "Agent" { component "nesting".load }
        } } } }
    });
    let spans = bridged(|| load(&Agent::new(), 3));
    assert_span_tree!(spans, {
        component "nesting".load [status = unset] { agent "Agent" { component "nesting".load {
            agent "Agent"
        } } }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_nests_in_the_other_in_futures() {
    subscribe();
    let capture = Capture::new();
    let agent = Agent::new();
    capture.run_async(agent.run_later(5)).await;
    capture.run_async(load_later(&agent, 2)).await;
    assert_span_tree!(capture, {
        agent "Agent".run_later { component "nesting".load_later {
            agent "Agent".run_later { component "nesting".load_later {
                agent "Agent".run_later { component "nesting".load_later }
            } }
        } }
        component "nesting".load_later { agent "Agent".run_later { component "nesting".load_later } }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_of_tracing_carries_the_trace_to_a_spawned_task() {
    subscribe();
    let capture = Capture::new();
    let tasks = || async {
        let agent = Agent::new();
        for _ in 0..3 {
            let agent = agent.clone();
            let task = async move { agent.run_later(2).await };
            tokio::spawn(task.instrument(info_span!("task"))).await.unwrap();
        }
        spawn_traced(async { load_later(&Agent::new(), 0).await }).await.unwrap();
    };
    capture.run_async(Component::pipeline("Tasks").in_span("run", tasks())).await;
    assert_span_tree!(capture, {
        pipeline "Tasks" {
            component "nesting".task {
                agent "Agent".run_later { component "nesting".load_later { agent "Agent".run_later } }
            } x 3
            component "nesting".load_later
        }
    });
    assert_coherent!(capture);
}

#[test]
fn a_span_of_tracing_carries_the_trace_to_a_thread() {
    subscribe();
    let capture = Capture::new();
    capture.run(|| {
        trace("threads").in_span(|| {
            let span = info_span!("outer");
            let workers = [0, 1].map(|_| {
                let span = span.clone();
                thread::spawn(move || span.in_scope(|| Agent::new().run(1)))
            });
            drop(span);
            for worker in workers {
                worker.join().unwrap();
            }
        });
    });
    assert_span_tree!(capture, {
        trace "threads" { component "nesting".outer { agent "Agent" { component "nesting".load } x 2 } }
    });
}

#[test]
fn an_explicit_parent_takes_precedence_over_the_current_span() {
    let spans = bridged(|| {
        let first = info_span!("first");
        trace("work").in_span(|| {
            let _second = info_span!("second").entered();
            info_span!(parent: &first, "child").in_scope(|| Agent::new().run(0));
        });
    });
    assert_span_tree!(spans, {
        in_any_order {
            component "nesting".first { component "nesting".child { agent "Agent" } }
            trace "work" { component "nesting".second }
        }
    });
}

#[test]
fn a_parent_that_is_filtered_away_leaves_the_choice_to_the_current_span() {
    let spans = bridged(|| {
        let unseen = debug_span!("unseen");
        trace("work").in_span(|| info_span!(parent: &unseen, "child").in_scope(|| ()));
    });
    assert_span_tree!(spans, { trace "work" { component "nesting".child } });
}

#[test]
fn where_no_context_is_current_the_span_of_tracing_is() {
    let spans = bridged(|| {
        let _outer = info_span!("outer").entered();
        Context::empty().run(|| {
            info_span!("inner").in_scope(|| ());
        });
    });
    assert_span_tree!(spans, { component "nesting".outer { component "nesting".inner } });
}

#[test]
fn a_remote_parent_is_continued() {
    let remote = SpanContext::new(TraceId::random(), SpanId::random());
    let context = Context::remote(remote.clone());
    let spans = bridged(|| context.run(|| info_span!("request").in_scope(|| Agent::new().run(0))));
    let request = spans.only("nesting");
    assert_eq!((request.trace_id(), request.parent_id()), (remote.trace_id(), remote.span_id()));
    assert_eq!(spans.only("Agent").parent_id(), Some(request.span_id()));
}

/// Root like that of rig where no span of `tracing` is current.
fn explicit_root() {
    let span = info_span!(parent: None, "invoke");
    span.in_scope(|| info_span!("chat").in_scope(|| ()));
}

#[test]
fn an_explicit_root_nests_in_a_trace_unless_set_otherwise() {
    let spans = bridged(|| {
        trace("ours").in_span(explicit_root);
        explicit_root();
    });
    assert_span_tree!(spans, {
        trace "ours" { component "nesting".invoke { component "nesting".chat } }
        component "nesting".invoke { component "nesting".chat }
    });
    let builder = Builder::new().new_traces_for_roots(true);
    let spans = bridged_by(builder, || trace("ours").in_span(explicit_root));
    assert_span_tree!(spans, {
        in_any_order {
            component "nesting".invoke { component "nesting".chat }
            trace "ours"
        }
    });
}

#[test]
fn below_info_a_span_is_recorded_only_inside_a_trace() {
    let work = || {
        debug_span!("alone")
            .in_scope(|| info_span!("root").in_scope(|| debug_span!("inner").in_scope(|| ())));
    };
    let builder = || Builder::new().filter("debug").unwrap();
    let root_alone = bridged_by(builder(), work);
    assert_span_tree!(root_alone, { component "nesting".root { component "nesting".inner } });
    let all = bridged_by(builder().roots_from(LevelFilter::DEBUG), work);
    assert_span_tree!(all, {
        component "nesting".alone { component "nesting".root { component "nesting".inner } }
    });
    assert!(bridged_by(builder().roots_from(LevelFilter::OFF), work).is_empty());
}

#[test]
fn guards_dropped_in_the_wrong_order_leave_the_right_span_current() {
    let spans = bridged(|| {
        let id = || current_span().map(|span| span.span_id());
        let [a, b, c] = [info_span!("a"), info_span!("b"), info_span!("c")];
        let first = a.enter();
        let outer = id();
        let second = b.enter();
        let third = c.enter();
        let inner = id();
        drop(second);
        assert_eq!(id(), inner);
        drop(third);
        assert_eq!(id(), outer);
        Agent::new().run(0);
        drop(first);
        assert_eq!(id(), None);
    });
    assert_span_tree!(spans, {
        in_any_order { component "nesting".a { agent "Agent" } component "nesting".b component "nesting".c }
    });
}

#[test]
fn a_span_entered_twice_is_current_until_it_is_left_twice() {
    bridged(|| {
        let span = info_span!("twice");
        let (first, second) = (span.enter(), span.enter());
        drop(first);
        assert!(current_span().is_some());
        drop(second);
        assert!(current_span().is_none());
    });
}

#[test]
fn a_leaked_guard_does_not_keep_a_closed_span_current() {
    let spans = bridged(|| {
        let span = info_span!("leaked");
        std::mem::forget(span.enter());
        drop(span);
        assert!(current_span().is_none());
    });
    assert_eq!(spans.len(), 1);
}

#[test]
fn a_layer_that_is_replaced_leaves_no_span_current() {
    let capture = Capture::new();
    let (layer, handle) = reload::Layer::new(Builder::new().build_unfiltered());
    with_default(tracing_subscriber::registry().with(layer), || {
        let replace = || handle.reload(Builder::new().build_unfiltered()).unwrap();
        capture.run(|| {
            info_span!("left").in_scope(replace);
            assert!(current_span().is_none());
            let leaked = info_span!("leaked");
            std::mem::forget(leaked.enter());
            replace();
            drop(leaked);
            assert!(current_span().is_none());
            info_span!("after").in_scope(|| ());
        });
        let remote = SpanContext::new(TraceId::random(), SpanId::random()).with_sampled(false);
        let unsampled = Context::remote(remote).run(|| info_span!("unsampled"));
        unsampled.in_scope(|| {
            assert!(Context::current().trace_id().is_some());
            replace();
        });
        assert!(Context::current().trace_id().is_none());
    });
    assert_span_tree!(capture, {
        component "nesting".left
        component "nesting".leaked
        component "nesting".after
    });
}

#[test]
fn what_is_entered_inside_a_call_and_left_after_it_ends_with_the_call() {
    let spans = bridged(|| {
        let entered = trace("call").in_span(|| info_span!("held").entered());
        assert!(current_span().is_none());
        drop(entered);
        assert!(current_span().is_none());
    });
    assert_span_tree!(spans, { trace "call" { component "nesting".held } });
}

#[tokio::test]
async fn a_guard_held_over_an_await_leaves_calls_in_their_own_futures() {
    subscribe();
    let capture = Capture::new();
    let held = |name: &'static str| async move {
        let span = info_span!("held", name);
        let _guard = span.enter();
        tokio::task::yield_now().await;
        Agent::new().run(0);
        tokio::task::yield_now().await;
    };
    let [one, two] = ["One", "Two"].map(Component::tool);
    let calls = async {
        tokio::join!(one.in_span("run", held("one")), two.in_span("run", held("two")));
    };
    capture.run_async(calls).await;
    assert_span_tree!(capture, {
        in_any_order {
            tool "One" { in_any_order { component "nesting".held agent "Agent" } }
            tool "Two" { in_any_order { component "nesting".held agent "Agent" } }
        }
    });
    assert!(current_span().is_none());
}

#[tokio::test]
async fn a_span_that_is_entered_again_leaves_a_call_inside_it_current() {
    subscribe();
    let capture = Capture::new();
    let agent = Component::agent("Agent");
    let inner = async { drop(info_span!("inner")) };
    let call = agent.in_span("run", async { inner.in_current_span().await });
    let work = async { call.instrument(info_span!("outer")).await };
    capture.run_async(work).await;
    assert_span_tree!(capture, {
        component "nesting".outer { agent "Agent" { component "nesting".inner } }
    });
}

#[test]
fn the_current_span_as_an_explicit_parent_leaves_a_call_inside_it_current() {
    let spans = bridged(|| {
        let outer = info_span!("outer").entered();
        Component::agent("Agent").in_span("run", || {
            drop(info_span!(parent: Span::current(), "inner"));
            let other = info_span!("other").entered();
            drop(info_span!(parent: &outer, "explicit"));
            drop(other);
        });
    });
    assert_span_tree!(spans, {
        component "nesting".outer {
            agent "Agent" { component "nesting".inner component "nesting".other }
            component "nesting".explicit
        }
    });
}

#[test]
fn a_span_that_is_entered_again_in_another_trace_is_current() {
    let spans = bridged(|| {
        let outer = info_span!("outer").entered();
        Context::empty().run(|| {
            trace("other").in_span(|| outer.in_scope(|| drop(info_span!("inner"))));
        });
    });
    assert_span_tree!(spans, {
        component "nesting".outer { component "nesting".inner }
        trace "other"
    });
}

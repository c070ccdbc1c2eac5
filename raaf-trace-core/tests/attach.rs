//! Contexts that are made current and not current by two calls, in any order and on any thread.

use std::{
    panic::catch_unwind,
    sync::{Arc, Mutex},
    thread,
};

use futures::FutureExt as _;
use proptest::prelude::*;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, Context, InContext as _, SpanId, SpanProcessor, Traceable as _, TracerProvider,
    call::ManualSpan, context::AttachToken, current_span, is_traced, tracer,
};
use tokio::task::yield_now;

fn current_id() -> Option<SpanId> {
    current_span().map(|span| span.span_id())
}

fn attach(span: &ManualSpan) -> AttachToken {
    span.context().attach()
}

fn spans<const N: usize>() -> [ManualSpan; N] {
    std::array::from_fn(|_| tracer().start_span("entered"))
}

#[test]
fn what_is_attached_is_current_until_it_is_detached() {
    let capture = Capture::new();
    capture.run(|| {
        let span = tracer().start_span("outer");
        let token = attach(&span);
        assert_eq!(current_id(), span.span_id());
        Component::tool("Inner").in_span("run", || ());
        token.detach();
        assert_eq!(current_id(), None);
        Component::tool("Root").in_span("run", || ());
    });
    assert_span_tree!(capture, {
        in_any_order { custom "outer" [status = unset] { tool "Inner" } tool "Root" }
    });
}

#[test]
fn detaching_out_of_order_leaves_the_latest_attached_current() {
    let capture = Capture::new();
    capture.run(|| {
        let [first, second, third] = spans();
        let tokens = [attach(&first), attach(&second), attach(&third)];
        let [one, two, three] = tokens;
        two.detach();
        assert_eq!(current_id(), third.span_id());
        three.detach();
        assert_eq!(current_id(), first.span_id());
        one.detach();
        assert_eq!(current_id(), None);
    });
}

#[test]
fn l6_a_deep_chain_of_attached_contexts_is_let_go_without_recursion() {
    let capture = Capture::new();
    let [span] = capture.run(spans);
    let worker = thread::Builder::new().stack_size(256 * 1024).spawn(move || {
        for _ in 0..50_000 {
            drop(attach(&span));
        }
        assert_eq!(current_id(), span.span_id());
    });
    worker.unwrap().join().unwrap();
}

#[test]
fn detaching_on_another_thread_ends_it_where_it_is_current() {
    let capture = Capture::new();
    capture.run(|| {
        let [span, other] = spans();
        let token = attach(&span);
        let context = other.context();
        thread::spawn(move || {
            context.run(|| {
                token.detach();
                assert_eq!(current_id(), other.span_id(), "what is current there stays");
            });
        })
        .join()
        .unwrap();
        assert_eq!(current_id(), None);
        let inner = tracer().start_span("root");
        assert_eq!(inner.parent_id(), None);
    });
}

#[test]
fn g16_what_is_attached_inside_a_call_ends_with_it() {
    let capture = Capture::new();
    capture.run(|| {
        let [span] = spans();
        let tool = Component::tool("Tool");
        let token = tool.in_span("run", || {
            let token = attach(&span);
            assert_eq!(current_id(), span.span_id());
            token
        });
        assert_eq!(current_id(), None);
        token.detach();
        assert_eq!(current_id(), None);
        let failed = tool.try_in_span("fail", || {
            drop(attach(&span));
            drop(attach(&span));
            Err::<(), _>(std::io::Error::other("gone"))
        });
        assert!(failed.is_err());
    });
    assert_span_tree!(capture, {
        in_any_order {
            custom "entered" [status = unset]
            tool "Tool"
            tool "Tool".fail [status = error]
        }
    });
}

#[test]
fn what_is_detached_inside_a_call_is_not_current_after_it() {
    let capture = Capture::new();
    capture.run(|| {
        let [outer, span] = spans();
        let outer = attach(&outer);
        let token = attach(&span);
        Component::tool("Tool").in_span("run", || {
            let inside = current_id();
            token.detach();
            assert_eq!(current_id(), inside);
            outer.detach();
        });
        assert_eq!(current_id(), None);
    });
}

#[tokio::test]
async fn what_is_attached_in_a_future_with_a_context_moves_with_it() {
    let capture = Capture::new();
    let span = capture.provider().tracer().start_span("entered");
    let id = span.span_id();
    let mut future = Box::pin(
        async move {
            let token = attach(&span);
            yield_now().await;
            assert_eq!(current_id(), span.span_id());
            token.detach();
            assert_eq!(current_id(), None);
            span.span_id()
        }
        .in_context(Context::empty()),
    );
    assert!(future.as_mut().now_or_never().is_none());
    assert_eq!(current_id(), None);
    let seen = thread::spawn(move || future.now_or_never()).join().unwrap();
    assert_eq!(seen, Some(id));
}

#[test]
fn tokens_can_be_kept_anywhere() {
    fn anywhere<T: Send + Sync + 'static>() {}
    anywhere::<AttachToken>();
}

proptest! {
    /// Against the rule itself: of those that are attached, the latest is current.
    #[test]
    fn any_order_of_attaching_and_detaching(
        steps in prop::collection::vec((0_usize..4, any::<prop::sample::Index>()), 0..60),
    ) {
        let capture = Capture::new();
        capture.run(|| {
            let spans: Vec<_> = (0..4).map(|_| tracer().start_span("entered")).collect();
            let mut attached: Vec<(Option<SpanId>, AttachToken)> = Vec::new();
            for (step, index) in steps {
                let span = &spans[index.index(spans.len())];
                match step {
                    0 | 1 => attached.push((span.span_id(), attach(span))),
                    2 if !attached.is_empty() => {
                        attached.remove(index.index(attached.len())).1.detach();
                    }
                    3 if !attached.is_empty() => {
                        let (_, token) = attached.remove(index.index(attached.len()));
                        span.in_span(|| {
                            let inner = attach(&spans[0]);
                            token.detach();
                            assert_eq!(current_id(), spans[0].span_id());
                            inner.detach();
                            assert_eq!(current_id(), span.span_id());
                        });
                    }
                    _ => {}
                }
                assert_eq!(current_id(), attached.last().and_then(|(id, _)| *id));
            }
        });
    }
}

struct TracesWhenDropped(Arc<Mutex<Vec<thread::Result<()>>>>);

impl SpanProcessor for TracesWhenDropped {}

impl Drop for TracesWhenDropped {
    fn drop(&mut self) {
        let traced = catch_unwind(|| Component::tool("Last").in_span("run", || ()));
        if let Ok(mut dropped) = self.0.lock() {
            dropped.push(traced);
        }
    }
}

#[test]
fn g36_a_detached_context_may_drop_its_provider_in_any_thread() {
    let dropped = Arc::default();
    let provider = TracerProvider::builder().with(TracesWhenDropped(Arc::clone(&dropped))).build();
    let token = provider.context().attach();
    drop(provider);
    thread::spawn(|| token.detach()).join().unwrap();
    assert!(!is_traced());
    assert!(matches!(dropped.lock().unwrap()[..], [Ok(())]), "it is dropped by that look");
}

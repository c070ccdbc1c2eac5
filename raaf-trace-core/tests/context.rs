//! Contexts that are captured and go elsewhere.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use futures::FutureExt as _;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, Context, InContext as _, Traceable as _, current_span, current_trace_id,
    in_current_context, is_traced, propagation::Baggage, trace, tracer,
};

fn pipeline_and_agent() -> (Component, Component) {
    (Component::pipeline("Docs"), Component::agent("Writer"))
}

#[test]
fn g34_a_captured_context_is_the_parent_in_another_thread() {
    let capture = Capture::new();
    let (pipeline, agent) = pipeline_and_agent();
    capture.run(|| {
        pipeline.in_span("run", || {
            let context = Context::current();
            let run = move || context.run(|| agent.in_span("run", || ()));
            thread::spawn(run).join().unwrap();
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
    let spans = capture.spans();
    assert_eq!(spans.only("Writer").trace_id(), spans.only("Docs").trace_id());
}

#[test]
fn g34_a_components_context_is_a_parent_for_work_elsewhere() {
    let capture = Capture::new();
    let (pipeline, agent) = pipeline_and_agent();
    capture.run(|| {
        assert!(pipeline.trace_context().span().is_none(), "empty where it has no span");
        pipeline.in_span("run", || {
            Component::tool("Between").in_span("run", || {
                let context = pipeline.trace_context();
                let run = move || agent.traced("run").parent(context).in_span(|| ());
                thread::spawn(run).join().unwrap();
            });
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { tool "Between" agent "Writer" } });
}

#[tokio::test]
async fn g34_a_captured_context_is_the_parent_in_another_task() {
    let capture = Capture::new();
    let (pipeline, agent) = pipeline_and_agent();
    let context = capture.run(|| pipeline.in_span("run", Context::current));
    let run = async move { agent.in_span("run", async {}).await };
    tokio::spawn(run.in_context(context)).await.unwrap();
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
}

#[test]
fn g36_a_context_goes_through_a_channel_and_outlives_its_span() {
    let capture = Capture::new();
    let (pipeline, agent) = pipeline_and_agent();
    let (send, receive) = mpsc::channel::<Context>();
    capture.run(|| pipeline.in_span("run", || send.send(Context::current()).unwrap()));
    capture.run(|| trace("other").in_span(|| send.send(Context::current()).unwrap()));
    drop(send);
    assert_eq!(capture.spans_now().len(), 2, "both parents have ended");

    let work = move || {
        for context in receive {
            context.run(|| agent.in_span("run", || ()));
            assert!(current_span().is_none());
        }
    };
    thread::spawn(work).join().unwrap();
    assert_span_tree!(capture, {
        pipeline "Docs" { agent "Writer" }
        trace "other" { agent "Writer" }
    });
}

#[test]
fn g36_an_ended_component_is_no_parent_but_its_captured_context_is() {
    let capture = Capture::new();
    let (pipeline, agent) = pipeline_and_agent();
    capture.run(|| {
        let context = pipeline.in_span("run", || pipeline.trace_context());
        agent.traced("by_component").parent(&pipeline).in_span(|| ());
        agent.traced("by_context").parent(&context).in_span(|| ());
    });
    assert_span_tree!(capture, {
        pipeline "Docs" { agent "Writer".by_context }
        agent "Writer".by_component
    });
}

#[test]
fn p1_one_word_hands_the_context_to_a_thread() {
    let capture = Capture::new();
    let (pipeline, agent) = pipeline_and_agent();
    capture.run(|| {
        pipeline.in_span("run", || {
            let run = in_current_context(move || agent.in_span("run", || ()));
            thread::spawn(run).join().unwrap();
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
}

#[test]
fn p1_one_word_hands_the_context_to_a_future() {
    let capture = Capture::new();
    let (pipeline, agent) = pipeline_and_agent();
    let run = agent.in_span("run", async {});
    let run = capture.run(|| pipeline.in_span("run", || run.in_current_context()));
    run.now_or_never().unwrap();
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
}

#[test]
fn p1_a_handed_over_context_is_left_behind() {
    let capture = Capture::new();
    let context = capture.run(|| trace("outer").in_span(Context::current));
    capture.run(|| {
        trace("inner").in_span(|| {
            let before = current_trace_id();
            context.clone().run(|| assert_eq!(current_trace_id(), context.trace_id()));
            assert_eq!(current_trace_id(), before);
        });
    });
}

#[test]
fn p1_a_panic_inside_leaves_a_handed_over_context() {
    let capture = Capture::new();
    let context = capture.run(|| trace("outer").in_span(Context::current));
    let panicked = std::panic::catch_unwind(|| context.run(|| panic!("boom")));
    assert!(panicked.is_err());
    assert!(current_span().is_none() && !is_traced());
}

#[test]
fn p1_destructors_of_a_future_run_in_its_context() {
    struct AtEnd(Arc<std::sync::Mutex<Option<raaf_trace_core::TraceId>>>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = current_trace_id();
        }
    }
    let capture = Capture::new();
    let seen = Arc::default();
    let at_end = AtEnd(Arc::clone(&seen));
    let context = capture.run(|| trace("workflow").in_span(Context::current));
    drop(async move { drop(at_end) }.in_context(context.clone()));
    assert_eq!(*seen.lock().unwrap(), context.trace_id());
}

#[test]
fn g34_a_context_tells_its_ids() {
    let capture = Capture::new();
    capture.run(|| {
        assert_eq!(Context::current().trace_id(), None);
        trace("workflow").in_span(|| {
            let (context, span) = (Context::current(), current_span().unwrap());
            assert_eq!(context.trace_id(), Some(span.trace_id()));
            assert_eq!(context.span_id(), Some(span.span_id()));
            assert!(context.is_traced());
            assert_eq!(context.span_context(), Some(span.span_context()));
        });
    });
    let empty = Context::empty();
    assert_eq!((empty.trace_id(), empty.span_id(), empty.span_context()), (None, None, None));
    assert!(!empty.is_traced());
}

#[test]
fn an_empty_context_starts_a_trace_of_its_own() {
    let capture = Capture::new();
    let (pipeline, agent) = pipeline_and_agent();
    capture.run(|| {
        pipeline.in_span("run", || Context::empty().run(|| agent.in_span("run", || ())));
    });
    assert_span_tree!(capture, { pipeline "Docs" agent "Writer" });
}

#[test]
fn baggage_goes_to_what_runs_in_a_context_and_nowhere_else() {
    let baggage = |text| Baggage::parse(text);
    let current = || Context::current().baggage().to_string();
    let capture = Capture::new();
    capture.run(|| {
        let outer = Context::current().with_baggage(baggage("tenant=acme"));
        outer.run(|| {
            Component::agent("A").in_span("run", || {
                assert_eq!(current(), "tenant=acme");
                let captured = Context::current();
                let seen = thread::spawn(move || captured.run(current)).join().unwrap();
                assert_eq!(seen, "tenant=acme");

                Context::current().with_baggage(baggage("tenant=other")).run(|| {
                    Component::tool("T")
                        .traced("run")
                        .in_span(|| assert_eq!(current(), "tenant=other"));
                });
                assert_eq!(current(), "tenant=acme");
                Context::current().with_baggage(Baggage::new()).run(|| assert_eq!(current(), ""));

                let span = tracer().start_span("by hand");
                span.in_span(|| assert_eq!(current(), "tenant=acme"));
                Context::empty().run(|| assert_eq!(current(), ""));
            });
        });
        assert_eq!(current(), "");
    });
}

#[tokio::test]
async fn baggage_goes_with_a_future() {
    let capture = Capture::new();
    let current = || Context::current().baggage().to_string();
    let agent = Component::agent("A");
    let work = agent.in_span("run", async move {
        tokio::task::yield_now().await;
        let spawned = tokio::spawn(async move { current() }.in_current_context());
        (current(), spawned.await.unwrap())
    });
    let context = capture.context().with_baggage(Baggage::parse("tenant=acme"));
    let seen = work.in_context(context).await;
    assert_eq!(seen, ("tenant=acme".to_owned(), "tenant=acme".to_owned()));
}

#[test]
fn baggage_is_sent_and_received_only_on_demand() {
    let capture = Capture::new();
    let headers = capture.run(|| {
        Context::current().with_baggage(Baggage::parse("tenant=acme")).run(|| {
            tracer().span("request").in_span(|| {
                let context = Context::current();
                let mut plain = Vec::new();
                context.inject(&mut plain);
                assert!(plain.iter().all(|(key, _)| key != "baggage"), "{plain:?}");
                context.baggage().inject(&mut plain);
                plain
            })
        })
    });
    let received = Context::extract(&headers);
    assert!(received.span_id().is_some() && received.baggage().is_empty());
    let received = received.with_baggage(Baggage::extract(&headers));
    assert_eq!(received.baggage().get("tenant"), Some("acme"));
}

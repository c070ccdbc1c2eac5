//! Provider of a trace: the component's, else the context's, else the global one. Who keeps it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, Context, SpanId, SpanProcessor, TraceId, Traceable as _, TracerProvider,
    current_span,
    id::{IdGenerator, RandomIds},
    provider::set_global_provider,
    trace, tracer,
};

#[test]
fn g11_a_root_goes_to_its_components_provider_first() {
    let (own, around) = (Capture::new(), Capture::new());
    let agent = Component::agent("Writer").with_provider(own.provider());
    around.run(|| agent.in_span("run", || Component::tool("Search").in_span("run", || ())));
    assert_span_tree!(own, { agent "Writer" { tool "Search" } });
    assert!(around.spans().is_empty());
}

#[test]
fn g11_a_bound_component_takes_the_provider_of_its_parent() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs").with_provider(capture.provider());
    let agent = Component::agent("Writer").with_parent(&pipeline);
    Component::tool("Search").with_parent(&agent).in_span("run", || ());
    assert_span_tree!(capture, { tool "Search" });
}

#[test]
fn g11_a_root_goes_to_the_contexts_provider_next() {
    let (outer, inner) = (Capture::new(), Capture::new());
    outer.run(|| {
        trace("before").in_span(|| ());
        inner.run(|| trace("inside").in_span(|| ()));
        trace("after").in_span(|| ());
    });
    assert_span_tree!(outer, { trace "before" trace "after" });
    assert_span_tree!(inner, { trace "inside" });
}

#[test]
fn g11_a_root_inside_of_a_trace_stays_with_its_provider() {
    let capture = Capture::new();
    capture.run(|| {
        trace("around").in_span(|| {
            Context::empty().run(|| trace("empty").in_span(|| ()));
            tracer().span("chosen").trace_id(TraceId::random()).in_span(|| ());
        });
    });
    assert_eq!(capture.spans().roots().count(), 3);
}

#[test]
fn g11_a_context_may_name_another_provider_inside_of_a_trace() {
    let (outer, inner) = (Capture::new(), Capture::new());
    outer.run(|| {
        trace("outer").in_span(|| {
            inner.run(|| trace("inner").in_span(|| ()));
            trace("part").in_span(|| ());
        });
    });
    assert_span_tree!(outer, { trace "outer" { trace "part" } });
    assert_span_tree!(inner, { trace "inner" });
}

#[test]
fn g11_a_tracers_provider_is_for_traces_it_starts() {
    let (own, around) = (Capture::new(), Capture::new());
    own.provider().tracer().span("alone").in_span(|| ());
    around
        .run(|| trace("around").in_span(|| own.provider().tracer().span("inside").in_span(|| ())));
    assert_span_tree!(own, { custom "alone" });
    assert_span_tree!(around, { trace "around" { custom "inside" } });
}

/// The only test here that touches what is global; the others say where they trace to.
#[test]
fn g11_a_root_goes_to_the_global_provider_last() {
    let (global, local) = (Capture::new(), Capture::new());
    set_global_provider(global.provider().clone());
    trace("bare").in_span(|| ());
    local.run(|| trace("local").in_span(|| ()));
    assert_eq!(global.spans().by_component("bare").count(), 1);
    assert_eq!(global.spans().by_component("local").count(), 0);
    assert_span_tree!(local, { trace "local" });
    set_global_provider(TracerProvider::builder().build());
}

/// Notes that it was dropped, and looks at the context then.
struct Noisy(Arc<AtomicBool>);

impl SpanProcessor for Noisy {}

impl Drop for Noisy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let _span = current_span();
    }
}

#[test]
fn d2_a_thread_keeps_no_processor_of_a_span_that_it_did_not_make() {
    let dropped = Arc::new(AtomicBool::new(false));
    let noisy = Noisy(Arc::clone(&dropped));
    let provider = TracerProvider::builder().with(noisy).build();
    let span = provider.tracer().start_span("outer");
    span.context().run(|| {
        provider.disable();
        Component::tool("T").in_span("run", || ());
    });
    drop((span, provider));
    assert!(dropped.load(Ordering::Relaxed));
}

/// Panics instead of returning an id of a span that is not the first one.
#[derive(Debug)]
struct OneId(AtomicBool);

impl IdGenerator for OneId {
    fn trace_id(&self) -> TraceId {
        RandomIds.trace_id()
    }

    fn span_id(&self) -> SpanId {
        assert!(!self.0.swap(true, Ordering::Relaxed), "no id");
        RandomIds.span_id()
    }
}

#[test]
fn d2_a_thread_keeps_no_processor_once_its_spans_have_ended() {
    let nested = |work: &dyn Fn()| {
        Component::agent("A").in_span("run", || Component::tool("T").in_span("run", work));
    };
    let (in_frames, settled): (&dyn Fn(), &dyn Fn()) = (&|| (), &|| drop(current_span()));
    for (ids, work) in [(true, in_frames), (true, settled), (false, in_frames)] {
        let dropped = Arc::new(AtomicBool::new(false));
        let provider = TracerProvider::builder().with(Noisy(Arc::clone(&dropped)));
        let provider =
            if ids { provider } else { provider.ids(OneId(AtomicBool::new(false))) }.build();
        let run = catch_unwind(AssertUnwindSafe(|| provider.run(|| nested(work))));
        assert_eq!(run.is_ok(), ids);
        drop(provider);
        assert!(dropped.load(Ordering::Relaxed));
    }
}

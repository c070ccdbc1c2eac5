//! Provider of a trace: the component's, else the context's, else the global one.

use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, Context, TraceId, Traceable as _, TracerProvider, provider::set_global_provider,
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

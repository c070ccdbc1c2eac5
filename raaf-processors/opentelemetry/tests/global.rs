//! Instrumented code that uses OpenTelemetry's global tracer and propagator.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::collections::HashMap;

use opentelemetry::{global, trace::Tracer as _};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{InMemorySpanExporter, SdkTracerProvider, SimpleSpanProcessor},
};
use raaf_opentelemetry::{Joined, OtelProcessor, active_otel_span};
use raaf_trace_core::{Component, Traceable as _, TracerProvider};

/// In one test, since it sets what is global.
#[test]
fn the_global_tracer_and_propagator_join() {
    let exporter = InMemorySpanExporter::default();
    let processor = OtelProcessor::new(SimpleSpanProcessor::new(exporter.clone()));
    let theirs = SdkTracerProvider::builder().with_span_processor(processor.clone()).build();
    global::set_tracer_provider(Joined::new(theirs));
    global::set_text_map_propagator(Joined::new(TraceContextPropagator::new()));
    let ours = TracerProvider::builder().with(processor).outer_parent(active_otel_span).build();

    let mut headers = HashMap::new();
    ours.run(|| {
        global::tracer("shop").in_span("request", |_| {
            Component::agent("Clerk").in_span("run", || {
                global::tracer("client").in_span("query", |context| {
                    global::get_text_map_propagator(|propagator| {
                        propagator.inject_context(&context, &mut headers);
                    });
                });
            });
        });
    });
    ours.force_flush(std::time::Duration::from_secs(30)).unwrap();
    let spans = exporter.get_finished_spans().unwrap();
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (request, clerk, query) = (named("request"), named("invoke_agent Clerk"), named("query"));
    assert_eq!(clerk.parent_span_id, request.span_context.span_id());
    assert_eq!(query.parent_span_id, clerk.span_context.span_id());
    assert!(headers["traceparent"].contains(&query.span_context.span_id().to_string()));
}

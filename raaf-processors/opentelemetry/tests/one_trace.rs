//! Spans of OpenTelemetry's SDK and ours in one trace, through one exporter.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::time::Duration;

use opentelemetry::{
    KeyValue, Value,
    trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{
        BatchSpanProcessor, InMemorySpanExporter, Sampler, SdkTracer, SdkTracerProvider,
        SimpleSpanProcessor, Span, SpanData, SpanProcessor,
    },
};
use raaf_opentelemetry::{
    OtelFuture as _, OtelProcessor, otel_context, otel_parent, run_in_otel_context,
    run_in_otel_parent,
};
use raaf_trace_core::{
    Component, Context, InContext as _, Sampler as OurSampler, SpanId, Traceable as _,
    TracerProvider, current_span, keys, propagation::SpanContext, trace,
};

const LONG: Duration = Duration::from_secs(30);

/// Both libraries with one exporter.
struct Both {
    exporter: InMemorySpanExporter,
    theirs: SdkTracerProvider,
    ours: TracerProvider,
}

impl Both {
    fn new() -> Self {
        Self::sampled(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)), OurSampler::default())
    }

    fn sampled(theirs: Sampler, ours: OurSampler) -> Self {
        let exporter = InMemorySpanExporter::default();
        let processor = OtelProcessor::new(SimpleSpanProcessor::new(exporter.clone()));
        let theirs = SdkTracerProvider::builder()
            .with_sampler(theirs)
            .with_span_processor(processor.clone())
            .build();
        let ours = TracerProvider::builder().with(processor).sampler(ours).build();
        Self { exporter, theirs, ours }
    }

    fn tracer(&self) -> SdkTracer {
        self.theirs.tracer("shop")
    }

    /// The spans of both, after a flush.
    fn spans(&self) -> Vec<SpanData> {
        self.ours.force_flush(LONG).unwrap();
        self.exporter.get_finished_spans().unwrap()
    }
}

/// The names from this span up to its root.
fn path(spans: &[SpanData], name: &str) -> Vec<String> {
    let span = spans.iter().find(|span| span.name == name).expect("the span is there");
    let mut path = vec![span.name.to_string()];
    let parent = spans.iter().find(|other| other.span_context.span_id() == span.parent_span_id);
    if let Some(parent) = parent {
        assert_eq!(parent.span_context.trace_id(), span.span_context.trace_id());
        path.extend(self::path(spans, &parent.name));
    }
    path
}

#[test]
fn closures_of_both_nest_in_both_ways() {
    let both = Both::new();
    let (tracer, clerk) = (both.tracer(), Component::agent("Clerk"));
    let tool = Component::tool("search");
    both.ours.run(|| {
        tracer.in_span("request", |_| {
            run_in_otel_parent(|| {
                clerk.in_span("run", || {
                    run_in_otel_context(|| {
                        tracer.in_span("query", |_| {
                            run_in_otel_parent(|| tool.in_span("run", || ()));
                        });
                    });
                    // OpenTelemetry's request is further out than the clerk.
                    run_in_otel_parent(|| Component::tool("read").in_span("run", || ()));
                });
            });
            tracer.in_span("after", |_| ());
        });
        assert!(current_span().is_none());
    });
    let spans = both.spans();
    assert_eq!(
        path(&spans, "execute_tool search"),
        ["execute_tool search", "query", "invoke_agent Clerk", "request"]
    );
    assert_eq!(
        path(&spans, "execute_tool read"),
        ["execute_tool read", "invoke_agent Clerk", "request"]
    );
    assert_eq!(path(&spans, "after"), ["after", "request"]);
    assert_eq!(spans.len(), 6);
}

#[tokio::test]
async fn futures_of_both_nest_wherever_they_are_polled() {
    let both = Both::new();
    let (tracer, clerk) = (both.tracer(), Component::agent("Clerk"));
    let request = tracer.start("request");
    let around = opentelemetry::Context::current_with_span(request);
    let inner = tracer.clone();
    let work = async move {
        tokio::task::yield_now().await;
        let query = async move {
            tokio::task::yield_now().await;
            inner.start("query").end();
        };
        tokio::spawn(query.in_otel_context()).await.unwrap();
    };
    let work = {
        let _attached = around.clone().attach();
        both.ours.run(|| async move { clerk.in_span("run", work).await }.in_otel_parent())
    };
    tokio::spawn(work).await.unwrap();
    around.span().end();
    let spans = both.spans();
    assert_eq!(path(&spans, "query"), ["query", "invoke_agent Clerk", "request"]);
}

#[test]
fn a_span_is_handed_over_with_all_it_has() {
    let exporter = InMemorySpanExporter::default();
    let processor = OtelProcessor::new(SimpleSpanProcessor::new(exporter.clone()));
    let theirs = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name("shop").build())
        .with_span_processor(processor.clone())
        .build();
    let ours = TracerProvider::builder().with(processor).build();
    let linked = SpanContext::new(raaf_trace_core::TraceId::random(), SpanId::random());
    let (mut id, mut parent) = (None, None);
    ours.run(|| {
        trace("nightly").in_span(|| {
            let model = ours.tracer().llm_span("gpt-5").link(linked.clone(), |_| ());
            let span =
                model.with(keys::GEN_AI_USAGE_INPUT_TOKENS, 7).with("list", vec![1, 2]).start();
            span.set_attribute("llm.api_key", "SECRET").add_event("retry", |event| {
                event.set("attempt", 1);
            });
            span.record_error(&"no quota");
            (id, parent) = (span.span_id(), span.parent_id());
            span.finish();
        });
    });
    ours.shutdown(LONG).unwrap();
    let spans = exporter.get_finished_spans().unwrap();
    let span = spans.iter().find(|span| span.name == "chat gpt-5").expect("the span is there");
    assert_eq!(span.span_context.span_id().to_bytes(), id.unwrap().to_bytes());
    assert_eq!(span.parent_span_id.to_bytes(), parent.unwrap().to_bytes());
    assert_eq!((&span.span_kind, span.parent_span_is_remote), (&SpanKind::Client, false));
    assert_eq!(span.status, Status::error("no quota"));
    let value = |key: &str| {
        let found = span.attributes.iter().find(|pair| pair.key.as_str() == key);
        found.map(|pair| pair.value.clone())
    };
    assert_eq!(value("gen_ai.usage.input_tokens"), Some(Value::I64(7)));
    assert_eq!(value("gen_ai.operation.name"), Some("chat".into()));
    assert_eq!(value("list").unwrap().as_str(), "[1,2]");
    assert_eq!(value("llm.api_key"), Some("[REDACTED]".into()));
    let events: Vec<_> = span.events.iter().map(|event| event.name.as_ref()).collect();
    assert_eq!(events, ["retry", "exception"]);
    assert_eq!(span.events[0].attributes, [KeyValue::new("attempt", 1)]);
    assert_eq!(
        span.links[0].span_context.span_id().to_bytes(),
        linked.span_id().unwrap().to_bytes()
    );
    assert_eq!(span.instrumentation_scope.name(), "raaf-trace-core");
    drop(theirs);
}

#[test]
fn a_sampling_decision_holds_on_both_sides() {
    let none = Both::sampled(Sampler::AlwaysOff, OurSampler::default());
    none.ours.run(|| {
        none.tracer().in_span("request", |_| {
            run_in_otel_parent(|| Component::agent("Clerk").in_span("run", || ()));
        });
    });
    assert_eq!(none.spans(), []);

    let none =
        Both::sampled(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)), OurSampler::ratio(0.0));
    none.ours.run(|| {
        Component::agent("Clerk").in_span("run", || {
            run_in_otel_context(|| none.tracer().in_span("query", |_| ()));
        });
    });
    assert_eq!(none.spans(), []);
}

#[test]
fn without_a_span_contexts_stay_as_they_are() {
    assert!(!otel_context().has_active_span());
    assert_eq!(otel_parent().trace_id(), None);
    let remote = SpanContext::new(raaf_trace_core::TraceId::random(), SpanId::random());
    let kept = Context::remote(remote.clone()).run(|| otel_parent().span_context());
    assert_eq!(kept, Some(remote));
    drop(async {}.in_context(Context::empty()));
}

#[test]
fn many_spans_pass_through_a_batching_processor_without_loss() {
    let exporter = InMemorySpanExporter::default();
    let processor = OtelProcessor::new(BatchSpanProcessor::builder(exporter.clone()).build());
    let theirs = SdkTracerProvider::builder().with_span_processor(processor.clone()).build();
    let ours = TracerProvider::builder().with(processor).build();
    let tool = Component::tool("search");
    ours.run(|| {
        for _ in 0..10_000 {
            tool.in_span("run", || ());
        }
    });
    ours.shutdown(LONG).unwrap();
    assert_eq!(exporter.get_finished_spans().unwrap().len(), 10_000);
    // It is still theirs.
    theirs.tracer("shop").in_span("request", |_| ());
    theirs.force_flush().unwrap();
    assert_eq!(exporter.get_finished_spans().unwrap().len(), 10_001);
}

/// A processor whose exporter fails.
#[derive(Debug)]
struct Failing;

impl SpanProcessor for Failing {
    fn on_start(&self, _: &mut Span, _: &opentelemetry::Context) {}

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure("the collector is gone".to_owned()))
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_failure_of_the_processor_is_counted() {
    let ours = TracerProvider::builder().with(OtelProcessor::new(Failing)).build();
    ours.run(|| Component::tool("search").in_span("run", || ()));
    let error = ours.force_flush(LONG).unwrap_err();
    assert!(error.to_string().contains("the collector is gone"), "{error}");
}

//! One tree without explicit calls: instrumented code inside ours, and ours inside spans of
//! OpenTelemetry.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use opentelemetry::{
    Context as OtelContext, KeyValue,
    baggage::BaggageExt as _,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
    trace::{
        FutureExt as _, Span as _, SpanContext as OtelSpanContext, SpanId as OtelSpanId, SpanKind,
        TraceContextExt as _, TraceFlags, TraceId as OtelTraceId, TraceState, Tracer,
        TracerProvider as _,
    },
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::{Sampler, SdkTracer, SdkTracerProvider, SimpleSpanProcessor, SpanData, SpanExporter},
};
use raaf_opentelemetry::{
    Joined, JoinedTracer, OtelProcessor, active_otel_span, from_otel_baggage, run_in_otel_context,
    run_in_otel_parent, to_otel_baggage,
};
use raaf_trace_core::{
    Component, Context, InContext as _, Sampler as OurSampler, Traceable as _, TracerProvider,
    current_span, propagation::Baggage, trace,
};

const LONG: Duration = Duration::from_secs(30);

/// An exporter that keeps spans, and the resources that it was given.
#[derive(Clone, Debug, Default)]
struct Kept {
    spans: Arc<Mutex<Vec<SpanData>>>,
    resources: Arc<Mutex<Vec<Resource>>>,
}

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans.lock().unwrap().extend(batch);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resources.lock().unwrap().push(resource.clone());
    }
}

/// Both libraries with one exporter, joined.
struct Both {
    kept: Kept,
    theirs: Joined<SdkTracerProvider>,
    ours: TracerProvider,
}

impl Both {
    fn new() -> Self {
        Self::sampled(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)), OurSampler::default())
    }

    fn sampled(theirs: Sampler, ours: OurSampler) -> Self {
        let kept = Kept::default();
        let processor = OtelProcessor::new(SimpleSpanProcessor::new(kept.clone()));
        let theirs = SdkTracerProvider::builder()
            .with_sampler(theirs)
            .with_resource(Resource::builder_empty().with_service_name("shop").build())
            .with_span_processor(processor.clone())
            .build();
        let ours = TracerProvider::builder()
            .with(processor)
            .sampler(ours)
            .outer_parent(active_otel_span)
            .build();
        Self { kept, theirs: Joined::new(theirs), ours }
    }

    fn tracer(&self) -> JoinedTracer<SdkTracer> {
        self.theirs.tracer("shop")
    }

    /// The spans of both, after a flush, as paths from the root, sorted.
    fn paths(&self) -> Vec<String> {
        let spans = self.spans();
        let mut paths: Vec<_> = spans.iter().map(|span| path(&spans, span)).collect();
        paths.sort();
        paths
    }

    fn spans(&self) -> Vec<SpanData> {
        self.ours.force_flush(LONG).unwrap();
        self.kept.spans.lock().unwrap().clone()
    }
}

fn path(spans: &[SpanData], span: &SpanData) -> String {
    let parent = spans.iter().find(|other| other.span_context.span_id() == span.parent_span_id);
    match parent {
        Some(parent) => {
            assert_eq!(parent.span_context.trace_id(), span.span_context.trace_id());
            format!("{} > {}", path(spans, parent), span.name)
        }
        None => span.name.to_string(),
    }
}

fn clerk() -> Component {
    Component::agent("Clerk")
}

/// A client as instrumentations for OpenTelemetry have it, which know nothing of us: a span a request,
/// whose context is sent in the headers.
async fn get(
    tracer: &impl Tracer<Span: Send + Sync + 'static>,
    propagator: &impl TextMapPropagator,
    url: &'static str,
) -> HashMap<String, String> {
    let span = tracer.span_builder(url).with_kind(SpanKind::Client).start(tracer);
    let context = OtelContext::current_with_span(span);
    let mut headers = HashMap::new();
    propagator.inject_context(&context, &mut headers);
    let answer = async {
        tokio::task::yield_now().await;
        tracer.start("body").end();
        headers
    };
    let headers = answer.with_context(context.clone()).await;
    context.span().set_attribute(KeyValue::new("status", 200));
    context.span().end();
    headers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instrumented_client_in_our_agent_in_an_instrumented_server_is_one_tree() {
    let both = Both::new();
    let tracer = both.tracer();
    let propagator = Joined::new(TraceContextPropagator::new());
    let request = OtelContext::current_with_span(tracer.start("request"));
    let inner = tracer.clone();
    let work = async move {
        let shelf = Component::tool("Shelf");
        let found = shelf.in_span("find", get(&inner, &propagator, "/shelf")).await;
        let task = async move { get(&inner, &propagator, "/task").await };
        (found, tokio::spawn(task.in_current_context()).await.unwrap())
    };
    let work = async move { clerk().in_span("run", work).await };
    let work = work.in_context(Context::empty().with_provider(&both.ours));
    let (found, task) = tokio::spawn(work.with_context(request.clone())).await.unwrap();
    request.span().end();

    assert_eq!(
        both.paths(),
        [
            "request",
            "request > invoke_agent Clerk",
            "request > invoke_agent Clerk > /task",
            "request > invoke_agent Clerk > /task > body",
            "request > invoke_agent Clerk > execute_tool Shelf",
            "request > invoke_agent Clerk > execute_tool Shelf > /shelf",
            "request > invoke_agent Clerk > execute_tool Shelf > /shelf > body",
        ]
    );
    let spans = both.spans();
    for (name, headers) in [("/shelf", found), ("/task", task)] {
        let span = spans.iter().find(|span| span.name == name).unwrap();
        let (trace, id) = (span.span_context.trace_id(), span.span_context.span_id());
        assert_eq!(headers["traceparent"], format!("00-{trace}-{id}-01"));
        assert_eq!(span.attributes, [KeyValue::new("status", 200)]);
    }
    let resources = both.kept.resources.lock().unwrap();
    assert_eq!(resources.len(), 1, "one resource for the spans of both");
}

#[test]
fn the_innermost_span_is_the_parent_whichever_library_it_is_of() {
    let both = Both::new();
    let tracer = both.tracer();
    both.ours.run(|| {
        tracer.in_span("request", |_| {
            clerk().in_span("run", || {
                tracer.in_span("query", |_| {
                    tracer.in_span("page", |_| ());
                    // A span of ours that has a parent of ours does not look for another one.
                    Component::tool("beside").in_span("run", || tracer.in_span("deep", |_| ()));
                    run_in_otel_parent(|| Component::tool("below").in_span("run", || ()));
                    tracer.in_span("after", |_| ());
                });
                run_in_otel_context(|| tracer.in_span("explicit", |_| ()));
                tracer.in_span("last", |_| ());
            });
            assert!(current_span().is_none());
            tracer.in_span("outside", |_| ());
        });
    });
    assert_eq!(
        both.paths(),
        [
            "request",
            "request > invoke_agent Clerk",
            "request > invoke_agent Clerk > execute_tool beside",
            "request > invoke_agent Clerk > execute_tool beside > deep",
            "request > invoke_agent Clerk > explicit",
            "request > invoke_agent Clerk > last",
            "request > invoke_agent Clerk > query",
            "request > invoke_agent Clerk > query > after",
            "request > invoke_agent Clerk > query > execute_tool below",
            "request > invoke_agent Clerk > query > page",
            "request > outside",
        ]
    );
}

fn elsewhere() -> OtelSpanContext {
    let (trace, span) = (OtelTraceId::from_bytes([7; 16]), OtelSpanId::from_bytes([7; 8]));
    OtelSpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
}

#[test]
fn a_context_that_is_given_or_of_another_trace_is_used_as_it_is() {
    let both = Both::new();
    let tracer = both.tracer();
    let remote = OtelContext::new().with_remote_span_context(elsewhere());
    both.ours.run(|| {
        clerk().in_span("run", || {
            tracer.start_with_context("given", &remote).end();
            let _attached = remote.clone().attach();
            tracer.in_span("attached", |_| tracer.in_span("inside", |_| ()));
        });
    });
    let spans = both.spans();
    let trace =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap().span_context.trace_id();
    assert_ne!(trace("invoke_agent Clerk"), elsewhere().trace_id());
    for name in ["given", "attached", "inside"] {
        assert_eq!(trace(name), elsewhere().trace_id(), "{name}");
    }
    assert_eq!(both.paths(), ["attached", "attached > inside", "given", "invoke_agent Clerk"]);
}

#[test]
fn an_explicit_context_without_a_span_is_used_as_it_is_where_it_can_be_told_apart() {
    let both = Both::new();
    let tracer = both.tracer();
    let propagator = Joined::new(TraceContextPropagator::new());
    let sent = |context: &OtelContext| {
        let mut headers = HashMap::new();
        propagator.inject_context(context, &mut headers);
        headers.remove("traceparent")
    };
    both.ours.run(|| {
        tracer.in_span("request", |_| {
            clerk().in_span("run", || {
                tracer.start_with_context("root", &OtelContext::new()).end();
                assert_eq!(sent(&OtelContext::new()), None);
                assert!(sent(&OtelContext::current()).is_some());
            });
        });
        clerk().in_span("alone", || {
            tracer.start_with_context("inner", &OtelContext::new()).end();
            assert!(sent(&OtelContext::current()).is_some());
            Context::empty().run(|| {
                tracer.start("apart").end();
                assert_eq!(sent(&OtelContext::new()), None);
            });
        });
    });
    assert_eq!(
        both.paths(),
        [
            "apart",
            "invoke_agent Clerk",
            "invoke_agent Clerk > inner",
            "request",
            "request > invoke_agent Clerk",
            "root",
        ]
    );
}

#[test]
fn a_client_without_a_span_of_its_own_sends_ours() {
    let both = Both::new();
    let plain = TraceContextPropagator::new();
    let propagator = Joined::new(plain.clone());
    let sent = |propagator: &dyn TextMapPropagator| {
        let mut headers = HashMap::new();
        propagator.inject(&mut headers);
        headers.remove("traceparent")
    };
    both.ours.run(|| {
        assert_eq!(sent(&propagator), None);
        trace("nightly").in_span(|| {
            assert_eq!(sent(&plain), None);
            let mut headers = Vec::new();
            Context::current().inject(&mut headers);
            assert_eq!(sent(&propagator), Some(headers[0].1.clone()));
            let _attached = OtelContext::new().with_remote_span_context(elsewhere()).attach();
            assert_eq!(sent(&propagator), sent(&plain), "of another trace");
        });
    });
    assert_eq!(propagator.fields().collect::<Vec<_>>(), plain.fields().collect::<Vec<_>>());
    let headers = HashMap::from([(
        "traceparent".to_owned(),
        "00-07070707070707070707070707070707-0707070707070707-01".to_owned(),
    )]);
    assert_eq!(propagator.extract(&headers).span().span_context(), &elsewhere());
}

#[test]
fn a_sampling_decision_holds_on_both_sides_without_calls() {
    let none = Both::sampled(Sampler::AlwaysOff, OurSampler::default());
    none.ours.run(|| none.tracer().in_span("request", |_| clerk().in_span("run", || ())));
    assert_eq!(none.paths(), Vec::<String>::new());

    let always = Sampler::ParentBased(Box::new(Sampler::AlwaysOn));
    let none = Both::sampled(always, OurSampler::ratio(0.0));
    none.ours.run(|| {
        clerk().in_span("run", || none.tracer().in_span("query", |_| none.tracer().start("page")));
    });
    assert_eq!(none.paths(), Vec::<String>::new());
}

#[test]
fn without_a_span_of_ours_theirs_are_as_ever() {
    let both = Both::new();
    let tracer = both.tracer();
    tracer.in_span("request", |_| tracer.in_span("query", |_| ()));
    both.ours.run(|| clerk().in_span("run", || ()));
    assert_eq!(both.paths(), ["invoke_agent Clerk", "request", "request > query"]);
}

#[test]
fn baggage_goes_both_ways_and_out_only_where_put() {
    let (tenant, plan) = ("acme & sons, Ärzte", "pro");
    let mut baggage = Baggage::parse("plan=pro;level=2");
    baggage.insert("tenant", tenant).unwrap();
    let theirs = to_otel_baggage(&baggage);
    assert_eq!(theirs.get("tenant").unwrap().as_str(), tenant);
    let (value, metadata) = theirs.get_with_metadata("plan").unwrap();
    assert_eq!((value.as_str(), metadata.as_str()), (plan, "level=2"));
    let back = from_otel_baggage(&theirs);
    assert_eq!(back, baggage);

    // What no header can hold stays behind, and takes nothing with it.
    let mut odd = opentelemetry::baggage::Baggage::new();
    odd.insert_with_metadata("a", "1", "p=1,injected=2");
    odd.insert_with_metadata("b", "2", "not valid");
    odd.insert("c", "é".repeat(8_000));
    odd.insert("d", "4");
    assert_eq!(from_otel_baggage(&odd).to_string(), "a=1,b=2,d=4");

    let both = Both::new();
    let propagator = Joined::new(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]));
    let sent = || {
        let mut headers = HashMap::new();
        propagator.inject(&mut headers);
        headers.remove("baggage").unwrap_or_default()
    };
    let context = Context::empty().with_provider(&both.ours).with_baggage(Baggage::parse("a=1"));
    context.run(|| {
        clerk().in_span("run", || {
            assert_eq!(sent(), "");
            let baggage = to_otel_baggage(Context::current().baggage());
            let _attached = OtelContext::current().with_baggage(baggage).attach();
            assert_eq!(sent(), "a=1");
        });
    });
}

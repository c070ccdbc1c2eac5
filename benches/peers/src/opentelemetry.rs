//! The SDK of OpenTelemetry with its batching processor.

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{FutureExt as _, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, SpanData,
        SpanExporter,
    },
};

use raaf_benches::{
    collector::{Collector, Finished, Scalar},
    facts::{Facts, SPAN, Says, answer, keys, question},
    tool::{AsyncTool, Off, Setup, Task, Tool},
};

/// Spans of the SDK, made current by attaching them.
#[derive(Debug)]
pub(crate) struct OpenTelemetry {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

/// The context of a new span: a child of the parent's, or a root.
#[inline]
fn open(tracer: &SdkTracer, parent: &Context, facts: &Facts, says: Says) -> Context {
    let span = tracer.span_builder(SPAN);
    let span = match says {
        Says::Nothing => span,
        Says::Four => {
            let ([kind, name], [number, exact]) = (base(facts), late(facts));
            span.with_attributes([kind, name, number, exact])
        }
        Says::Late => span.with_attributes(base(facts)),
        Says::Strings => {
            let [kind, name] = base(facts);
            let question = KeyValue::new(keys::QUESTION, question().to_owned());
            let answer = KeyValue::new(keys::ANSWER, answer().to_owned());
            span.with_attributes([kind, name, question, answer])
        }
    };
    parent.with_span(span.start_with_context(tracer, parent))
}

#[inline]
fn base(facts: &Facts) -> [KeyValue; 2] {
    [KeyValue::new(keys::TYPE, facts.kind().word()), KeyValue::new(keys::NAME, facts.name())]
}

#[inline]
fn late(facts: &Facts) -> [KeyValue; 2] {
    [KeyValue::new(keys::NUMBER, facts.number()), KeyValue::new(keys::EXACT, facts.exact())]
}

impl Tool for OpenTelemetry {
    const NAME: &'static str = "otel, batch";

    type Part = Facts;
    type Span = Context;

    fn start(setup: &Setup) -> Option<Self> {
        // It has no switch that could be undone.
        if setup.off == Some(Off::Switch) {
            return None;
        }
        let provider = provider(setup);
        Some(Self { tracer: provider.tracer("raaf-peers"), provider })
    }

    fn span(
        &self,
        parent: Option<&Context>,
        facts: &Facts,
        says: Says,
        work: impl FnOnce(&Context),
    ) {
        let root = Context::new();
        let context = open(&self.tracer, parent.unwrap_or(&root), facts, says);
        let _guard = context.clone().attach();
        if says == Says::Late {
            context.span().set_attributes(late(facts));
        }
        work(&context);
    }

    fn flush(&self) {
        // What was not delivered is missing in the collector's count.
        let _ = self.provider.force_flush();
    }
}

impl AsyncTool for OpenTelemetry {
    fn task(&self, is_root: bool, facts: &'static Facts, work: impl Task) -> impl Task {
        let parent = if is_root { Context::new() } else { Context::current() };
        work.with_context(open(&self.tracer, &parent, facts, Says::Four))
    }
}

/// A provider with the batching processor's defaults, except for the room that the setup asks for.
pub(crate) fn provider(setup: &Setup) -> SdkTracerProvider {
    let mut config = BatchConfigBuilder::default();
    if let Some(spans) = setup.room {
        config = config.with_max_queue_size(spans);
    }
    let processor = BatchSpanProcessor::builder(Deliver(setup.collector.clone()))
        .with_batch_config(config.build())
        .build();
    let mut builder = SdkTracerProvider::builder().with_span_processor(processor);
    if setup.off == Some(Off::Unsampled) {
        builder = builder.with_sampler(Sampler::AlwaysOff);
    }
    builder.build()
}

/// An exporter that hands spans to the collector.
#[derive(Debug)]
struct Deliver(Collector);

impl SpanExporter for Deliver {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.take(batch.iter().map(|span| Finished {
            trace: u128::from_be_bytes(span.span_context.trace_id().to_bytes()),
            span: u64::from_be_bytes(span.span_context.span_id().to_bytes()),
            parent: u64::from_be_bytes(span.parent_span_id.to_bytes()),
            name: &*span.name,
            start: span.start_time,
            duration: span.end_time.duration_since(span.start_time).unwrap_or_default(),
            attributes: span.attributes.iter().filter_map(|attribute| {
                let value = match &attribute.value {
                    Value::Bool(value) => Scalar::Bool(*value),
                    Value::I64(value) => Scalar::Int(*value),
                    Value::String(value) => Scalar::Str(value.as_str()),
                    // No workload sets a float or a list.
                    _ => return None,
                };
                Some((attribute.key.as_str(), value))
            }),
        }));
        Ok(())
    }
}

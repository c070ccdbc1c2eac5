//! A provider of the SDK for each setup.

use std::time::Duration;

use opentelemetry::{Context, trace::Span as _};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, Span, SpanData,
        SpanExporter, SpanProcessor, TracerProviderBuilder,
    },
};

use crate::{
    collector::Collector,
    tool::{Off, Room, Setup, Sink},
};

/// How finished spans leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tool) enum Delivery {
    /// One by one, in the thread that ended them.
    Simple,
    /// In batches, from a thread of their own.
    Batch,
}

/// The provider; `None` for what the SDK has not.
pub(in crate::tool) fn make(setup: &Setup, delivery: Delivery) -> Option<SdkTracerProvider> {
    let mut builder = SdkTracerProvider::builder();
    if setup.off == Some(Off::Unsampled) {
        builder = builder.with_sampler(Sampler::AlwaysOff);
    }
    let collector = setup.collector.clone();
    let builder = match (setup.sink, delivery) {
        (Sink::Collector, Delivery::Simple) => builder.with_simple_exporter(Deliver(collector)),
        (Sink::Collector, Delivery::Batch) => batching(builder, Deliver(collector), setup.room),
        (Sink::Inline, Delivery::Simple) => builder.with_span_processor(Inline(collector)),
        _ => return None,
    };
    Some(builder.build())
}

/// With the batching processor's defaults, but for how many spans may wait where that is said.
fn batching(
    builder: TracerProviderBuilder,
    exporter: Deliver,
    room: Room,
) -> TracerProviderBuilder {
    let Some(spans) = room.spans() else { return builder.with_batch_exporter(exporter) };
    let config = BatchConfigBuilder::default().with_max_queue_size(spans).build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    builder.with_span_processor(processor)
}

/// An exporter that hands spans to the collector.
#[derive(Debug)]
struct Deliver(Collector);

impl SpanExporter for Deliver {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.take(batch);
        Ok(())
    }
}

/// Looks at each start and reads each end, in the span's own thread.
#[derive(Debug)]
struct Inline(Collector);

impl SpanProcessor for Inline {
    fn on_start(&self, span: &mut Span, _: &Context) {
        std::hint::black_box(span.span_context().span_id());
    }

    fn on_end(&self, span: SpanData) {
        self.0.take([span]);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

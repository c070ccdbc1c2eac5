//! A provider of the SDK for each setup.

use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
    },
};
use raaf_benches::{
    collector::Collector,
    tool::{Off, Setup},
};

use super::data::Finished;

/// A provider with the batching processor's defaults, except for the room that the setup asks for.
pub(crate) fn make(setup: &Setup) -> SdkTracerProvider {
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
        self.0.take(batch.into_iter().map(Finished));
        Ok(())
    }
}

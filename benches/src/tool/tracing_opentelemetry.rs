//! `tracing` in front of OpenTelemetry's SDK.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{Instrument as _, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    filter::LevelFilter, layer::SubscriberExt as _, registry, registry::LookupSpan,
};

use super::{
    AsyncTool, Off, Setup, Tool,
    opentelemetry::provider::{self, Delivery},
    tracing_layer::{in_span, install, span},
};
use crate::facts::{Facts, Says};

/// Spans of `tracing`, which its bridge hands to the SDK's batching processor.
#[derive(Debug)]
pub struct TracingOpenTelemetry {
    /// `None` where nobody has set up anything.
    provider: Option<SdkTracerProvider>,
}

/// The bridge, without the attributes that it adds by default: place, thread, target, busy and idle
/// times. They are work that the others do not do.
fn bridge<S>(tracer: SdkTracer) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
}

impl Tool for TracingOpenTelemetry {
    type Part = Facts;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        if setup.off == Some(Off::Nothing) {
            return Some(Self { provider: None });
        }
        let provider = provider::make(setup, Delivery::Batch)?;
        let tracer = provider.tracer("raaf-benches");
        if setup.off == Some(Off::Switch) {
            install(registry().with(LevelFilter::OFF).with(bridge(tracer)))?;
        } else {
            install(registry().with(bridge(tracer)))?;
        }
        Some(Self { provider: Some(provider) })
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn root<R>(&self, part: &Facts, says: Says, work: impl FnOnce(&()) -> R) -> R {
        in_span(part, says, work)
    }

    fn child<R>(&self, (): &(), part: &Facts, says: Says, work: impl FnOnce(&()) -> R) -> R {
        in_span(part, says, work)
    }

    fn flush(&self) {
        if let Some(provider) = &self.provider {
            // What was not delivered is missing in the collector's count.
            let _ = provider.force_flush();
        }
    }
}

impl AsyncTool for TracingOpenTelemetry {
    fn root_async<F>(
        &self,
        part: &'static Facts,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        work.instrument(span(part, Says::Four))
    }

    fn child_async<F>(
        &self,
        part: &'static Facts,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        work.instrument(span(part, Says::Four))
    }
}

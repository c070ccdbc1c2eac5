//! `tracing` in front of OpenTelemetry's SDK.

use ::opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{Instrument as _, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    filter::LevelFilter, layer::SubscriberExt as _, registry, registry::LookupSpan,
};

use raaf_benches::{
    facts::{Facts, Says},
    tool::{AsyncTool, Off, Setup, Task, Tool},
};

use crate::{
    opentelemetry,
    tracing_layer::{in_span, install, span},
};

/// Spans of `tracing`, which its bridge hands to the SDK's batching processor.
#[derive(Debug)]
pub(crate) struct TracingOpenTelemetry {
    provider: SdkTracerProvider,
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
    const NAME: &'static str = "tracing-otel";

    type Part = Facts;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        let provider = opentelemetry::make(setup);
        let tracer = provider.tracer("raaf-peers");
        if setup.off == Some(Off::Switch) {
            install(registry().with(LevelFilter::OFF).with(bridge(tracer)))?;
        } else {
            install(registry().with(bridge(tracer)))?;
        }
        Some(Self { provider })
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn span<R>(&self, _: Option<&()>, part: &Facts, says: Says, work: impl FnOnce(&()) -> R) -> R {
        in_span(part, says, work)
    }

    fn flush(&self) {
        // What was not delivered is missing in the collector's count.
        let _ = self.provider.force_flush();
    }
}

impl AsyncTool for TracingOpenTelemetry {
    fn task<F: Task>(
        &self,
        _: bool,
        part: &'static Facts,
        work: F,
    ) -> impl Task<Output = F::Output> {
        work.instrument(span(part, Says::Four))
    }
}

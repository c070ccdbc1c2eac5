//! `tracing`, with a layer that collects each span whole, and in front of OpenTelemetry's SDK.

mod layer;

use ::tracing::{Instrument as _, Span, field::Empty, info_span, subscriber};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{Layer, Registry, filter::LevelFilter, layer::SubscriberExt as _};

use raaf_benches::{
    facts::{Facts, Says, answer, keys, question},
    tool::{AsyncTool, Off, Setup, Task, Tool},
};

use crate::opentelemetry::provider;

use layer::Collect;

/// `tracing` and a layer that hands each span to the collector when it closes.
pub(crate) type TracingLayer = Tracing<false>;

/// `tracing` and its bridge to the SDK's batching processor.
pub(crate) type TracingOpenTelemetry = Tracing<true>;

/// Spans of `tracing`, with or without OpenTelemetry behind it.
#[derive(Debug)]
pub(crate) struct Tracing<const OTEL: bool> {
    provider: Option<SdkTracerProvider>,
}

/// A span of `tracing` that says what it has to.
#[inline]
fn span(facts: &Facts, says: Says) -> Span {
    let (kind, name) = (facts.kind().word(), facts.name());
    match says {
        Says::Nothing => info_span!("execute"),
        Says::Four => info_span!(
            "execute",
            "component.type" = kind,
            "component.name" = name,
            "step.number" = facts.number(),
            "step.exact" = facts.exact()
        ),
        Says::Late => info_span!(
            "execute",
            "component.type" = kind,
            "component.name" = name,
            "step.number" = Empty,
            "step.exact" = Empty
        ),
        // `tracing` lends a text to its layers, so that the caller need not own one.
        Says::Strings => info_span!(
            "execute",
            "component.type" = kind,
            "component.name" = name,
            "step.question" = question(),
            "step.answer" = answer()
        ),
    }
}

/// Makes a registry with this layer the subscriber of the process; `None` if there is one already.
fn install(setup: &Setup, layer: impl Layer<Registry> + Send + Sync) -> Option<()> {
    let registry = tracing_subscriber::registry().with(layer);
    match setup.off {
        Some(Off::Switch) => subscriber::set_global_default(registry.with(LevelFilter::OFF)),
        _ => subscriber::set_global_default(registry),
    }
    .ok()
}

impl<const OTEL: bool> Tool for Tracing<OTEL> {
    const NAME: &'static str = if OTEL { "tracing-otel" } else { "tracing + layer" };

    type Part = Facts;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        if !OTEL {
            // It has no sampler.
            if setup.off == Some(Off::Unsampled) {
                return None;
            }
            install(setup, Collect::new(setup.collector.clone()))?;
            return Some(Self { provider: None });
        }
        let provider = provider(setup);
        // Without the attributes that the bridge adds by default: place, thread, target, busy and
        // idle times. They are work that the others do not do.
        let bridge = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("raaf-peers"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        install(setup, bridge)?;
        Some(Self { provider: Some(provider) })
    }

    #[inline]
    fn span(&self, _: Option<&()>, facts: &Facts, says: Says, work: impl FnOnce(&())) {
        let span = span(facts, says).entered();
        if says == Says::Late {
            span.record(keys::NUMBER, facts.number()).record(keys::EXACT, facts.exact());
        }
        work(&());
    }

    /// Flushes the SDK; the layer delivers each span when it closes.
    fn flush(&self) {
        if let Some(provider) = &self.provider {
            // What was not delivered is missing in the collector's count.
            let _ = provider.force_flush();
        }
    }
}

impl<const OTEL: bool> AsyncTool for Tracing<OTEL> {
    fn task(&self, _: bool, facts: &'static Facts, work: impl Task) -> impl Task {
        work.instrument(span(facts, Says::Four))
    }
}

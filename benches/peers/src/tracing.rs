//! `tracing`, with a layer that collects each span whole, in front of OpenTelemetry's SDK, and in front
//! of this project.

mod layer;

use std::fmt;

use ::tracing::{Instrument as _, Span, field::Empty, info_span, subscriber};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{Layer, Registry, filter::LevelFilter, layer::SubscriberExt as _};

use raaf_benches::{
    facts::{Facts, Says, answer, keys, question},
    tool::{AsyncTool, Off, Setup, Task, Tool},
};

use raaf_benches::raaf::{Parts, Raaf};

use crate::opentelemetry::provider;

use layer::Collect;

/// `tracing` and a layer that hands each span to the collector when it closes.
pub(crate) type TracingLayer = Tracing<Collected>;

/// `tracing` and its bridge to the SDK's batching processor.
pub(crate) type TracingOpenTelemetry = Tracing<SdkTracerProvider>;

/// `tracing` and its bridge to this project.
pub(crate) type TracingRaaf = Tracing<Raaf>;

/// Spans of `tracing`, with this behind them.
#[derive(Debug)]
pub(crate) struct Tracing<B> {
    behind: B,
}

/// Receiver of the spans of `tracing`.
pub(crate) trait Behind: fmt::Debug + Send + Sync + Sized + 'static {
    const NAME: &'static str;

    /// Installs its layer as the subscriber of the process; `None` if there is one already.
    fn install(setup: &Setup) -> Option<Self>;

    /// Returns once every span that has closed is delivered.
    fn flush(&self) {}
}

/// Each span is delivered when it closes.
#[derive(Debug)]
pub(crate) struct Collected;

impl Behind for Collected {
    const NAME: &'static str = "tracing + layer";

    fn install(setup: &Setup) -> Option<Self> {
        // It has no sampler.
        if setup.off == Some(Off::Unsampled) {
            return None;
        }
        subscribe(setup, Collect::new(setup.collector.clone())).map(|()| Self)
    }
}

impl Behind for SdkTracerProvider {
    const NAME: &'static str = "tracing-otel";

    fn install(setup: &Setup) -> Option<Self> {
        let provider = provider(setup);
        // Without the attributes that the bridge adds by default: place, thread, target, busy and
        // idle times. They are work that the others do not do.
        let bridge = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("raaf-peers"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        subscribe(setup, bridge)?;
        Some(provider)
    }

    fn flush(&self) {
        // What was not delivered is missing in the collector's count.
        let _ = self.force_flush();
    }
}

impl Behind for Raaf {
    const NAME: &'static str = "raaf-tracing";

    fn install(setup: &Setup) -> Option<Self> {
        let own = Self::with(setup, Parts::OfProgram)?;
        // Without a filter of its own, as the others.
        subscribe(setup, raaf_tracing::Builder::new().build_unfiltered())?;
        Some(own)
    }

    fn flush(&self) {
        Tool::flush(self);
    }
}

/// A span of `tracing` that says what it has to.
#[inline]
fn span(facts: &Facts, says: Says) -> Span {
    let (kind, name) = (facts.kind().word(), facts.name());
    match says {
        Says::Nothing => info_span!("execute"),
        Says::Four => info_span!(
            "execute",
            "part.type" = kind,
            "part.name" = name,
            "step.number" = facts.number(),
            "step.exact" = facts.exact()
        ),
        Says::Late => info_span!(
            "execute",
            "part.type" = kind,
            "part.name" = name,
            "step.number" = Empty,
            "step.exact" = Empty
        ),
        // `tracing` lends a text to its layers, so that the caller need not own one.
        Says::Strings => info_span!(
            "execute",
            "part.type" = kind,
            "part.name" = name,
            "step.question" = question(),
            "step.answer" = answer()
        ),
    }
}

/// Makes a registry with this layer the subscriber of the process; `None` if there is one already.
fn subscribe(setup: &Setup, layer: impl Layer<Registry> + Send + Sync) -> Option<()> {
    let registry = tracing_subscriber::registry().with(layer);
    match setup.off {
        Some(Off::Switch) => subscriber::set_global_default(registry.with(LevelFilter::OFF)),
        _ => subscriber::set_global_default(registry),
    }
    .ok()
}

impl<B: Behind> Tool for Tracing<B> {
    const NAME: &'static str = B::NAME;

    type Part = Facts;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        B::install(setup).map(|behind| Self { behind })
    }

    #[inline]
    fn span(&self, _: Option<&()>, facts: &Facts, says: Says, work: impl FnOnce(&())) {
        let span = span(facts, says).entered();
        if says == Says::Late {
            span.record(keys::NUMBER, facts.number()).record(keys::EXACT, facts.exact());
        }
        work(&());
    }

    fn flush(&self) {
        self.behind.flush();
    }
}

impl<B: Behind> AsyncTool for Tracing<B> {
    fn task(&self, _: bool, facts: &'static Facts, work: impl Task) -> impl Task {
        work.instrument(span(facts, Says::Four))
    }
}

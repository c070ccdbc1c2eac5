//! The SDK of OpenTelemetry, with its simple and its batching processor.

mod attributes;
mod data;
pub(super) mod provider;

use opentelemetry::{
    Context,
    global::{self, BoxedTracer},
    trace::{FutureExt as _, TraceContextExt as _, Tracer, TracerProvider as _},
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use super::{AsyncTool, Off, Setup, Tool};
use crate::facts::{Facts, SPAN, Says};
use provider::Delivery;

/// Spans that the thread which ends them exports, one by one.
pub type OpenTelemetrySimple = OpenTelemetry<false>;

/// Spans that a thread exports in batches.
pub type OpenTelemetryBatch = OpenTelemetry<true>;

/// Spans of the SDK, made current by attaching them.
#[derive(Debug)]
pub struct OpenTelemetry<const BATCH: bool> {
    tracer: Tracing,
    /// `None` where nobody has set up anything.
    provider: Option<SdkTracerProvider>,
}

#[derive(Debug)]
enum Tracing {
    Sdk(SdkTracer),
    /// The global one, with nothing behind it.
    Global(BoxedTracer),
}

impl<const BATCH: bool> OpenTelemetry<BATCH> {
    /// The context of a new span: a child of the parent's, or a root.
    #[inline]
    fn open(&self, parent: &Context, facts: &Facts, says: Says) -> Context {
        match &self.tracer {
            Tracing::Sdk(tracer) => open(tracer, parent, facts, says),
            Tracing::Global(tracer) => open(tracer, parent, facts, says),
        }
    }

    #[inline]
    fn run<R>(
        &self,
        parent: &Context,
        facts: &Facts,
        says: Says,
        work: impl FnOnce(&Context) -> R,
    ) -> R {
        let context = self.open(parent, facts, says);
        let _guard = context.clone().attach();
        if says == Says::Late {
            context.span().set_attributes(attributes::late(facts));
        }
        work(&context)
    }
}

#[inline]
fn open<T>(tracer: &T, parent: &Context, facts: &Facts, says: Says) -> Context
where
    T: Tracer<Span: Send + Sync + 'static>,
{
    let span = tracer.span_builder(SPAN);
    let span = match says {
        Says::Nothing => span,
        Says::Four => span.with_attributes(attributes::four(facts)),
        Says::Late => span.with_attributes(attributes::base(facts)),
        Says::Strings => span.with_attributes(attributes::strings(facts)),
    };
    parent.with_span(span.start_with_context(tracer, parent))
}

impl<const BATCH: bool> Tool for OpenTelemetry<BATCH> {
    type Part = Facts;
    type Span = Context;

    fn start(setup: &Setup) -> Option<Self> {
        // It has no switch that could be undone.
        match setup.off {
            Some(Off::Switch) => return None,
            Some(Off::Nothing) => {
                let tracer = Tracing::Global(global::tracer("raaf-benches"));
                return Some(Self { tracer, provider: None });
            }
            Some(Off::Unsampled) | None => {}
        }
        let delivery = if BATCH { Delivery::Batch } else { Delivery::Simple };
        let provider = provider::make(setup, delivery)?;
        let tracer = Tracing::Sdk(provider.tracer("raaf-benches"));
        Some(Self { tracer, provider: Some(provider) })
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn root<R>(&self, part: &Facts, says: Says, work: impl FnOnce(&Context) -> R) -> R {
        self.run(&Context::new(), part, says, work)
    }

    fn child<R>(
        &self,
        parent: &Context,
        part: &Facts,
        says: Says,
        work: impl FnOnce(&Context) -> R,
    ) -> R {
        self.run(parent, part, says, work)
    }

    fn flush(&self) {
        if let Some(provider) = &self.provider {
            // What was not delivered is missing in the collector's count.
            let _ = provider.force_flush();
        }
    }
}

impl<const BATCH: bool> AsyncTool for OpenTelemetry<BATCH> {
    fn root_async<F>(
        &self,
        part: &'static Facts,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        work.with_context(self.open(&Context::new(), part, Says::Four))
    }

    fn child_async<F>(
        &self,
        part: &'static Facts,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let context = Context::map_current(|parent| self.open(parent, part, Says::Four));
        work.with_context(context)
    }
}

//! The SDK of OpenTelemetry with its batching processor.

mod attributes;
mod data;
mod provider;

use opentelemetry::{
    Context,
    trace::{FutureExt as _, TraceContextExt as _, Tracer, TracerProvider as _},
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use raaf_benches::{
    facts::{Facts, SPAN, Says},
    tool::{AsyncTool, Off, Setup, Task, Tool},
};

pub(crate) use provider::make;

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
        Says::Four => span.with_attributes(attributes::four(facts)),
        Says::Late => span.with_attributes(attributes::base(facts)),
        Says::Strings => span.with_attributes(attributes::strings(facts)),
    };
    parent.with_span(span.start_with_context(tracer, parent))
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
        let provider = make(setup);
        Some(Self { tracer: provider.tracer("raaf-peers"), provider })
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn span<R>(
        &self,
        parent: Option<&Context>,
        part: &Facts,
        says: Says,
        work: impl FnOnce(&Context) -> R,
    ) -> R {
        let root = Context::new();
        let context = open(&self.tracer, parent.unwrap_or(&root), part, says);
        let _guard = context.clone().attach();
        if says == Says::Late {
            context.span().set_attributes(attributes::late(part));
        }
        work(&context)
    }

    fn flush(&self) {
        // What was not delivered is missing in the collector's count.
        let _ = self.provider.force_flush();
    }
}

impl AsyncTool for OpenTelemetry {
    fn task<F: Task>(
        &self,
        is_root: bool,
        part: &'static Facts,
        work: F,
    ) -> impl Task<Output = F::Output> {
        let parent = if is_root { Context::new() } else { Context::current() };
        work.with_context(open(&self.tracer, &parent, part, Says::Four))
    }
}

//! `tracing` with a layer that collects each span whole.

mod layer;
mod record;

use tracing::{
    Instrument as _, Span,
    field::Empty,
    info_span,
    subscriber::{self, Subscriber},
};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt as _, registry};

use raaf_benches::{
    facts::{Facts, Says, answer, keys, question},
    tool::{AsyncTool, Off, Setup, Task, Tool},
};

use layer::Collect;

/// Spans of `tracing`, and a layer that hands each to the collector when it closes.
#[derive(Debug)]
pub(crate) struct TracingLayer;

/// A span of `tracing` that says what it has to.
#[inline]
pub(crate) fn span(facts: &Facts, says: Says) -> Span {
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

/// Runs work inside a span of `tracing`.
#[inline]
pub(crate) fn in_span<R>(facts: &Facts, says: Says, work: impl FnOnce(&()) -> R) -> R {
    let span = span(facts, says).entered();
    if says == Says::Late {
        span.record(keys::NUMBER, facts.number()).record(keys::EXACT, facts.exact());
    }
    work(&())
}

/// Makes this the subscriber of the process; `None` if there is one already.
pub(crate) fn install(subscriber: impl Subscriber + Send + Sync) -> Option<()> {
    subscriber::set_global_default(subscriber).ok()
}

impl Tool for TracingLayer {
    const NAME: &'static str = "tracing + layer";

    type Part = Facts;
    type Span = ();

    fn start(setup: &Setup) -> Option<Self> {
        let collect = Collect::new(setup.collector.clone());
        match setup.off {
            None => install(registry().with(collect))?,
            Some(Off::Switch) => install(registry().with(LevelFilter::OFF).with(collect))?,
            Some(Off::Unsampled) => return None,
        }
        Some(Self)
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn span<R>(&self, _: Option<&()>, part: &Facts, says: Says, work: impl FnOnce(&()) -> R) -> R {
        in_span(part, says, work)
    }

    /// Each span is delivered when it closes.
    fn flush(&self) {}
}

impl AsyncTool for TracingLayer {
    fn task<F: Task>(
        &self,
        _: bool,
        part: &'static Facts,
        work: F,
    ) -> impl Task<Output = F::Output> {
        work.instrument(span(part, Says::Four))
    }
}

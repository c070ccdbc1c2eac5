//! The layer for `tracing-subscriber`.

use raaf_trace_core::{
    Context, Span, SpanId, TraceId, current_trace_id, is_traced, propagation::SpanContext, sink,
};
use tracing::{
    Event, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context as LayerContext, registry::LookupSpan};

use crate::{
    bridged::{self, Bridged, Unsampled},
    callsite::{LayerFacts, LayerNumber},
    entered::{self, Entered},
    event,
    fields::{Fields, Meaning},
    settings::{Failures, Settings},
};

/// Layer that turns spans and events of `tracing` into spans and events of `raaf-trace-core`. Made by
/// [`layer`](crate::layer) or [`Builder`](crate::Builder), which put it behind a filter.
///
/// The extensions of a span of `tracing` hold its counterpart here. They are never borrowed while code
/// of the program or of a sink runs: fields are visited, and spans started and finished, before or after.
#[derive(Debug)]
pub struct TraceLayer {
    facts: LayerFacts,
}

/// Position of a span in a trace.
enum Place {
    /// Child of the current span of `raaf-trace-core` or of a remote parent; without one, the root of a
    /// trace.
    Here,
    Under(Context),
    /// Root of a trace of its own, inside another one.
    Apart,
    /// Span of a trace that is not sampled.
    Unsampled,
    /// Span outside of any trace, which is not recorded.
    Nowhere,
}

impl TraceLayer {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { facts: LayerFacts::new(settings) }
    }

    fn place<S>(&self, attributes: &Attributes<'_>, layers: &LayerContext<'_, S>) -> Place
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let of = |span| bridged::of(&span, Bridged::as_parent);
        let under = |parent: Context| {
            if parent.is_traced() { Place::Under(parent) } else { Place::Unsampled }
        };
        if let Some(parent) = attributes.parent().and_then(|id| layers.span(id)) {
            if parent.extensions().get::<Unsampled>().is_some() {
                return Place::Unsampled;
            }
            if let Some(parent) = of(parent) {
                let current = layers.lookup_current().map(|span| span.id());
                // `Span::current()` is the parent if none is given, too.
                if current.as_ref() != attributes.parent() || !is_in_trace_of(&parent) {
                    return under(parent);
                }
            }
        }
        let apart = attributes.is_root() && self.facts.settings.new_traces_for_roots;
        if !apart {
            if is_traced() {
                return Place::Here;
            }
            if current_trace_id().is_some() {
                return Place::Unsampled;
            }
            if let Some(parent) = layers.lookup_current().and_then(of) {
                return under(parent);
            }
        }
        if *attributes.metadata().level() > self.facts.settings.roots_from {
            return Place::Nowhere;
        }
        if apart { Place::Apart } else { Place::Here }
    }

    fn start(&self, place: Place, attributes: &Attributes<'_>) -> Option<Bridged> {
        let callsite = self.facts.callsite(attributes.metadata());
        let (template, tracer) = (&callsite.template, &self.facts.settings.tracer);
        let mut meaning = None;
        let set = |own: &mut raaf_trace_core::Attributes| {
            let mut fields = Fields::new(&callsite, own);
            attributes.record(&mut fields);
            meaning = fields.meaning();
        };
        let span = match place {
            Place::Here => template.start(tracer, set),
            Place::Under(parent) => template.start_under(tracer, &parent, set),
            Place::Apart => Context::empty().run(|| template.start(tracer, set)),
            Place::Unsampled | Place::Nowhere => return None,
        };
        span.span()?;
        let mut bridged = Bridged::new(span, self.facts.number, callsite.has_operation);
        if let Some(meaning) = meaning {
            let meaning = self.noted(*meaning, bridged.span());
            bridged.apply(meaning);
        }
        Some(bridged)
    }

    /// Adds the error among the fields to the span as an event. Returns what the fields mean apart
    /// from that.
    fn noted(&self, mut meaning: Meaning, span: Option<&Span>) -> Meaning {
        if let (Some(error), Some(span)) = (&meaning.error, span) {
            error.add_to(span, |_| {});
            if self.facts.settings.failures == Failures::Never {
                meaning.error = None;
            }
        }
        meaning
    }
}

impl<S> Layer<S> for TraceLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, layers: LayerContext<'_, S>) {
        if sink::runs_here() {
            return;
        }
        let place = self.place(attributes, &layers);
        if let Place::Unsampled = place {
            if let Some(span) = layers.span(id) {
                span.extensions_mut().replace(Unsampled);
            }
            return;
        }
        let Some(bridged) = self.start(place, attributes) else { return };
        if let Some(span) = layers.span(id) {
            let replaced = span.extensions_mut().replace(bridged);
            // While nothing is borrowed: this finishes the span of another layer of this kind.
            drop(replaced);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, layers: LayerContext<'_, S>) {
        let Some(theirs) = layers.span(id) else { return };
        let Some(span) = bridged::span_of(&theirs) else { return };
        let callsite = self.facts.callsite(theirs.metadata());
        let mut meaning = None;
        span.set_attributes(|attributes| {
            let mut fields = Fields::new(&callsite, attributes);
            values.record(&mut fields);
            meaning = fields.meaning();
        });
        if let Some(meaning) = meaning {
            let meaning = self.noted(*meaning, Some(&span));
            bridged::change(&theirs, |bridged| bridged.apply(meaning));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, layers: LayerContext<'_, S>) {
        let of = |id| layers.span(id).and_then(|span| bridged::span_of(&span));
        if let (Some(span), Some(cause)) = (of(id), of(follows)) {
            span.add_link(cause.span_context(), |_| {});
        }
    }

    fn on_event(&self, event: &Event<'_>, layers: LayerContext<'_, S>) {
        if !sink::runs_here() {
            event::add(&self.facts, event, &layers);
        }
    }

    fn on_enter(&self, id: &Id, layers: LayerContext<'_, S>) {
        let Some(span) = layers.span(id) else { return };
        let (layer, context) = match bridged::of(&span, |own| (own.layer(), own.context())) {
            // Entered again, by `in_current_span` for example: a traced call inside it stays current.
            Some((layer, context)) if entered::is_latest(layer, id) && is_in_trace_of(&context) => {
                (layer, None)
            }
            Some((layer, context)) => (layer, Some(context)),
            None if span.extensions().get::<Unsampled>().is_none() => return,
            None if is_unsampled() => return,
            None => (LayerNumber::UNSAMPLED, Some(unsampled())),
        };
        drop(span);
        entered::push(layer, id, context.map(Context::attach));
    }

    fn on_exit(&self, id: &Id, layers: LayerContext<'_, S>) {
        let Some(span) = layers.span(id) else { return };
        let layer = bridged::of(&span, Bridged::layer).unwrap_or(LayerNumber::UNSAMPLED);
        let Some(Entered { token: Some(token), .. }) = entered::pop(layer, id) else { return };
        if !token.detach_marking_end() {
            let _ = bridged::of(&span, Bridged::left);
        }
    }

    fn on_close(&self, id: Id, layers: LayerContext<'_, S>) {
        let Some(span) = layers.span(&id) else { return };
        let bridged = span.extensions_mut().remove::<Bridged>();
        drop(span);
        let Some(bridged) = bridged else { return };
        // A guard that was leaked must not keep the span current.
        while let Some(entered) = entered::pop(bridged.layer(), &id) {
            if let Some(token) = entered.token {
                token.detach();
            }
        }
        bridged.close();
    }
}

fn is_unsampled() -> bool {
    !is_traced() && current_trace_id().is_some()
}

/// Returns whether the current context is one of the same trace.
fn is_in_trace_of(context: &Context) -> bool {
    is_traced() && current_trace_id() == context.trace_id()
}

/// Returns a context in which nothing is recorded, for code of a trace that is not sampled which has
/// moved to where that trace is not current.
fn unsampled() -> Context {
    Context::remote(SpanContext::new(TraceId::random(), SpanId::random()).with_sampled(false))
}

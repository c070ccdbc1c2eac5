//! A span of `tracing` that is a span here.

use std::thread;

use raaf_trace_core::{
    Context, Span, SpanId, Status,
    call::{ErrorReport, ManualSpan},
};
use tracing::Subscriber;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::{
    callsite::LayerNumber,
    fields::{Meaning, Outcome},
    names,
    outgoing::ClosingBridged,
};

/// A span of `tracing` that is a span here, kept in the extensions of the former. They are borrowed
/// only for steps that run no code of the program or of a sink.
#[derive(Debug)]
pub(crate) struct Bridged {
    span: ManualSpan,
    /// The layer that made it, which another one may have replaced by the time the span is left.
    layer: LayerNumber,
    /// The context inside the span, if the one where it was made has baggage.
    made_in: Option<Box<Context>>,
    outcome: Option<Box<Outcome>>,
    has_operation: bool,
}

/// Mark of a span of `tracing` inside a trace that is not sampled. Has no size, so that the extensions
/// need no memory for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsampled;

/// Reads what this layer has kept for a span.
pub(crate) fn of<'a, S, R>(span: &SpanRef<'a, S>, read: impl FnOnce(&Bridged) -> R) -> Option<R>
where
    S: Subscriber + LookupSpan<'a>,
{
    span.extensions().get::<Bridged>().map(read)
}

/// Returns the handle of the span here.
pub(crate) fn span_of<'a, S>(span: &SpanRef<'a, S>) -> Option<Span>
where
    S: Subscriber + LookupSpan<'a>,
{
    of(span, |bridged| bridged.span.span().cloned()).flatten()
}

/// Changes what this layer has kept for a span.
pub(crate) fn change<'a, S>(span: &SpanRef<'a, S>, change: impl FnOnce(&mut Bridged))
where
    S: Subscriber + LookupSpan<'a>,
{
    if let Some(bridged) = span.extensions_mut().get_mut::<Bridged>() {
        change(bridged);
    }
}

impl Bridged {
    pub(crate) fn new(span: ManualSpan, layer: LayerNumber, has_operation: bool) -> Self {
        let context = span.context();
        let made_in = (!context.baggage().is_empty()).then(|| Box::new(context));
        Self { span, layer, made_in, outcome: None, has_operation }
    }

    pub(crate) fn span(&self) -> Option<&Span> {
        self.span.span()
    }

    pub(crate) fn id(&self) -> Option<SpanId> {
        self.span.span_id()
    }

    pub(crate) fn layer(&self) -> LayerNumber {
        self.layer
    }

    /// Returns the context inside the span, as a parent.
    pub(crate) fn as_parent(&self) -> Context {
        self.made_in.as_deref().cloned().unwrap_or_else(|| self.span.context())
    }

    /// Returns the context inside the span where it is entered: with the baggage that is current
    /// there, else with that of where the span was made.
    pub(crate) fn context(&self) -> Context {
        let here = self.span.context();
        match &self.made_in {
            Some(made_in) if here.baggage().is_empty() => (**made_in).clone(),
            _ => here,
        }
    }

    /// Records that the span was left, perhaps for the last time.
    pub(crate) fn left(&self) {
        self.span.mark_end();
    }

    /// Applies those fields that are no attributes.
    pub(crate) fn apply(&mut self, meaning: Meaning) {
        let Meaning { name, error, outcome } = meaning;
        if let Some(name) = name {
            self.span.set_name(name);
        }
        if let Some(error) = &error {
            self.fail(error);
        }
        if outcome.failed == Some(false) {
            self.span.set_status(Status::Ok);
        }
        if let Some(error) = self.outcome.get_or_insert_default().add(outcome) {
            self.span.set_error(&error);
        }
    }

    /// Marks the span as failed.
    pub(crate) fn fail(&mut self, error: &ErrorReport) {
        self.outcome.get_or_insert_default().failed = Some(true);
        self.span.set_error(error);
    }

    /// Delivers the span, with the kind and the name that its fields give it.
    pub(crate) fn close(mut self) {
        if self.has_operation
            && let Some(span) = self.span.span()
        {
            names::classify(span);
        }
        let is_open = self.outcome.as_ref().is_none_or(|outcome| outcome.failed.is_none());
        if is_open && thread::panicking() && self.span.is_recording() {
            self.fail(&ErrorReport::from_message("panic", "closed by a panic"));
        }
        let _closing = ClosingBridged::begin();
        drop(self.made_in.take());
        drop(self);
    }
}

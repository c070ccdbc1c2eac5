//! Events of `tracing`.

use raaf_trace_core::{
    Attributes, Key, Span, attributes::SpanLimits, call::ErrorReport, current_span,
};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::{
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use crate::{
    bridged::{self, Bridged},
    callsite::LayerFacts,
    fields::Fields,
    settings::Failures,
};

/// Name of events that the program did not name.
const LOG: &str = "log";

/// Adds an event to the span that it belongs to, if there is one.
pub(crate) fn add<S>(layer: &LayerFacts, event: &Event<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some((span, theirs)) = owner(event, context) else { return };
    if !span.is_sampled() || span.has_ended() {
        return;
    }
    // The span's limits apply, and its content is left out, when they are merged.
    let mut attributes = Attributes::with_limits(SpanLimits::UNLIMITED);
    let level = describe(event, &mut attributes);
    let callsite = layer.callsite(event.metadata());
    let mut fields = Fields::of_event(&callsite, &mut attributes);
    event.record(&mut fields);
    let error = fields.meaning().and_then(|meaning| meaning.error);
    if let Some(error) = &error {
        error.add_to(&span, |further| {
            further.merge_reserved(attributes);
        });
    } else {
        span.add_event(name(event), |own| {
            own.merge_reserved(attributes);
        });
    }
    let Some(theirs) = theirs.filter(|_| level == Level::ERROR) else { return };
    let fail = |error: &ErrorReport| bridged::change(&theirs, |bridged| bridged.fail(error));
    match (layer.settings.failures, error) {
        (Failures::Never, _) | (Failures::Errors, None) => {}
        (_, Some(error)) => fail(&error),
        (Failures::ErrorLevel, None) => fail(&ErrorReport::from_message("error", "")),
    }
}

/// Returns the span of an event, and its form in `tracing` if it has one: the explicit parent, none
/// with `parent: None`, otherwise the current span of either library.
fn owner<'a, S>(
    event: &Event<'_>,
    context: &'a Context<'_, S>,
) -> Option<(Span, Option<SpanRef<'a, S>>)>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if let Some(parent) = event.parent() {
        let explicit = context.span(parent)?;
        return Some((bridged::span_of(&explicit)?, Some(explicit)));
    }
    if event.is_root() {
        return None;
    }
    let entered = context.lookup_current();
    let id = entered.as_ref().and_then(|entered| bridged::of(entered, Bridged::id)).flatten();
    match current_span() {
        Some(span) if id == Some(span.span_id()) => Some((span, entered)),
        Some(span) => Some((span, None)),
        None => Some((bridged::span_of(entered.as_ref()?)?, entered)),
    }
}

/// Sets level and target of an event, and returns the level.
fn describe(event: &Event<'_>, attributes: &mut Attributes) -> Level {
    let describe = |metadata: &Metadata<'_>, attributes: &mut Attributes| {
        attributes.set("level", metadata.level().as_str()).set("target", metadata.target());
        *metadata.level()
    };
    #[cfg(feature = "log")]
    if let Some(metadata) = tracing_log::NormalizeEvent::normalized_metadata(event) {
        return describe(&metadata, attributes);
    }
    describe(event.metadata(), attributes)
}

/// Returns the name that the program gave the event. Otherwise `tracing` names it after its place in
/// the source, which changes with the program.
fn name(event: &Event<'_>) -> Key {
    let name = event.metadata().name();
    let is_place = name.starts_with("event ") || name == "log event";
    Key::from_static(if is_place { LOG } else { name })
}

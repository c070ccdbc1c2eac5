//! Conversion of baggage.

use opentelemetry::baggage::Baggage as OtelBaggage;
use raaf_trace_core::propagation::Baggage;

/// Returns baggage as OpenTelemetry has it, with its properties as metadata. OpenTelemetry keeps no
/// order.
///
/// OpenTelemetry's propagators send the baggage of a context by themselves: put it into one only where
/// the receivers of all its requests may read it.
///
/// # Examples
///
/// ```
/// use opentelemetry::baggage::BaggageExt as _;
/// use raaf_opentelemetry::{otel_context, to_otel_baggage};
/// use raaf_trace_core::{Context, propagation::Baggage};
///
/// Context::current().with_baggage(Baggage::parse("tenant=acme")).run(|| {
///     let baggage = to_otel_baggage(Context::current().baggage());
///     let _attached = otel_context().with_baggage(baggage).attach();
///     // An instrumented client sends `baggage: tenant=acme`, if its propagator does.
///     # let theirs = opentelemetry::Context::current();
///     # assert_eq!(theirs.baggage().get("tenant").map(|value| value.as_str()), Some("acme"));
/// });
/// ```
pub fn to_otel_baggage(baggage: &Baggage) -> OtelBaggage {
    let mut theirs = OtelBaggage::new();
    for (key, value) in baggage.iter() {
        let properties = baggage.properties(key).unwrap_or_default();
        theirs.insert_with_metadata(key.to_owned(), value.to_owned(), properties);
    }
    theirs
}

/// Returns OpenTelemetry's baggage as we have it, in the order of its keys. Drops entries that exceed
/// W3C's limits, of 64 entries and 8,192 bytes as a header, and metadata that is invalid there.
///
/// # Examples
///
/// ```
/// use opentelemetry::{Context, KeyValue, baggage::BaggageExt as _};
/// use raaf_opentelemetry::{from_otel_baggage, otel_parent};
///
/// let _attached = Context::current_with_baggage([KeyValue::new("tenant", "acme")]).attach();
/// let baggage = Context::map_current(|theirs| from_otel_baggage(theirs.baggage()));
/// otel_parent().with_baggage(baggage).run(|| {
///     let context = raaf_trace_core::Context::current();
///     assert_eq!(context.baggage().get("tenant"), Some("acme"));
/// });
/// ```
pub fn from_otel_baggage(baggage: &OtelBaggage) -> Baggage {
    let mut entries: Vec<_> = baggage.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| key.as_str());
    let members = entries.into_iter().filter_map(|(key, (value, metadata))| {
        let mut plain = Baggage::new();
        plain.insert(key.as_str(), value.as_str()).ok()?;
        let full = format!("{plain};{metadata}");
        let is_valid = !metadata.as_str().contains(',') && !Baggage::parse(&full).is_empty();
        Some(if is_valid { full } else { plain.to_string() })
    });
    Baggage::parse(&members.collect::<Vec<_>>().join(","))
}

//! The layer: a record a span, kept with the span, handed over when it closes.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Instant, SystemTime},
};

use tracing::{
    Subscriber,
    span::{Attributes, Id, Record as Values},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use raaf_benches::collector::Collector;

use super::record::Record;

/// The number of the next span; `tracing`'s own ids are used again.
static NEXT: AtomicU64 = AtomicU64::new(1);

pub(super) struct Collect {
    collector: Collector,
    /// The same moment by two clocks, so that a span needs only the cheaper.
    anchor: (Instant, SystemTime),
}

impl Collect {
    pub(super) fn new(collector: Collector) -> Self {
        Self { collector, anchor: (Instant::now(), SystemTime::now()) }
    }
}

impl<S> Layer<S> for Collect
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let above = span.parent().and_then(|parent| {
            parent.extensions().get::<Record>().map(|parent| (parent.trace, parent.span))
        });
        let (trace, parent) = above.unwrap_or((u128::from(number), 0));
        let name = attributes.metadata().name();
        let mut record = Record::new(trace, number, parent, name, attributes.fields().len());
        attributes.record(&mut record.fields);
        span.extensions_mut().insert(record);
    }

    fn on_record(&self, id: &Id, values: &Values<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(record) = span.extensions_mut().get_mut::<Record>() {
            values.record(&mut record.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let end = Instant::now();
        let Some(span) = context.span(&id) else { return };
        let Some(record) = span.extensions_mut().remove::<Record>() else { return };
        self.collector.take([record.closed(end, self.anchor)]);
    }
}

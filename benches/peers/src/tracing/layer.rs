//! The layer: a typed record, kept with the span, handed over when it closes.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Instant, SystemTime},
};

use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record as Values},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use raaf_benches::collector::{Collector, Finished, Scalar};

/// The number of the next span; `tracing`'s own ids are used again.
static NEXT: AtomicU64 = AtomicU64::new(1);

pub(super) struct Collect {
    collector: Collector,
    /// One moment by two clocks, so that a span needs only the cheaper.
    anchor: (Instant, SystemTime),
}

/// A span that is open.
struct Record {
    trace: u128,
    span: u64,
    parent: u64,
    name: &'static str,
    start: Instant,
    fields: Fields,
}

/// Typed fields, in the order in which they were recorded.
struct Fields(Vec<(&'static str, Scalar<String>)>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), Scalar::Str(value.to_owned())));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), Scalar::Int(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), Scalar::Bool(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), Scalar::Str(format!("{value:?}"))));
    }
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
        let mut fields = Fields(Vec::with_capacity(attributes.fields().len()));
        let start = Instant::now();
        attributes.record(&mut fields);
        let record = Record { trace, span: number, parent, name, start, fields };
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
        let Record { trace, span, parent, name, start, fields } = &record;
        let finished = Finished {
            trace: *trace,
            span: *span,
            parent: *parent,
            name,
            start: self.anchor.1 + start.saturating_duration_since(self.anchor.0),
            duration: end.saturating_duration_since(*start),
            attributes: fields.0.iter().map(|(key, value)| (key, value)),
        };
        self.collector.take([finished].into_iter());
    }
}

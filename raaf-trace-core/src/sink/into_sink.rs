//! Conversions into sinks.

use std::{any::Any, fmt, sync::Arc};

use raaf_trace_model::sink::{BatchConfig, SpanExporter, SpanProcessor, registry::Sink};

use super::{BatchProcessor, KeepTraces, Offload, TailSampler};
use crate::diagnostics::{self, Category};

/// A value that a provider accepts as a sink: a [`SpanProcessor`], a [`SpanExporter`], or a
/// [`Sink`] from the registry.
///
/// `Via` only separates these implementations, and is always inferred. A type that is both a
/// processor and an exporter is ambiguous: select one with [`Sink::processor`] or
/// [`Sink::exporter`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sink",
    label = "neither a `SpanProcessor` nor a `SpanExporter`",
    note = "implement `SpanExporter` to receive finished spans in batches, or `SpanProcessor` to \
            receive starts and ends inline"
)]
pub trait IntoSink<Via> {
    /// Converts the value.
    #[doc(hidden)]
    fn into_sink(self) -> AnySink;
}

/// Markers of the ways in which a type is an [`IntoSink`].
#[doc(hidden)]
pub mod via {
    /// A [`SpanProcessor`](super::SpanProcessor).
    #[derive(Debug)]
    pub enum Processor {}
    /// A [`SpanExporter`](super::SpanExporter).
    #[derive(Debug)]
    pub enum Exporter {}
    /// A [`Sink`](super::Sink).
    #[derive(Debug)]
    pub enum Registered {}
}

impl<P: SpanProcessor> IntoSink<via::Processor> for P {
    fn into_sink(self) -> AnySink {
        let mut own: Option<Self> = Some(self);
        let any: &mut dyn Any = &mut own;
        let batch = any.downcast_mut::<Option<BatchProcessor>>().and_then(Option::take);
        let batch = batch.map(|batch| Receiver::Batch(Box::new(batch)));
        let offload = any.downcast_mut::<Option<Offload>>().and_then(Option::take);
        let offload = offload.map(|offload| Receiver::Offload(Box::new(offload)));
        let other = own.map(|processor| Receiver::Processor(Arc::new(processor)));
        match batch.or(offload).or(other) {
            Some(receiver) => AnySink(Pending::Ready(receiver)),
            None => unreachable!("a value that is not taken is still there"),
        }
    }
}

impl<E: SpanExporter> IntoSink<via::Exporter> for E {
    fn into_sink(self) -> AnySink {
        AnySink(Pending::Exporter(Arc::new(self)))
    }
}

impl IntoSink<via::Registered> for Sink {
    fn into_sink(self) -> AnySink {
        match self {
            Self::Exporter(exporter) => AnySink(Pending::Exporter(exporter.into())),
            Self::Processor(processor) => {
                AnySink(Pending::Ready(Receiver::Processor(processor.into())))
            }
        }
    }
}

/// A sink of any kind. Exporters get their worker once the settings are known.
#[derive(Debug)]
pub struct AnySink(Pending);

#[derive(Debug)]
enum Pending {
    Exporter(Arc<dyn SpanExporter>),
    Ready(Receiver),
}

impl AnySink {
    /// Puts an exporter behind a worker, and the sink behind a choice of traces.
    pub(crate) fn receiver(self, batch: &BatchConfig, keep: Option<KeepTraces>) -> Receiver {
        let receiver = match self.0 {
            Pending::Ready(receiver) => receiver,
            Pending::Exporter(exporter) => {
                let processor = BatchProcessor::with_config(exporter, batch.clone());
                Receiver::Batch(Box::new(processor))
            }
        };
        match keep {
            Some(keep) => receiver.keep_traces(keep),
            None => receiver,
        }
    }
}

/// Receiver of a provider's spans.
pub(crate) enum Receiver {
    /// The built-in queue: fast, never panics, and redacts in its worker.
    Batch(Box<BatchProcessor>),
    /// A queue in front of a processor, which never blocks either.
    Offload(Box<Offload>),
    Processor(Arc<dyn SpanProcessor>),
}

impl Receiver {
    /// Passes on whole traces only. A processor of starts gets all spans: whether a trace is kept is not
    /// known when it starts.
    fn keep_traces(self, keep: KeepTraces) -> Self {
        let processor: Arc<dyn SpanProcessor> = match self {
            Self::Batch(batch) => Arc::new(batch),
            Self::Offload(offload) => Arc::new(offload),
            Self::Processor(processor) => processor,
        };
        if processor.wants_start() {
            let text = format_args!(
                "RAAF_TRACE_ONLY does not apply to `{}`, which receives the starts of spans",
                processor.name()
            );
            diagnostics::warn(Category::Export, text);
            return Self::Processor(processor);
        }
        Self::Processor(Arc::new(TailSampler::new(processor, keep)))
    }

    pub(crate) fn as_processor(&self) -> &dyn SpanProcessor {
        match self {
            Self::Batch(batch) => &**batch,
            Self::Offload(offload) => &**offload,
            Self::Processor(processor) => &**processor,
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_processor().fmt(f)
    }
}

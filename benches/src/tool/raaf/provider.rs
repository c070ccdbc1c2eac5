//! A provider for each setup.

use std::io;

use raaf_processors::{ConsoleSink, FileSink, PrometheusSink};
use raaf_trace_core::{
    BatchConfig, BatchProcessor, FinishedSpan, Sampler, SpanProcessor, StartedSpan, TracerProvider,
    set_global_provider,
};
use tempfile::NamedTempFile;

use super::deliver::{Deliver, Finished};
use crate::{
    collector::Collector,
    tool::{Off, Setup, Sink},
};

/// A provider, and the file that its sink writes to, which goes when this does.
pub(super) type Installed = (TracerProvider, Option<NamedTempFile>);

/// Makes the provider and puts it where traced calls find it.
pub(super) fn install(setup: &Setup) -> io::Result<Installed> {
    let mut file = None;
    let mut builder = TracerProvider::builder().include_sensitive_data(setup.content);
    if setup.off == Some(Off::Unsampled) {
        builder = builder.sampler(Sampler::ratio(0.0));
    }
    // Further sinks of the project get an arm here, and a row in `row/table.rs`.
    let builder = match setup.sink {
        Sink::Collector => builder.with(BatchProcessor::with_config(
            Deliver::new(setup.collector.clone(), setup.overflow),
            batch_config(setup),
        )),
        Sink::Inline => builder.with(Inline(setup.collector.clone())),
        Sink::Console => builder.with(ConsoleSink::builder().writer(io::sink()).build()),
        Sink::File => {
            let path = file.insert(NamedTempFile::new()?).path();
            builder.with(FileSink::new(path))
        }
        Sink::Prometheus => {
            let sink = PrometheusSink::builder().without_endpoint().build();
            builder.with(sink.map_err(io::Error::other)?)
        }
    };
    let provider = builder.build();
    if setup.off == Some(Off::Switch) {
        provider.disable();
    }
    set_global_provider(provider.clone());
    Ok((provider, file))
}

fn batch_config(setup: &Setup) -> BatchConfig {
    match setup.room.spans() {
        Some(spans) => BatchConfig::default().with_max_spans(spans),
        None => BatchConfig::default(),
    }
}

/// Looks at each start and reads each end, in the span's own thread.
struct Inline(Collector);

impl SpanProcessor for Inline {
    fn on_start(&self, span: &mut StartedSpan) {
        std::hint::black_box(span.span_id());
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.0.take([Finished(span)]);
    }
}

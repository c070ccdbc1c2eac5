//! Custom processors and exporters: metrics, debug lines, the overhead of tracing, and batches.
//!
//! Run it with `cargo run --example custom_processor`.
//!
//! A processor is called in the span's own thread, so it must be fast and thread-safe. It need not
//! remember starts, because a finished span has its duration. Blocking work goes behind a worker: a
//! processor by [`Offload`], and a sink that needs only finished spans as an exporter, which
//! receives them in batches.

use std::{
    collections::BTreeMap,
    error::Error,
    num::ParseIntError,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use raaf_processors::ConsoleSink;
use raaf_trace_core::{
    BatchConfig, Component, FinishedSpan, SpanExporter, SpanProcessor, StartedSpan, Status,
    Traceable, TracerProvider,
    sink::{BatchProcessor, ExportError, Offload},
    traced,
};

/// Counts spans, failures and time by component. Clones share the figures.
#[derive(Clone, Default)]
struct Metrics(Arc<Mutex<BTreeMap<String, Figures>>>);

#[derive(Default)]
struct Figures {
    spans: u32,
    failed: u32,
    busy: Duration,
}

impl SpanProcessor for Metrics {
    fn on_end(&self, span: &FinishedSpan) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = all.entry(span.component_name().to_owned()).or_default();
        figures.spans += 1;
        figures.failed += u32::from(span.status() == Status::Error);
        figures.busy += span.duration();
    }
}

/// Prints a line per start and end. Printing can block: it goes behind a worker.
struct Debug;

impl SpanProcessor for Debug {
    fn on_start(&self, span: &mut StartedSpan) {
        let place = if span.parent_id().is_some() { "inside a span" } else { "as a root" };
        println!("debug: {} started {place}", span.name());
    }

    fn on_end(&self, span: &FinishedSpan) {
        let keys: Vec<_> = span.attributes().stored().iter().map(|(key, _)| key).collect();
        println!("debug: {} ended {} with {keys:?}", span.name(), span.status());
    }
}

/// Reports spans whose starts and ends reach the processors late: time that tracing itself takes.
/// Placed last, it sees what those before it cost.
struct Overhead {
    tolerated: Duration,
}

impl Overhead {
    fn check(&self, name: &str, happened: SystemTime) {
        let late = happened.elapsed().unwrap_or_default();
        if late > self.tolerated {
            eprintln!("tracing took {late:?} at `{name}`");
        }
    }
}

impl SpanProcessor for Overhead {
    fn on_start(&self, span: &mut StartedSpan) {
        self.check(&span.name(), span.start_time());
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.check(&span.name(), span.end_time());
    }
}

/// Takes finished spans in batches: one write, one request, one transaction each. It may block,
/// and what it reports as retryable is offered again.
struct Archive;

impl SpanExporter for Archive {
    fn name(&self) -> &'static str {
        "archive"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let names: Vec<_> = batch.iter().map(FinishedSpan::component_name).collect();
        println!("archived {} spans: {}", batch.len(), names.join(", "));
        Ok(())
    }
}

#[derive(Traceable)]
struct SumPipeline {
    component: Component,
    tool: ParseTool,
}

impl SumPipeline {
    #[traced]
    fn execute(&self, numbers: &[&str]) -> u32 {
        numbers.iter().filter_map(|number| self.tool.parse(number).ok()).sum()
    }
}

#[derive(Traceable)]
struct ParseTool {
    component: Component,
}

impl ParseTool {
    #[traced(with(number))]
    fn parse(&self, number: &str) -> Result<u32, ParseIntError> {
        number.parse()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let metrics = Metrics::default();
    // Thousands and half a minute suit a busy service; two show in a small tree.
    let batches =
        BatchConfig::default().with_batch_size(2).with_flush_interval(Duration::from_secs(30));
    let tracing = TracerProvider::builder()
        .with(metrics.clone())
        .with(Offload::new(Debug))
        .with(BatchProcessor::with_config(Archive, batches))
        .with(ConsoleSink::new())
        .with(Overhead { tolerated: Duration::from_secs(1) })
        .init()?;

    let tool = ParseTool { component: Component::of::<ParseTool>() };
    let pipeline = SumPipeline { component: Component::of::<SumPipeline>(), tool };
    println!("sum: {}", pipeline.execute(&["12", "30", "many"]));

    drop(tracing); // delivers everything
    for (component, figures) in &*metrics.0.lock().unwrap_or_else(PoisonError::into_inner) {
        let Figures { spans, failed, busy } = figures;
        println!("{component}: {spans} spans, {failed} failed, took {busy:?}");
    }
    Ok(())
}

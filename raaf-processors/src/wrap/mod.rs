//! What goes around a sink: less for it, less in it, or two for one.
//!
//! Wrappers stack, and are sinks themselves. Those of exporters work on the exporter's worker;
//! those of processors in the traced program's own thread, before a span takes any room in a
//! queue.
//!
//! | wrapper | around | gives |
//! | --- | --- | --- |
//! | [`filter`](WrapProcessor::filter) | a processor | only the spans that a [`Select`] means |
//! | [`keep_traces`](WrapProcessor::keep_traces) | a processor | whole traces in which something failed, and a share of the rest |
//! | [`offload`](raaf_trace_core::ProcessorExt::offload) | a processor | a worker, so that it may block |
//! | [`batch`](WrapExporter::batch) | an exporter | a processor with a queue and a worker |
//! | [`redact`](WrapExporter::redact) | an exporter | spans without what more words call secret |
//! | [`without_content`](WrapExporter::without_content) | an exporter | spans without prompts, completions, tool arguments and results, and without the texts of errors |
//! | [`tee`](WrapExporter::tee) | two exporters | one queue for both |
//!
//! What a wrapper leaves out is counted as `filtered` in
//! [`ProcessorStats`].
//!
//! # Examples
//!
//! Everything stays in memory here; the other sink gets failed traces and a tenth of the others,
//! and never a prompt:
//!
//! ```
//! use std::io;
//!
//! use raaf_processors::wrap::{KeepTraces, WrapExporter as _, WrapProcessor as _};
//! use raaf_trace_core::{
//!     Component, MemoryExporter, Sampler, TraceableExt as _, TracerProvider,
//! };
//!
//! let (here, far_away) = (MemoryExporter::new(), MemoryExporter::new());
//! let provider = TracerProvider::builder()
//!     .with(here.clone())
//!     .with(
//!         far_away
//!             .clone()
//!             .without_content()
//!             .batch()
//!             .keep_traces(KeepTraces::failed().and_of_the_rest(Sampler::never())),
//!     )
//!     .build();
//! provider.run(|| {
//!     Component::tool("Search").traced("run").run(|| ());
//!     let fetch = Component::tool("Fetch");
//!     let call = fetch.traced("run").with_content("tool.arguments", "me@example.org");
//!     let _ = call.try_run(|| Err::<(), _>(io::Error::other("no such page")));
//! });
//! provider.force_flush(std::time::Duration::from_secs(5))?;
//!
//! assert_eq!(here.len(), 2);
//! let sent = far_away.spans();
//! assert_eq!(sent.len(), 1);
//! assert!(sent[0].attributes().get("tool.arguments").is_none());
//! # Ok::<(), raaf_trace_core::FlushError>(())
//! ```

mod filter;
mod redact;
mod tail;
mod tee;

use std::sync::atomic::{AtomicU64, Ordering};

use raaf_trace_core::{
    BatchConfig, BatchProcessor, Redactor, Select, SpanExporter, SpanProcessor,
    stats::ProcessorStats,
};

pub use filter::Filter;
pub use redact::Redact;
pub use tail::{KeepTraces, TailSampler};
pub use tee::Tee;

/// What can go around a processor.
pub trait WrapProcessor: SpanProcessor + Sized {
    /// Only the spans that `select` means reach the processor.
    ///
    /// How a span ends is not known when it starts, so the processor hears of no starts.
    ///
    /// ```
    /// use raaf_processors::wrap::WrapProcessor as _;
    /// use raaf_trace_core::{MemoryExporter, Select, SimpleProcessor};
    ///
    /// let memory = MemoryExporter::new();
    /// let slow_tools = Select::kind("tool")
    ///     .and(Select::slower_than(std::time::Duration::from_secs(1)));
    /// let processor = SimpleProcessor::new(memory).filter(slow_tools);
    /// # let _ = processor;
    /// ```
    fn filter(self, select: Select) -> Filter<Self> {
        Filter::new(self, select)
    }

    /// Whole traces reach the processor, or none of their spans do; see [`KeepTraces`].
    fn keep_traces(self, keep: KeepTraces) -> TailSampler<Self> {
        TailSampler::new(self, keep)
    }
}

impl<P: SpanProcessor> WrapProcessor for P {}

/// What can go around an exporter.
pub trait WrapExporter: SpanExporter + Sized {
    /// The exporter behind a queue and a worker, as [`TracerProvider`] puts it behind one by
    /// itself: to go on with wrappers of processors.
    ///
    /// [`TracerProvider`]: raaf_trace_core::TracerProvider
    fn batch(self) -> BatchProcessor {
        BatchProcessor::new(self)
    }

    /// As [`batch`](Self::batch), with settings of its own.
    fn batch_with(self, config: BatchConfig) -> BatchProcessor {
        BatchProcessor::with_config(self, config)
    }

    /// Replaces what `redactor` calls a secret, on top of what the provider replaced. Costs a copy
    /// of each span, on the worker.
    fn redact(self, redactor: Redactor) -> Redact<Self> {
        Redact::secrets(self, redactor)
    }

    /// Leaves out prompts, completions, the arguments and results of tools, and the texts of
    /// errors, for this exporter alone. Costs a copy of each span, on the worker.
    fn without_content(self) -> Redact<Self> {
        Redact::content(self)
    }

    /// Both exporters get every batch, from one queue. See [`Tee`] for what happens when one of
    /// them fails.
    fn tee<E: SpanExporter>(self, other: E) -> Tee<Self, E> {
        Tee::new(self, other)
    }
}

impl<E: SpanExporter> WrapExporter for E {}

/// What a wrapped processor counted, or what it was given if it does not count itself.
fn counted(mut inner: ProcessorStats, passed: &AtomicU64) -> ProcessorStats {
    if inner.received == 0 {
        inner.received = passed.load(Ordering::Relaxed);
        inner.delivered = inner.received;
    }
    inner
}

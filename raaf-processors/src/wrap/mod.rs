//! Wrappers for sinks: filters, tail sampling and redaction.
//!
//! Wrappers stack, and are sinks themselves. Wrappers of exporters run on the exporter's worker.
//! Wrappers of processors run in the traced program's own thread, before a span enters
//! a queue.
//!
//! | wrapper | around | effect |
//! | --- | --- | --- |
//! | [`filter`](WrapProcessor::filter) | any sink | passes on spans that a [`SpanFilter`] matches |
//! | [`keep_traces`](WrapProcessor::keep_traces) | any sink | tail sampling: passes on whole traces, such as failed ones and a share of the rest |
//! | [`Offload`](raaf_trace_core::sink::Offload) | a processor | runs it on a worker, so that it may block |
//! | [`batch`](WrapExporter::batch) | an exporter | makes a processor with a queue and a worker |
//! | [`redact`](WrapExporter::redact) | an exporter | redacts more secrets |
//! | [`without_content`](WrapExporter::without_content) | an exporter | leaves out prompts, completions, tool arguments and results, and error texts |
//!
//! On an exporter, `filter` and `keep_traces` make a processor with a queue and a worker, as `batch`
//! does. Wrap the exporter with `redact` or `without_content` first.
//!
//! Spans that a wrapper leaves out are counted as `filtered` in
//! [`ProcessorStats`](raaf_trace_model::sink::stats::ProcessorStats).
//!
//! # Examples
//!
//! The first sink receives every span. The second receives failed traces, and no prompts:
//!
//! ```
//! use std::io;
//!
//! use raaf_processors::wrap::{KeepTraces, WrapExporter as _};
//! use raaf_trace_core::{
//!     Component, MemoryExporter, Sampler, Traceable as _, TracerProvider,
//! };
//!
//! let (here, far_away) = (MemoryExporter::new(), MemoryExporter::new());
//! let provider = TracerProvider::builder()
//!     .with(here.clone())
//!     .with(
//!         far_away
//!             .clone()
//!             .without_content()
//!             .keep_traces(KeepTraces::failed().and_of_the_rest(Sampler::never())),
//!     )
//!     .build();
//! provider.run(|| {
//!     Component::tool("Search").in_span("run", || ());
//!     let fetch = Component::tool("Fetch");
//!     let call = fetch.traced("run").with_content("tool.arguments", "me@example.org");
//!     let _ = call.try_in_span(|| Err::<(), _>(io::Error::other("no such page")));
//! });
//! provider.force_flush(std::time::Duration::from_secs(5))?;
//!
//! assert_eq!(here.len(), 2);
//! let sent = far_away.spans();
//! assert_eq!(sent.len(), 1);
//! assert!(sent[0].attributes().get("tool.arguments").is_none());
//! # Ok::<(), raaf_trace_core::provider::FlushError>(())
//! ```

mod filter;
mod redact;

use raaf_trace_core::sink::BatchProcessor;
pub use raaf_trace_core::sink::{KeepTraces, TailSampler};
use raaf_trace_model::{
    Redactor,
    filter::SpanFilter,
    sink::{BatchConfig, SpanExporter, SpanProcessor},
};

pub use filter::Filter;
pub use redact::Redact;

/// Wrappers for processors.
pub trait WrapProcessor: SpanProcessor + Sized {
    /// Passes on only the spans that `select` matches, each under the nearest span around it that is
    /// passed on.
    ///
    /// The outcome of a span is not known when it starts, so the processor receives no starts. If
    /// `select` depends on outcomes, a span waits for the ends of those around it, and counts as
    /// `queued` meanwhile; a flush does not force a decision. At most 10,000 spans wait; further ones
    /// are passed on under the parent that they have.
    ///
    /// ```
    /// use raaf_processors::wrap::WrapProcessor as _;
    /// use raaf_trace_core::{MemoryExporter, SpanFilter, sink::SimpleProcessor};
    ///
    /// let memory = MemoryExporter::new();
    /// let slow_tools = SpanFilter::kind("tool")
    ///     .and(SpanFilter::slower_than(std::time::Duration::from_secs(1)));
    /// let processor = SimpleProcessor::new(memory).filter(slow_tools);
    /// # let _ = processor;
    /// ```
    fn filter(self, select: SpanFilter) -> Filter<Self> {
        Filter::new(self, select)
    }

    /// Passes on whole traces, or none of their spans; see [`KeepTraces`].
    fn keep_traces(self, keep: KeepTraces) -> TailSampler<Self> {
        TailSampler::new(self, keep)
    }
}

impl<P: SpanProcessor> WrapProcessor for P {}

/// Wrappers for exporters.
pub trait WrapExporter: SpanExporter + Sized {
    /// Puts the exporter behind a queue and a worker, as [`TracerProvider`] does by itself, so that
    /// wrappers of processors can follow.
    ///
    /// [`TracerProvider`]: raaf_trace_core::TracerProvider
    fn batch(self) -> BatchProcessor {
        BatchProcessor::new(self)
    }

    /// Puts the exporter behind a queue with its own settings; see [`batch`](Self::batch).
    fn batch_with(self, config: BatchConfig) -> BatchProcessor {
        BatchProcessor::with_config(self, config)
    }

    /// Passes on only the spans that `select` matches, before they enter the queue; short for
    /// [`batch`](Self::batch) and [`WrapProcessor::filter`].
    ///
    /// ```
    /// use raaf_processors::wrap::WrapExporter as _;
    /// use raaf_trace_core::{MemoryExporter, SpanFilter, TracerProvider};
    ///
    /// let failures = MemoryExporter::new().filter(SpanFilter::failed());
    /// let provider = TracerProvider::builder().with(failures).build();
    /// # let _ = provider;
    /// ```
    fn filter(self, select: SpanFilter) -> Filter<BatchProcessor> {
        self.batch().filter(select)
    }

    /// Passes on whole traces, or none of their spans; short for [`batch`](Self::batch) and
    /// [`WrapProcessor::keep_traces`].
    fn keep_traces(self, keep: KeepTraces) -> TailSampler<BatchProcessor> {
        self.batch().keep_traces(keep)
    }

    /// Redacts the matches of `redactor`, in addition to the provider's redaction. Costs a copy of
    /// each span, on the worker.
    fn redact(self, redactor: Redactor) -> Redact<Self> {
        Redact::secrets(self, redactor)
    }

    /// Leaves out prompts, completions, tool arguments and results, and error texts, for this
    /// exporter alone. Costs a copy of each span, on the worker.
    fn without_content(self) -> Redact<Self> {
        Redact::content(self)
    }
}

impl<E: SpanExporter> WrapExporter for E {}

//! Wrappers: what reaches a sink, and what is counted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod filter;
mod readings;
mod redact;
mod tail;

use std::time::Duration;

use raaf_trace_core::{
    FinishedSpan, MemoryExporter, SpanProcessor, TracerProvider, stats::ProcessorStats,
};

const TIMEOUT: Duration = Duration::from_secs(60);

fn components(memory: &MemoryExporter) -> Vec<String> {
    memory.spans().iter().map(|span| span.component_name().to_owned()).collect()
}

fn with(processor: impl SpanProcessor) -> TracerProvider {
    TracerProvider::builder().with(processor).build()
}

/// Returns the statistics, after checking that they account for every span.
fn stats(provider: &TracerProvider) -> ProcessorStats {
    let stats = provider.stats().processors.remove(0);
    let known = stats.delivered + stats.dropped + stats.filtered + stats.queued;
    assert_eq!(stats.received, known, "{stats:?}");
    stats
}

fn span(component: &str) -> FinishedSpan {
    FinishedSpan::builder("tool", component).build()
}

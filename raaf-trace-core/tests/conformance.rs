//! The core's own sinks keep the contract that it holds others to.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::sync::Arc;

use raaf_testkit::conformance::{Rule, Suite, check_exporter, check_processor, check_wrapper};
use raaf_trace_core::{
    FinishedSpan, MemoryExporter, SpanProcessor,
    sink::{BatchConfig, BatchProcessor, Offload, SimpleProcessor},
};

/// A processor with its exporter beside it, so that a suite can look at what was delivered.
struct Seen<P> {
    processor: P,
    memory: MemoryExporter,
}

impl<P: SpanProcessor> Seen<P> {
    fn new(around: impl Fn(MemoryExporter) -> P) -> Self {
        let memory = MemoryExporter::new();
        Self { processor: around(memory.clone()), memory }
    }
}

impl<P: SpanProcessor> SpanProcessor for Seen<P> {
    fn name(&self) -> &str {
        self.processor.name()
    }
    fn wants_start(&self) -> bool {
        self.processor.wants_start()
    }
    fn on_start(&self, span: &mut raaf_trace_core::span::StartedSpan) {
        self.processor.on_start(span);
    }
    fn on_end(&self, span: &FinishedSpan) {
        self.processor.on_end(span);
    }
    fn on_end_owned(&self, span: FinishedSpan) {
        self.processor.on_end_owned(span);
    }
    fn force_flush(
        &self,
        timeout: std::time::Duration,
    ) -> Result<(), raaf_trace_core::sink::ProcessorError> {
        self.processor.force_flush(timeout)
    }
    fn shutdown(
        &self,
        timeout: std::time::Duration,
    ) -> Result<(), raaf_trace_core::sink::ProcessorError> {
        self.processor.shutdown(timeout)
    }
    fn stats(&self) -> raaf_trace_core::stats::ProcessorStats {
        self.processor.stats()
    }
}

#[test]
fn memory_keeps_the_contract_of_exporters() {
    Suite::exporter(MemoryExporter::new).read_back(MemoryExporter::spans).check();
    check_exporter(|| Arc::new(MemoryExporter::with_limit(10)));
}

#[test]
fn a_batching_processor_keeps_the_contract() {
    Suite::processor(|| Seen::new(BatchProcessor::new))
        .read_back(|seen| seen.memory.spans())
        .check();
    let tiny = || BatchConfig::default().with_batch_size(1).with_max_spans(1_000);
    check_processor(|| BatchProcessor::with_config(MemoryExporter::new(), tiny()));
}

#[test]
fn an_in_line_processor_keeps_the_contract() {
    Suite::processor(|| Seen::new(SimpleProcessor::new))
        .read_back(|seen| seen.memory.spans())
        .check();
}

#[test]
fn an_offloaded_processor_keeps_the_contract() {
    let offloaded = |memory| -> Offload { Offload::new(SimpleProcessor::new(memory)) };
    Suite::processor(|| Seen::new(offloaded)).read_back(|seen| seen.memory.spans()).check();
    check_wrapper(Offload::new);
}

#[test]
fn every_rule_is_looked_at() {
    let processor = Suite::processor(|| Seen::new(SimpleProcessor::new))
        .read_back(|seen| seen.memory.spans())
        .run();
    let exporter = Suite::exporter(MemoryExporter::new).read_back(MemoryExporter::spans).run();
    assert!(processor.skipped().is_empty() && exporter.skipped().is_empty());
    let wrapper = Suite::wrapper(Offload::new).run();
    let looked_at = [processor.kept(), exporter.kept(), wrapper.kept()].concat();
    for rule in Rule::ALL {
        assert!(looked_at.contains(rule), "{rule}");
    }
}

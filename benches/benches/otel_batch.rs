//! OpenTelemetry's SDK, batching processor, under criterion.

mod common;
mod futures;

use criterion::{Criterion, criterion_group, criterion_main};
use raaf_benches::{row::ToolId, tool::OpenTelemetryBatch};

fn workloads(criterion: &mut Criterion) {
    if let Some(tool) = common::threads::<OpenTelemetryBatch>(criterion, ToolId::OpenTelemetryBatch)
    {
        futures::one_thread(criterion, ToolId::OpenTelemetryBatch, tool);
    }
}

criterion_group!(benches, workloads);
criterion_main!(benches);

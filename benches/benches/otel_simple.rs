//! OpenTelemetry's SDK, simple processor, under criterion.

mod common;
mod futures;

use criterion::{Criterion, criterion_group, criterion_main};
use raaf_benches::{row::ToolId, tool::OpenTelemetrySimple};

fn workloads(criterion: &mut Criterion) {
    if let Some(tool) =
        common::threads::<OpenTelemetrySimple>(criterion, ToolId::OpenTelemetrySimple)
    {
        futures::one_thread(criterion, ToolId::OpenTelemetrySimple, tool);
    }
}

criterion_group!(benches, workloads);
criterion_main!(benches);

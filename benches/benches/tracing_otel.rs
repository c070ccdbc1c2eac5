//! `tracing` in front of OpenTelemetry's SDK, under criterion.

mod common;
mod futures;

use criterion::{Criterion, criterion_group, criterion_main};
use raaf_benches::{row::ToolId, tool::TracingOpenTelemetry};

fn workloads(criterion: &mut Criterion) {
    if let Some(tool) =
        common::threads::<TracingOpenTelemetry>(criterion, ToolId::TracingOpenTelemetry)
    {
        futures::one_thread(criterion, ToolId::TracingOpenTelemetry, tool);
    }
}

criterion_group!(benches, workloads);
criterion_main!(benches);

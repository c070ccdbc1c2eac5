//! `tracing` and a collecting layer, under criterion.

mod common;
mod futures;

use criterion::{Criterion, criterion_group, criterion_main};
use raaf_benches::{row::ToolId, tool::TracingLayer};

fn workloads(criterion: &mut Criterion) {
    if let Some(tool) = common::threads::<TracingLayer>(criterion, ToolId::TracingLayer) {
        futures::one_thread(criterion, ToolId::TracingLayer, tool);
    }
}

criterion_group!(benches, workloads);
criterion_main!(benches);

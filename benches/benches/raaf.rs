//! This project, under criterion.

mod common;
mod futures;

use criterion::{Criterion, criterion_group, criterion_main};
use raaf_benches::{row::ToolId, tool::Raaf};

fn workloads(criterion: &mut Criterion) {
    if let Some(tool) = common::threads::<Raaf>(criterion, ToolId::Raaf) {
        futures::one_thread(criterion, ToolId::Raaf, tool);
    }
}

criterion_group!(benches, workloads);
criterion_main!(benches);

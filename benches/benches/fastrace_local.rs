//! fastrace, local spans, under criterion.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};
use raaf_benches::{row::ToolId, tool::FastraceLocal};

fn workloads(criterion: &mut Criterion) {
    let _: Option<FastraceLocal> = common::threads(criterion, ToolId::FastraceLocal);
}

criterion_group!(benches, workloads);
criterion_main!(benches);

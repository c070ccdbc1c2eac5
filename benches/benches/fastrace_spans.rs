//! fastrace, spans, under criterion.

mod common;
mod futures;

use criterion::{Criterion, criterion_group, criterion_main};
use raaf_benches::{row::ToolId, tool::FastraceSpans};

fn workloads(criterion: &mut Criterion) {
    if let Some(tool) = common::threads::<FastraceSpans>(criterion, ToolId::FastraceSpans) {
        futures::one_thread(criterion, ToolId::FastraceSpans, tool);
    }
}

criterion_group!(benches, workloads);
criterion_main!(benches);

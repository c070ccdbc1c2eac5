//! The workload of futures under criterion.

use criterion::{Criterion, Throughput};
use raaf_benches::{
    row::ToolId,
    tool::AsyncTool,
    workload::{FutureTrees, SPANS_A_TREE},
};
use tokio::runtime;

use crate::common::timed;

/// Measures the workload of futures by one tool; what the bare futures cost is included.
pub(crate) fn one_thread<T: AsyncTool>(criterion: &mut Criterion, id: ToolId, tool: T) {
    let Ok(tokio) = runtime::Builder::new_current_thread().build() else { return };
    let trees = FutureTrees::new(tool);
    let mut group = criterion.benchmark_group("async");
    group.throughput(Throughput::Elements(FutureTrees::<T>::RUNS as u64 * SPANS_A_TREE));
    group.bench_function(id.name(), |bencher| {
        timed(bencher, trees.tool(), || tokio.block_on(trees.burst()));
    });
    group.finish();
}

//! The workloads of the table under criterion. Each tool has a program of its own, because most can
//! be set up once in a process; groups of the same name belong together.

use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, Throughput};
use raaf_benches::{
    collector::Collector,
    row::ToolId,
    tool::{Setup, Tool},
    workload::{Deep, Flat, Roots, Trees, Workload},
};

/// Measures the workloads of one thread by one tool, and hands the tool on.
pub(crate) fn threads<T: Tool>(criterion: &mut Criterion, id: ToolId) -> Option<T> {
    let tool = T::start(&Setup::ample(Collector::counting()))?;
    one(criterion, "w1", id, &tool, &Trees::W1);
    one(criterion, "child", id, &tool, &Flat::CHILD);
    one(criterion, "root", id, &tool, &Roots::MANY);
    one(criterion, "late", id, &tool, &Trees::LATE);
    one(criterion, "strings", id, &tool, &Trees::STRINGS);
    one(criterion, "deep", id, &tool, &Deep::THOUSAND);
    one(criterion, "wide", id, &tool, &Flat::WIDE);
    Some(tool)
}

fn one<T: Tool>(
    criterion: &mut Criterion,
    name: &str,
    id: ToolId,
    tool: &T,
    workload: &impl Workload,
) {
    let prepared = workload.prepare(tool);
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(workload.spans()));
    group.bench_function(id.name(), |bencher| {
        timed(bencher, tool, || workload.burst(tool, &prepared));
    });
    group.finish();
}

/// Takes the time of bursts by the clock, without that of the flushes between them.
pub(crate) fn timed(bencher: &mut Bencher<'_>, tool: &impl Tool, burst: impl Fn()) {
    bencher.iter_custom(|bursts| {
        let mut total = Duration::ZERO;
        for _ in 0..bursts {
            let begin = Instant::now();
            burst();
            total += begin.elapsed();
            tool.flush();
        }
        total
    });
}

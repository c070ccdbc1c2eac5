//! Forked children of a test's own process.

use std::{
    io::{self, Read as _, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    process, thread,
    time::Duration,
};

use fork::{Fork, fork, waitpid};

use raaf_trace_core::{
    MemoryExporter, TracerProvider,
    sink::{BatchConfig, BatchProcessor},
};

use crate::{doubles::LONG, own_process::Ended};

pub(crate) fn ended_well(ended: &Ended) {
    ended.well();
    assert_eq!(ended.diagnostics(), [""; 0]);
}

/// Forks, runs `child` in the child, and `parent` here; returns what the child answered.
///
/// A child that hangs kills itself, which fails the test.
pub(crate) fn forked(child: impl FnOnce() -> String, parent: impl FnOnce()) -> String {
    let (mut answers, mut answer) = io::pipe().unwrap();
    match fork().unwrap() {
        Fork::Child => {
            thread::spawn(|| {
                thread::sleep(LONG);
                process::abort();
            });
            let answered = catch_unwind(AssertUnwindSafe(child));
            let written = answered.is_ok_and(|text| answer.write_all(text.as_bytes()).is_ok());
            process::exit(i32::from(!written));
        }
        Fork::Parent(child) => {
            drop(answer);
            parent();
            let mut text = String::new();
            answers.read_to_string(&mut text).unwrap();
            assert_eq!(waitpid(child).unwrap(), 0, "the child failed or hung");
            text
        }
    }
}

/// A provider that delivers nothing by itself before the end.
pub(crate) fn batching() -> (TracerProvider, MemoryExporter) {
    let memory = MemoryExporter::new();
    let config = BatchConfig::default().with_flush_interval(Duration::from_secs(3_600));
    let batch = BatchProcessor::with_config(memory.clone(), config);
    (TracerProvider::builder().with(batch).build(), memory)
}

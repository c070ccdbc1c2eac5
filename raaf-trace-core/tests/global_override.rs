//! Another global provider for a while. Each test runs a process of its own.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

mod own_process;

use own_process::{Ended, in_own_process};
use raaf_trace_core::{
    MemoryExporter, TracerProvider, init,
    provider::{global_provider, override_global_provider, set_global_provider},
    sink::SimpleProcessor,
    trace,
};

fn kept_in(memory: &MemoryExporter) -> TracerProvider {
    TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build()
}

fn ended_well(ended: &Ended) {
    ended.well();
}

#[test]
fn an_override_puts_back_the_one_that_was_there() {
    in_own_process(
        &[],
        || {
            let (own, other) = (MemoryExporter::new(), MemoryExporter::new());
            set_global_provider(kept_in(&own));
            let overriding = override_global_provider(kept_in(&other));
            trace("inside").in_span(|| ());
            drop(overriding);
            trace("after").in_span(|| ());
            let names = |memory: &MemoryExporter| -> Vec<_> {
                memory.spans().iter().map(|span| span.name().into_owned()).collect()
            };
            assert_eq!(names(&other), ["run.workflow.trace.inside"]);
            assert_eq!(names(&own), ["run.workflow.trace.after"]);
        },
        ended_well,
    );
}

#[test]
fn an_override_of_nothing_leaves_nothing() {
    in_own_process(
        &[("RAAF_TRACE_PROCESSORS", "")],
        || {
            let memory = MemoryExporter::new();
            let inner = kept_in(&memory);
            for _ in 0..3 {
                let overriding = override_global_provider(inner.clone());
                assert!(init().is_err(), "somebody chose one");
                drop(overriding);
            }
            assert!(!global_provider().is(&inner));
            trace("by the default provider").in_span(|| ());
            drop(init().unwrap());
            assert!(memory.is_empty());
        },
        ended_well,
    );
}

#[test]
fn overrides_nest() {
    in_own_process(
        &[],
        || {
            let (outer, inner) = (MemoryExporter::new(), MemoryExporter::new());
            let first = override_global_provider(kept_in(&outer));
            let second = override_global_provider(kept_in(&inner));
            trace("inner").in_span(|| ());
            drop(second);
            trace("outer").in_span(|| ());
            drop(first);
            assert_eq!((outer.len(), inner.len()), (1, 1));
        },
        ended_well,
    );
}

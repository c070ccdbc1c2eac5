//! Traceable values are unwind-safe.

use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};

use raaf_testkit::assert_span_tree;
use raaf_trace_core::{
    Component, Context, FinishedSpan, MemoryExporter, Span, Traceable, Tracer, TracerProvider,
    call::ManualSpan, sink::SimpleProcessor, traced,
};

#[derive(Traceable)]
struct Agent {
    component: Component,
}

impl Agent {
    #[traced]
    fn run(&self, work: fn() -> u8) -> u8 {
        work()
    }
}

#[test]
fn handles_keep_the_types_that_hold_them_unwind_safe() {
    fn holds<T: UnwindSafe + RefUnwindSafe>() {}
    holds::<Component>();
    holds::<Context>();
    holds::<FinishedSpan>();
    holds::<ManualSpan>();
    holds::<MemoryExporter>();
    holds::<Span>();
    holds::<Tracer>();
    holds::<TracerProvider>();
}

#[test]
fn a_component_works_on_after_a_panic_was_caught_around_it() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    let agent = Agent { component: Component::of::<Agent>() };

    provider.run(|| {
        assert!(catch_unwind(|| agent.run(|| panic!("out of luck"))).is_err());
        assert_eq!(agent.run(|| 7), 7);
    });

    assert_span_tree!(memory, { agent "Agent" [error]  agent "Agent" [ok] });
}

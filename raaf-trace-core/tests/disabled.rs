//! Code that runs where nothing is traced. In this process nobody traces at all, so that also the
//! first check, which looks at nothing else, is under test.

use std::{cell::Cell, sync::Once};

use futures::FutureExt as _;
use raaf_trace_core::{
    Attributes, Component, Context, Traceable, TracerProvider, current_span, in_current_context,
    is_traced, provider::set_global_provider, trace, traced, traced_block, tracer,
};

/// Makes sure that nobody traces in this process.
fn nobody_traces() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_global_provider(TracerProvider::builder().enabled(false).build());
    });
    assert!(!Component::new("Any").traced("run").is_enabled());
}

#[derive(Traceable)]
struct Agent {
    component: Component,
    evaluated: Cell<u32>,
}

impl Agent {
    fn new() -> Self {
        Self { component: Component::agent("Writer"), evaluated: Cell::new(0) }
    }

    fn evaluate(&self) -> u32 {
        self.evaluated.set(self.evaluated.get() + 1);
        1
    }

    #[traced(
        with(a = self.evaluate()),
        content(b = self.evaluate()),
        skip_if = self.evaluate() == 0,
        result = |_, attributes| { attributes.set("c", self.evaluate()); },
    )]
    fn work(&self, text: &str) -> Result<i32, std::num::ParseIntError> {
        text.parse()
    }

    #[traced(with(a = self.evaluate()))]
    async fn work_later(&self) -> u32 {
        7
    }
}

#[test]
fn n1_the_same_code_runs_and_makes_no_span() {
    nobody_traces();
    let agent = Agent::new();
    assert_eq!(agent.work("3"), Ok(3));
    assert!(agent.work("x").is_err());
    assert_eq!(agent.work_later().now_or_never(), Some(7));
    assert_eq!(traced_block!(agent, "block", n = agent.evaluate(), || 5), 5);
    assert_eq!(agent.evaluated.get(), 0, "nothing is evaluated for nobody");
}

#[test]
fn n1_inside_nothing_is_current() {
    nobody_traces();
    let agent = Agent::new();
    agent.in_span("run", || {
        assert!(current_span().is_none() && agent.current_span().is_none());
        assert!(!is_traced() && !agent.is_traced());
        assert_eq!(Context::current().trace_id(), None);
    });
}

#[test]
fn n1_closure_forms_workflows_and_manual_spans_run_too() {
    nobody_traces();
    let agent = Agent::new();
    let lazy = |_: &mut Attributes| panic!("asked for");
    assert_eq!(agent.traced("run").with_attributes(lazy).in_span(|| 1), 1);
    assert_eq!(agent.try_in_span("run", || Err::<(), _>("no")), Err("no"));
    assert_eq!(agent.in_span("run", async { 2 }).now_or_never(), Some(2));
    assert_eq!(trace("workflow").group_id("g").in_span(|| 3), 3);
    assert_eq!(trace("workflow").in_span(async { 4 }).now_or_never(), Some(4));
    assert_eq!(tracer().agent_span("Writer").in_span(|| 5), 5);
    assert_eq!(in_current_context(|| 6)(), 6);
}

#[test]
fn n1_panics_go_through() {
    nobody_traces();
    let panicked = std::panic::catch_unwind(|| Component::new("A").in_span("run", || panic!("b")));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"b"));
}

#[test]
fn n1_components_know_nothing_of_it() {
    nobody_traces();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    pipeline.in_span("run", || agent.traced("run").parent(&pipeline).reuse().in_span(|| ()));
    assert!(pipeline.trace_context().span().is_none());
}

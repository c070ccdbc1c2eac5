//! Choice of the parent: one rule, in order.

use std::{cell::Cell, future::pending, rc::Rc, thread};

use futures::FutureExt as _;
use proptest::prelude::*;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, Context, Span, Traceable as _, TracerProvider, current_span, tracer,
};

/// Runs `work` while a span of `component` is open in another flow.
fn while_elsewhere<R>(capture: &Capture, component: &Component, work: impl FnOnce() -> R) -> R {
    let mut open = Box::pin(capture.run_async(component.in_span("run", pending::<()>())));
    assert!((&mut open).now_or_never().is_none());
    work()
}

#[test]
fn g5_a_child_hangs_under_the_active_span_of_the_component_it_is_bound_to() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    capture.run(|| pipeline.in_span("run", || agent.in_span("run", || ())));
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
}

#[test]
fn g5_the_bound_parent_counts_even_with_another_span_in_between() {
    let capture = Capture::new();
    let (pipeline, between) = (Component::pipeline("Docs"), Component::new("Retry"));
    let agent = Component::agent("Writer").with_parent(&pipeline);
    capture.run(|| {
        pipeline.in_span("run", || between.in_span("run", || agent.in_span("run", || ())));
    });
    assert_span_tree!(capture, { pipeline "Docs" { component "Retry" agent "Writer" } });
}

#[test]
fn g5_a_bound_parent_without_an_active_span_is_passed_over() {
    let capture = Capture::new();
    let (pipeline, runner) = (Component::pipeline("Docs"), Component::runner("Runner"));
    let agent = Component::agent("Writer").with_parent(&pipeline);
    capture.run(|| {
        agent.in_span("alone", || ());
        runner.in_span("run", || agent.in_span("inside", || ()));
    });
    assert_span_tree!(capture, { agent "Writer".alone runner "Runner" { agent "Writer".inside } });
}

#[test]
fn g5_a_bound_parent_whose_span_has_ended_is_passed_over() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    capture.run(|| {
        pipeline.in_span("run", || ());
        agent.in_span("after", || ());
        // A handle that is kept keeps nothing running.
        let kept = pipeline.in_span("again", current_span);
        agent.in_span("later", || ());
        assert!(kept.is_some_and(|span| span.has_ended()));
    });
    assert_span_tree!(capture, {
        pipeline "Docs".run
        agent "Writer".after
        pipeline "Docs".again
        agent "Writer".later
    });
}

#[test]
fn g5_a_bound_parent_in_another_trace_is_not_used() {
    let capture = Capture::new();
    let (pipeline, stranger) = (Component::pipeline("Docs"), Component::runner("Stranger"));
    let agent = Component::agent("Writer").with_parent(&pipeline);
    while_elsewhere(&capture, &pipeline, || {
        capture.run(|| stranger.in_span("run", || agent.in_span("run", || ())));
    });
    assert_span_tree!(capture, {
        pipeline "Docs" [status = cancelled]
        runner "Stranger" { agent "Writer" }
    });
}

#[test]
fn g5_an_ambiguous_bound_parent_is_not_used_and_counted() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    let before = capture.provider().stats().ambiguous_parents;
    while_elsewhere(&capture, &pipeline, || {
        while_elsewhere(&capture, &pipeline, || {
            capture.run(|| agent.in_span("run", || ()));
        });
    });
    assert!(capture.provider().stats().ambiguous_parents > before);
    assert_span_tree!(capture, {
        pipeline "Docs" [status = cancelled]
        pipeline "Docs" [status = cancelled]
        agent "Writer"
    });
}

#[test]
fn g5_an_ambiguous_parent_in_this_context_is_not_ambiguous_at_all() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    while_elsewhere(&capture, &pipeline, || {
        capture.run(|| pipeline.in_span("mine", || agent.in_span("run", || ())));
    });
    assert_span_tree!(capture, {
        pipeline "Docs" [status = cancelled]
        pipeline "Docs".mine { agent "Writer" }
    });
}

#[test]
fn g5_the_most_recent_active_span_of_the_bound_parent_counts() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    capture.run(|| {
        pipeline.in_span("run", || {
            pipeline.in_span("second_phase", || {
                thread::scope(|scope| {
                    scope.spawn(|| agent.in_span("run", || ()));
                });
            });
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { pipeline "Docs".second_phase { agent "Writer" } } });
}

proptest! {
    /// Against the rule itself: the latest of the active spans, unless they are in several traces.
    #[test]
    fn g5_any_order_of_starts_and_ends_of_the_bound_parent(
        steps in prop::collection::vec((0_usize..6, any::<prop::sample::Index>()), 0..60),
    ) {
        let capture = Capture::new();
        let pipeline = Component::pipeline("Docs");
        let agent = Component::agent("Writer").with_parent(&pipeline);
        let traces = [(); 2].map(|()| capture.run(|| tracer().start_span("run")));
        let mut active = Vec::new();
        for (step, index) in steps {
            // One trace for the most part, or nearly all would be ambiguous.
            match step {
                0..4 => {
                    let trace = usize::from(step == 3);
                    let id = Rc::new(Cell::new(None));
                    let started = Rc::clone(&id);
                    let mut open = Box::pin(pipeline.in_span("run", async move {
                        started.set(current_span().map(|span| span.span_id()));
                        pending::<()>().await;
                    }));
                    traces[trace].context().run(|| assert!((&mut open).now_or_never().is_none()));
                    active.push((trace, id.get(), open));
                }
                _ if active.is_empty() => {}
                _ => drop(active.remove(index.index(active.len()))),
            }
            let is_one_trace = active.windows(2).all(|pair| pair[0].0 == pair[1].0);
            let expected = active.last().filter(|_| is_one_trace).and_then(|(_, id, _)| *id);
            let parent = capture.run(|| agent.in_span("run", || current_span()?.parent_id()));
            prop_assert_eq!(parent, expected);
        }
    }
}

#[test]
fn g32_an_explicit_parent_beats_the_bound_one() {
    let capture = Capture::new();
    let (pipeline, runner) = (Component::pipeline("Docs"), Component::runner("Runner"));
    let agent = Component::agent("Writer").with_parent(&pipeline);
    capture.run(|| {
        runner.in_span("run", || {
            pipeline.in_span("run", || agent.traced("run").parent(&runner).in_span(|| ()));
        });
    });
    assert_span_tree!(capture, { runner "Runner" { pipeline "Docs" agent "Writer" } });
}

#[test]
fn g33_an_explicit_component_is_the_parent() {
    let capture = Capture::new();
    let (pipeline, runner, agent) =
        (Component::pipeline("Docs"), Component::runner("Runner"), Component::agent("Writer"));
    capture.run(|| {
        pipeline.in_span("run", || {
            runner.in_span("run", || agent.traced("run").parent(&pipeline).in_span(|| ()));
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { runner "Runner" agent "Writer" } });
}

#[test]
fn g33_an_explicit_component_is_found_in_another_trace_too() {
    let capture = Capture::new();
    let (pipeline, runner, agent) =
        (Component::pipeline("Docs"), Component::runner("Runner"), Component::agent("Writer"));
    while_elsewhere(&capture, &pipeline, || {
        capture
            .run(|| runner.in_span("run", || agent.traced("run").parent(&pipeline).in_span(|| ())));
    });
    assert_span_tree!(capture, {
        pipeline "Docs" [status = cancelled] { agent "Writer" }
        runner "Runner"
    });
    let spans = capture.spans();
    assert_eq!(spans.only("Writer").trace_id(), spans.only("Docs").trace_id());
}

#[test]
fn g33_an_explicit_component_in_several_traces_counts_as_not_given() {
    let capture = Capture::new();
    let (pipeline, runner, agent) =
        (Component::pipeline("Docs"), Component::runner("Runner"), Component::agent("Writer"));
    let before = capture.provider().stats().ambiguous_parents;
    while_elsewhere(&capture, &pipeline, || {
        while_elsewhere(&capture, &pipeline, || {
            let run = || agent.traced("run").parent(&pipeline).in_span(|| ());
            capture.run(|| runner.in_span("run", run));
        });
    });
    assert!(capture.provider().stats().ambiguous_parents > before);
    assert_span_tree!(capture, {
        pipeline "Docs" [status = cancelled] x 2
        runner "Runner" { agent "Writer" }
    });
}

#[test]
fn g33_an_explicit_parent_is_taken_even_inside_of_the_same_method() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    capture.run(|| {
        pipeline.in_span("run", || {
            agent.in_span("run", || agent.traced("run").parent(&pipeline).in_span(|| ()));
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" agent "Writer" } });
}

#[test]
fn l8_a_span_given_as_the_parent_is_never_reused() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        agent.in_span("run", || agent.traced("run").parent(current_span()).in_span(|| ()));
    });
    assert_span_tree!(capture, { agent "Writer" { agent "Writer" } });
}

#[test]
fn g35_a_parent_that_counts_as_not_given_leaves_reuse_as_it_is() {
    let capture = Capture::new();
    let (idle, agent) = (Component::pipeline("Idle"), Component::agent("Writer"));
    capture.run(|| {
        agent.in_span("run", || {
            agent.traced("run").parent(None::<Context>).in_span(|| ());
            agent.traced("run").parent(&idle).in_span(|| ());
        });
    });
    assert_span_tree!(capture, { agent "Writer" });
}

#[test]
fn g42_reuse_that_is_asked_for_comes_before_the_parent() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    capture.run(|| {
        pipeline.in_span("run", || {
            let phase = || agent.traced("phase").parent(&pipeline).reuse().in_span(|| ());
            agent.in_span("run", phase);
            phase();
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" agent "Writer".phase } });
}

#[test]
fn g33_a_span_and_a_context_are_parents_too() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    let (span, context): (Span, Context) =
        capture.run(|| pipeline.in_span("run", || (current_span().unwrap(), Context::current())));
    capture.run(|| {
        agent.traced("span").parent(&span).in_span(|| ());
        agent.traced("context").parent(&context).in_span(|| ());
        agent.traced("maybe").parent(Some(&span)).in_span(|| ());
    });
    assert_span_tree!(capture, {
        pipeline "Docs" { agent "Writer".span agent "Writer".context agent "Writer".maybe }
    });
}

#[test]
fn g33_a_manual_span_is_a_parent_by_its_context() {
    let capture = Capture::new();
    capture.run(|| {
        let manual = tracer().start_span("import");
        Component::agent("Writer").traced("run").parent(manual.context()).in_span(|| ());
    });
    assert_span_tree!(capture, { custom "import" [status = unset] { agent "Writer" } });
}

#[test]
fn g33_children_of_a_span_under_an_explicit_parent_follow_it() {
    let capture = Capture::new();
    let (pipeline, runner) = (Component::pipeline("Docs"), Component::runner("Runner"));
    let (agent, tool) = (Component::agent("Writer"), Component::tool("Search"));
    while_elsewhere(&capture, &pipeline, || {
        capture.run(|| {
            runner.in_span("run", || {
                let search = || tool.in_span("run", || ());
                agent.traced("run").parent(&pipeline).in_span(search);
            });
        });
    });
    assert_span_tree!(capture, {
        pipeline "Docs" [status = cancelled] { agent "Writer" { tool "Search" } }
        runner "Runner"
    });
}

#[test]
fn g35_none_means_choose_by_the_rule() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    capture.run(|| {
        pipeline.in_span("run", || {
            agent.traced("nothing").parent(None::<&Component>).in_span(|| ());
            agent.traced("empty").parent(Context::empty()).in_span(|| ());
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer".nothing agent "Writer".empty } });
}

#[test]
fn g35_a_given_component_without_an_active_span_counts_as_not_given() {
    let capture = Capture::new();
    let (pipeline, idle) = (Component::pipeline("Docs"), Component::runner("Idle"));
    let agent = Component::agent("Writer").with_parent(&pipeline);
    capture.run(|| {
        pipeline.in_span("run", || agent.traced("run").parent(&idle).in_span(|| ()));
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
}

#[test]
fn the_trace_and_its_provider_come_with_the_parent() {
    let (capture, other) = (Capture::new(), Capture::new());
    let pipeline = Component::pipeline("Docs");
    let elsewhere = other.provider();
    let agent = Component::agent("Writer").with_provider(elsewhere);
    capture.run(|| pipeline.in_span("run", || agent.in_span("run", || ())));
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
    assert!(other.spans().is_empty(), "its own provider is for traces that it starts");
}

#[test]
fn a_disabled_provider_of_the_parent_makes_no_span() {
    let off = TracerProvider::builder().enabled(false).build();
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs").with_provider(&off);
    let agent = Component::agent("Writer");
    capture.run(|| pipeline.in_span("run", || agent.in_span("run", || ())));
    assert_span_tree!(capture, { agent "Writer" });
}

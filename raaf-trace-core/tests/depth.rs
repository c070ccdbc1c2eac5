//! Deep chains and wide trees.

use std::thread;

use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_trace_core::{Component, Context, Traceable as _, current_span, in_current_context};

/// Runs `work` in a thread whose stack holds the test's own recursion.
#[allow(clippy::unwrap_used, reason = "only tests call it")]
fn with_big_stack(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(1 << 30).spawn(work).unwrap().join().unwrap();
}

/// `levels` spans, each inside the one before; then `work`.
fn nest(levels: usize, work: &mut dyn FnMut()) {
    if levels == 0 {
        return work();
    }
    Component::agent("Level").in_span("run", || nest(levels - 1, work));
}

#[test]
fn l6_ten_thousand_nested_spans_are_one_chain() {
    with_big_stack(|| {
        const LEVELS: usize = 10_000;
        let capture = Capture::new();
        capture.run(|| nest(LEVELS, &mut || assert!(current_span().is_some())));
        assert!(current_span().is_none());
        let spans = capture.spans();
        assert_eq!(spans.len(), LEVELS);
        assert_coherent!(spans);
        let innermost = spans.iter().last().unwrap();
        assert_eq!(spans.ancestors_of(innermost).count(), LEVELS - 1);
    });
}

#[test]
fn l6_the_outermost_component_is_found_through_a_deep_chain() {
    with_big_stack(|| {
        let capture = Capture::new();
        let pipeline = Component::pipeline("Outermost");
        capture.run(|| {
            pipeline.in_span("run", || {
                nest(2_000, &mut || {
                    assert!(pipeline.current_span().is_some());
                    Component::tool("Bound").with_parent(&pipeline).in_span("run", || ());
                });
            });
        });
        let spans = capture.spans();
        assert_eq!(spans.path(spans.only("Bound")), "Outermost > Bound");
    });
}

#[test]
fn l6_a_captured_chain_is_dropped_without_recursion() {
    let mut captured = None;
    let (send, receive) = std::sync::mpsc::channel();
    with_big_stack(move || {
        Capture::new().run(|| nest(10_000, &mut || send.send(Context::current()).unwrap()));
    });
    captured.replace(receive.recv().unwrap());
    // Here the stack is as small as a test's usually is.
    drop(captured);
}

#[test]
fn l6_a_deep_context_is_shown_without_recursion() {
    let (send, receive) = std::sync::mpsc::channel();
    with_big_stack(move || {
        Capture::new().run(|| nest(10_000, &mut || send.send(Context::current()).unwrap()));
    });
    // Here the stack is as small as a test's usually is.
    assert!(format!("{:?}", receive.recv().unwrap()).contains("span_"));
}

#[test]
fn l6_a_task_that_starts_its_successor_for_ever_does_not_overflow() {
    let capture = Capture::with(|builder| builder.sampler(raaf_trace_core::Sampler::never()));
    let step = Component::new("Step");
    let mut context = capture.context();
    for _ in 0..100_000 {
        context = context.run(|| step.in_span("run", Context::current));
    }
    drop(context);
}

#[test]
fn l6_a_hundred_thousand_components_bound_in_a_chain() {
    let capture = Capture::new();
    let mut component = Component::new("First").with_provider(capture.provider());
    for _ in 0..100_000 {
        component = Component::new("Next").with_parent(&component);
    }
    component.in_span("run", || ());
    assert_eq!(capture.spans().len(), 1, "the provider is found at the far end");
    drop(component);
}

#[test]
fn g23_hundreds_of_components_make_one_well_formed_tree() {
    let capture = Capture::new();
    let whole = Component::pipeline("Whole");
    capture.run(|| {
        whole.in_span("run", || {
            thread::scope(|scope| {
                for part in 0..8 {
                    let part = Component::pipeline(format!("Part{part}")).with_parent(&whole);
                    scope.spawn(in_current_context(move || {
                        part.in_span("run", || agents(&part));
                    }));
                }
            });
        });
    });
    assert_coherent!(capture);
    assert_span_tree!(capture, {
        pipeline "Whole" {
            in_any_order { pipeline "Part*" { agent "Agent" { tool "Tool" x 3 } x 20 } x 8 }
        }
    });
}

fn agents(pipeline: &Component) {
    for _ in 0..20 {
        let agent = Component::agent("Agent").with_parent(pipeline);
        agent.in_span("run", || {
            for _ in 0..3 {
                Component::tool("Tool").with_parent(&agent).in_span("run", || ());
            }
        });
    }
}

//! Spans of synchronous calls that only their thread knows, until somebody takes them elsewhere.

use std::{
    panic::catch_unwind,
    sync::{Barrier, mpsc},
    thread,
};

use proptest::prelude::*;
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_trace_core::{
    Component, Context, MemoryExporter, Span, Traceable as _, TracerProvider, current_span,
    set_attribute, sink::SimpleProcessor, trace,
};

/// Runs `work` inside spans of these components, the first one outermost.
fn nested<R>(components: &[Component], work: impl FnOnce() -> R) -> R {
    match components {
        [] => work(),
        [first, rest @ ..] => first.in_span("run", || nested(rest, work)),
    }
}

#[test]
fn g31_an_attribute_reaches_the_innermost_span_whoever_knows_it() {
    let capture = Capture::new();
    let (agent, tool) = (Component::agent("A"), Component::tool("T"));
    capture.run(|| {
        set_attribute("nowhere", 1);
        agent.in_span("run", || {
            set_attribute("from", "a frame");
            tool.in_span("run", || set_attribute("from", "another one"));
            set_attribute("from", "the same frame");
            let handle = current_span().expect("a span is active");
            set_attribute("known", "to others");
            set_attribute("success", false); // reserved
            assert_eq!(handle.attribute("known"), Some("to others".into()));
            let context = Context::current();
            thread::scope(|scope| {
                scope
                    .spawn(move || context.run(|| set_attribute("in", "a thread")))
                    .join()
                    .unwrap();
            });
        });
        set_attribute("nowhere", 2);
    });
    assert_span_tree!(capture, {
        agent "A" ["from" = "the same frame", "known" = "to others", "in" = "a thread"] {
            tool "T" ["from" = "another one"]
        }
    });
    assert!(capture.spans().iter().all(|span| span.attributes().get("nowhere").is_none()));
}

#[test]
fn g5_a_thread_without_a_context_finds_the_bound_parent_of_another_thread() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("P"), Component::agent("A"));
    capture.run(|| {
        nested(&[pipeline, agent.clone()], || {
            // Bound only now, by a thread that knows nothing else of the run.
            let tool = || Component::tool("T").with_parent(&agent).in_span("run", || ());
            thread::scope(|scope| scope.spawn(tool).join().unwrap());
        });
    });
    assert_span_tree!(capture, { pipeline "P" { agent "A" { tool "T" } } });
}

#[test]
fn g5_what_runs_in_such_a_child_belongs_to_the_same_trace() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("P"), Component::agent("A"));
    let tool = Component::tool("T").with_parent(&agent);
    let cache = Component::new("Cache").with_parent(&pipeline);
    capture.run(|| {
        nested(&[pipeline.clone(), agent.clone()], || {
            let work = || {
                tool.in_span("run", || {
                    assert!(agent.current_span().is_none(), "it belongs to the other thread");
                    Component::new("Step").in_span("run", || ());
                    cache.in_span("run", || ());
                });
            };
            thread::scope(|scope| scope.spawn(work).join().unwrap());
        });
    });
    assert_span_tree!(capture, {
        pipeline "P" { agent "A" { tool "T" { component "Step" } } component "Cache" }
    });
}

#[test]
fn g5_the_latest_frame_is_found_and_none_that_has_ended() {
    let capture = Capture::new();
    let agent = Component::agent("A");
    let tool = Component::tool("T").with_parent(&agent);
    let elsewhere =
        || thread::scope(|scope| scope.spawn(|| capture.run(|| tool.in_span("run", || ()))).join());
    capture.run(|| {
        agent.traced("outer").in_span(|| {
            agent.traced("inner").in_span(|| elsewhere().unwrap());
            elsewhere().unwrap();
        });
    });
    elsewhere().unwrap();
    assert_span_tree!(capture, {
        agent "A".outer { agent "A".inner { tool "T" } tool "T" }
        tool "T"
    });
}

#[test]
fn g83_a_parent_with_frames_in_two_traces_is_ambiguous() {
    let capture = Capture::new();
    let agent = Component::agent("A");
    let tool = Component::tool("T").with_parent(&agent);
    let together = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                capture.run(|| {
                    agent.in_span("run", || {
                        together.wait();
                        together.wait();
                    });
                });
            });
        }
        together.wait();
        capture.run(|| tool.in_span("run", || ()));
        together.wait();
    });
    assert_span_tree!(capture, { agent "A" agent "A" tool "T" });
}

#[test]
fn g18_a_context_that_is_captured_deep_inside_holds_all_that_encloses_it() {
    let capture = Capture::new();
    let components = ["A", "B", "C"].map(Component::agent);
    let [a, b, _] = &components;
    let (of_a, of_b) =
        (Component::tool("OfA").with_parent(a), Component::tool("OfB").with_parent(b));
    let (send, contexts) = mpsc::channel::<Context>();
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            for context in contexts {
                context.run(|| {
                    of_a.in_span("run", || ());
                    of_b.in_span("run", || Component::new("Step").in_span("run", || ()));
                });
            }
        });
        capture.run(|| {
            nested(&components, || {
                send.send(Context::current()).unwrap();
                drop(send);
                worker.join().unwrap();
                Component::new("After").in_span("run", || ());
            });
        });
    });
    assert_span_tree!(capture, {
        agent "A" {
            agent "B" {
                agent "C" { component "After" }
                tool "OfB" { component "Step" }
            }
            tool "OfA"
        }
    });
}

#[test]
fn g14_a_handle_of_an_enclosing_call_writes_to_its_span() {
    let capture = Capture::new();
    capture.run(|| {
        Component::agent("A").in_span("run", || {
            let outer = current_span();
            Component::tool("T").in_span("run", || {
                outer.as_ref().map(|span| span.set_attribute("late", 1).span_id());
                current_span().map(|span| span.set_attribute("own", 2).span_id());
            });
            assert_eq!(current_span().map(|span| span.span_id()), outer.map(|span| span.span_id()));
        });
    });
    assert_span_tree!(capture, { agent "A" [late = 1] { tool "T" [own = 2] } });
}

#[test]
fn g9_a_recursion_deeper_than_all_tables_is_one_chain() {
    const DEPTH: usize = 500;
    fn down(component: &Component, left: usize) {
        component.traced("down").fresh().with("left", left).in_span(|| {
            if left > 0 {
                down(component, left - 1);
            }
        });
    }
    let capture = Capture::new();
    capture.run(|| down(&Component::agent("A"), DEPTH));
    let spans = capture.spans();
    assert_eq!(spans.len(), DEPTH + 1);
    let inner = spans.iter().zip(spans.iter().skip(1));
    assert!(inner.into_iter().all(|(one, next)| next.parent_id() == Some(one.span_id())));
    assert_coherent!(spans);
}

#[test]
fn g9_more_components_than_the_table_holds_keep_their_names() {
    let capture = Capture::new();
    let components: Vec<_> =
        (0..2_000).map(|number| Component::tool(format!("T{number}"))).collect();
    capture.run(|| {
        for pair in components.chunks(50) {
            nested(pair, || ());
        }
    });
    let spans = capture.spans();
    let mut names: Vec<_> = spans.iter().map(|span| span.component_name().to_owned()).collect();
    names.sort_by_key(|name| name[1..].parse::<usize>().unwrap());
    assert_eq!(names, components.iter().map(|one| one.name().to_owned()).collect::<Vec<_>>());
}

#[test]
fn d1_a_panic_in_a_frame_leaves_the_context_as_it_was() {
    let capture = Capture::new();
    let (agent, tool) = (Component::agent("A"), Component::tool("T"));
    capture.run(|| {
        agent.in_span("run", || {
            let panicked = catch_unwind(|| tool.in_span("run", || panic!("inside")));
            assert!(panicked.is_err());
            let settled = catch_unwind(|| {
                tool.in_span("again", || {
                    let _span = current_span();
                    panic!("inside")
                });
            });
            assert!(settled.is_err());
            Component::new("After").in_span("run", || ());
        });
        assert!(current_span().is_none());
    });
    assert_span_tree!(capture, {
        agent "A" { tool "T" [status = error] tool "T".again [status = error] component "After" }
    });
}

/// Behavior of a random call.
#[derive(Clone, Debug)]
enum Act {
    Call(usize, Vec<Act>),
    Capture,
    Elsewhere(Vec<Act>),
    Attach,
    Workflow(Vec<Act>),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let leaf = prop_oneof![
        3 => (0..4_usize).prop_map(|component| Act::Call(component, Vec::new())),
        1 => Just(Act::Capture),
        1 => Just(Act::Attach),
    ];
    let act = leaf.prop_recursive(5, 40, 4, |inner| {
        let inner = prop::collection::vec(inner, 0..4);
        prop_oneof![
            4 => (0..4_usize, inner.clone()).prop_map(|(component, acts)| Act::Call(component, acts)),
            1 => inner.clone().prop_map(Act::Elsewhere),
            1 => inner.prop_map(Act::Workflow),
        ]
    });
    prop::collection::vec(act, 1..4)
}

/// Runs the acts. Returns the number of spans, of which each must be inside the one around it.
fn run(acts: &[Act], components: &[Component], around: Option<&Span>) -> usize {
    let parent = |span: &Span| (span.trace_id(), span.parent_id());
    let inside = |acts: &[Act]| {
        let span = current_span();
        run(acts, components, span.as_ref())
    };
    let check = |around: Option<&Span>| {
        if let (Some(around), Some(now)) = (around, current_span()) {
            assert_eq!(now.span_id(), around.span_id());
        }
    };
    let mut count = 0;
    for act in acts {
        count += match act {
            Act::Call(component, acts) => {
                let around = around.map(|span| (span.trace_id(), Some(span.span_id())));
                1 + components[*component].traced("run").fresh().in_span(|| {
                    if acts.len() % 2 == 0 {
                        // Without a look, which would make it known to others.
                        return run(acts, components, None);
                    }
                    let span = current_span();
                    assert!(around.is_none() || span.as_ref().map(parent) == around);
                    run(acts, components, span.as_ref())
                })
            }
            Act::Capture => {
                let _context = Context::current();
                0
            }
            Act::Elsewhere(acts) => {
                let context = Context::current();
                thread::scope(|scope| {
                    let work = || context.run(|| inside(acts));
                    scope
                        .spawn(work)
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
            }
            Act::Attach => {
                let token = Context::current().attach();
                components[0].traced("attached").fresh().in_span(|| ());
                token.detach();
                1
            }
            Act::Workflow(acts) => 1 + trace("Workflow").in_span(|| inside(acts)),
        };
        check(around);
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn g9_random_calls_captures_and_threads_keep_one_coherent_tree(acts in acts()) {
        let capture = Capture::new();
        let components = [
            Component::agent("A"),
            Component::tool("B"),
            Component::new("C"),
            Component::pipeline("D"),
        ];
        let count = capture.run(|| trace("Root").in_span(|| run(&acts, &components, current_span().as_ref())));
        let spans = capture.spans();
        prop_assert_eq!(spans.len(), count + 1);
        assert_coherent!(spans);
    }
}

#[test]
fn g60_processors_in_line_see_the_context_around_a_span_that_ends() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    provider.run(|| {
        Component::agent("A").in_span("run", || {
            Component::tool("T").in_span("run", || ());
            assert_eq!(memory.len(), 1);
        });
    });
    assert_eq!(memory.len(), 2);
}

struct Job {
    component: Component,
}

impl raaf_trace_core::Traceable for Job {
    fn component(&self) -> &Component {
        &self.component
    }
}

impl Job {
    #[raaf_trace_core::traced]
    fn finish(self, look: bool) {
        drop(self);
        if look {
            let _span = current_span();
        }
    }
}

#[test]
fn g1_a_call_that_consumes_its_component_keeps_the_kind() {
    let capture = Capture::new();
    capture.run(|| {
        Job { component: Component::agent("Planner") }.finish(false);
        Job { component: Component::agent("Planner") }.finish(true);
    });
    assert_span_tree!(capture, { agent "Planner".finish agent "Planner".finish });
}

#[test]
fn g67_a_span_within_which_others_ran_is_no_leaf() {
    let capture = Capture::new();
    let tool = |name: &str, work: &dyn Fn()| Component::tool(name).in_span("run", work);
    capture.run(|| {
        Component::agent("Root").in_span("run", || {
            tool("Inner", &|| tool("Leaf", &|| ()));
            tool("Settled", &|| {
                tool("Leaf", &|| ());
                let _span = current_span();
            });
            // In the memory of the one before.
            tool("Leaf", &|| ());
        });
    });
    for span in &capture.spans() {
        assert_eq!(span.is_leaf(), span.component_name() == "Leaf", "{}", span.name());
    }
}

//! Random nestings of both kinds, against an oracle.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod support;

use std::{future::Future, pin::Pin, sync::LazyLock, thread};

use proptest::prelude::*;
use raaf_testkit::{Capture, Spans};
use raaf_trace_core::{
    Component, InContext as _, Traceable as _, in_current_context, task::spawn_traced, tracer,
};
use support::subscribe;
use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
};
use tracing::{Instrument as _, Span, info_span};

/// Code with spans, and what runs inside them.
#[derive(Clone, Debug)]
enum Step {
    /// A traced call.
    Call(Vec<Step>),
    /// A manual span.
    Manual(Vec<Step>),
    /// A span of `tracing` around the code.
    Scope(Vec<Step>),
    /// A span of `tracing` whose guard lives until the end of the code around it.
    Guard,
    /// A span of `tracing` without a parent.
    Root(Vec<Step>),
    /// A span of `tracing` around code that another thread or task runs.
    Elsewhere(Vec<Step>),
    /// Code that another thread or task runs, with the current context.
    Handed(Vec<Step>),
    /// A span of `tracing` with the outermost one as its explicit parent.
    Explicit(Vec<Step>),
    /// Code in the outermost span, which is entered again.
    Again(Vec<Step>),
}

use Step::{Again, Call, Elsewhere, Explicit, Guard, Handed, Manual, Root, Scope};

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop::collection::vec(Just(Guard), 0..2);
    leaf.prop_recursive(5, 24, 4, |inner| {
        let step = (0..9, inner).prop_map(|(kind, inner)| match kind {
            0 => Call(inner),
            1 => Manual(inner),
            2 => Scope(inner),
            3 => Guard,
            4 => Root(inner),
            5 => Elsewhere(inner),
            6 => Handed(inner),
            7 => Explicit(inner),
            _ => Again(inner),
        });
        prop::collection::vec(step, 0..4)
    })
}

/// A tree as text, in an order that does not depend on that of parallel code.
fn drawn(name: &str, mut children: Vec<String>) -> String {
    children.sort();
    format!("{name}({})", children.join(","))
}

/// The oracle: the children of a span in which these steps run, and the further children of the
/// outermost span. `is_outer`: of those of `tracing`, the outermost span is the current one.
fn expected(steps: &[Step], is_outer: bool, explicit: &mut Vec<String>) -> Vec<String> {
    let mut children = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match step {
            Call(inner) => children.push(drawn("call", expected(inner, is_outer, explicit))),
            Manual(inner) => children.push(drawn("manual", expected(inner, is_outer, explicit))),
            Scope(inner) => children.push(drawn("scope", expected(inner, false, explicit))),
            Root(inner) => children.push(drawn("root", expected(inner, false, explicit))),
            Elsewhere(inner) => children.push(drawn("elsewhere", expected(inner, false, explicit))),
            Handed(inner) => children.extend(expected(inner, false, explicit)),
            Explicit(inner) => {
                let inner = drawn("explicit", expected(inner, false, explicit));
                if is_outer { &mut children } else { &mut *explicit }.push(inner);
            }
            Again(inner) => {
                let inner = expected(inner, true, explicit);
                if is_outer { &mut children } else { &mut *explicit }.extend(inner);
            }
            Guard => {
                children.push(drawn("guard", expected(&steps[index + 1..], false, explicit)));
                break;
            }
        }
    }
    children
}

fn found(spans: &Spans) -> Vec<String> {
    fn below(spans: &Spans, span: &raaf_trace_core::FinishedSpan) -> String {
        let children = spans.children_of(span).map(|child| below(spans, child));
        drawn(span.method(), children.collect())
    }
    let mut roots: Vec<_> = spans.roots().map(|root| below(spans, root)).collect();
    roots.sort();
    roots
}

/// A component of its own for each call: a nested call of the same one would be the same span.
fn tool() -> Component {
    Component::tool("Tool")
}

#[derive(Clone)]
struct World {
    outermost: Span,
}

impl World {
    fn run(&self, steps: &[Step]) {
        let mut guards = Vec::new();
        for step in steps {
            match step {
                Call(inner) => tool().in_span("call", || self.run(inner)),
                Manual(inner) => {
                    let span = tracer().tool_span("Tool").method("manual").start();
                    span.in_span(|| self.run(inner));
                }
                Scope(inner) => info_span!("scope").in_scope(|| self.run(inner)),
                Guard => guards.push(info_span!("guard").entered()),
                Root(inner) => info_span!(parent: None, "root").in_scope(|| self.run(inner)),
                Elsewhere(inner) => self.on_a_thread(&info_span!("elsewhere"), inner),
                Handed(inner) => {
                    thread::scope(|scope| {
                        scope.spawn(in_current_context(|| self.run(inner))).join().unwrap();
                    });
                }
                Explicit(inner) => {
                    info_span!(parent: &self.outermost, "explicit").in_scope(|| self.run(inner));
                }
                Again(inner) => self.outermost.in_scope(|| self.run(inner)),
            }
        }
        // Those of the vector's end last: in the wrong order.
        guards.drain(..).for_each(drop);
    }

    fn on_a_thread(&self, span: &Span, steps: &[Step]) {
        thread::scope(|scope| {
            scope.spawn(|| span.in_scope(|| self.run(steps))).join().unwrap();
        });
    }

    /// Runs the steps as futures, which move between threads.
    fn run_later(self, steps: Vec<Step>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let mut steps = steps.into_iter();
            while let Some(step) = steps.next() {
                yield_now().await;
                let world = self.clone();
                match step {
                    Call(inner) => tool().in_span("call", world.run_later(inner)).await,
                    Manual(inner) => {
                        let span = tracer().tool_span("Tool").method("manual").start();
                        span.in_span(world.run_later(inner)).await;
                    }
                    Scope(inner) => world.run_later(inner).instrument(info_span!("scope")).await,
                    Root(inner) => {
                        world.run_later(inner).instrument(info_span!(parent: None, "root")).await;
                    }
                    Elsewhere(inner) => {
                        let task = world.run_later(inner).instrument(info_span!("elsewhere"));
                        tokio::spawn(task).await.unwrap();
                    }
                    Handed(inner) if inner.len() % 2 == 0 => {
                        spawn_traced(world.run_later(inner)).await.unwrap();
                    }
                    Handed(inner) => {
                        tokio::spawn(world.run_later(inner).in_current_context()).await.unwrap();
                    }
                    Explicit(inner) => {
                        let span = info_span!(parent: &self.outermost, "explicit");
                        world.run_later(inner).instrument(span).await;
                    }
                    Again(inner) => {
                        let outermost = self.outermost.clone();
                        world.run_later(inner).instrument(outermost).await;
                    }
                    // Guards do not go with futures: the rest of the code runs inside the span.
                    Guard => {
                        let rest = world.run_later(steps.by_ref().collect());
                        rest.instrument(info_span!("guard")).await;
                    }
                }
            }
        })
    }
}

fn check(steps: &[Step], run: impl FnOnce(World, &Capture)) {
    subscribe();
    let mut explicit = Vec::new();
    let mut children = expected(steps, true, &mut explicit);
    children.append(&mut explicit);
    let capture = Capture::new();
    let outermost = capture.run(|| info_span!("outermost"));
    let outer = outermost.clone();
    capture.run(|| run(World { outermost }, &capture));
    drop(outer);
    assert_eq!(found(&capture.spans()), [drawn("outermost", children)]);
}

fn check_later(steps: &[Step], runtime: &Runtime) {
    check(steps, |world, capture| {
        let span = world.outermost.clone();
        let task = world.run_later(steps.to_vec()).instrument(span);
        runtime.block_on(capture.run_async(async { tokio::spawn(task).await.unwrap() }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_nestings_make_the_tree_that_the_oracle_says(steps in steps()) {
        check(&steps, |world, _| {
            let span = world.outermost.clone();
            span.in_scope(|| world.run(&steps));
        });
    }

    #[test]
    fn random_nestings_of_futures_make_the_same_tree(steps in steps()) {
        static THREADS: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
        check_later(&steps, &THREADS);
        check_later(&steps, &Builder::new_current_thread().build().unwrap());
    }
}

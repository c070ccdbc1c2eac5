//! Roots in tasks that were spawned without the context.

#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

mod doubles;
mod own_process;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, Ordering},
};

use doubles::in_line;
use own_process::in_own_process;
use raaf_trace_core::{
    Component, Context, InContext as _, MemoryExporter, SpanId, TraceId, Traceable as _,
    TracerProvider,
    id::{IdGenerator, RandomIds},
    provider::set_global_provider,
    task::spawn_traced,
    trace, tracer,
};

fn on_runtime<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

async fn call(component: Component) {
    component.in_span("run", async {}).await;
}

fn agent(name: &str, provider: &TracerProvider) -> Component {
    Component::agent(name).with_provider(provider)
}

fn stray(provider: &TracerProvider) -> u64 {
    provider.stats().stray_roots
}

#[test]
fn a_root_in_a_bare_task_inside_a_run_is_counted() {
    let (provider, memory) = in_line();
    let (pipeline, worker) = (agent("Pipeline", &provider), agent("Worker", &provider));
    on_runtime(pipeline.in_span("run", async {
        for _ in 0..3 {
            tokio::spawn(call(worker.clone())).await.unwrap();
        }
        let blocking = worker.clone();
        tokio::task::spawn_blocking(move || blocking.in_span("block", || ())).await.unwrap();
    }));
    assert_eq!(stray(&provider), 4);
    assert_eq!(memory.spans().iter().filter(|span| span.is_local_root()).count(), 5);
}

#[test]
fn a_run_that_has_ended_is_not_open() {
    let (provider, _) = in_line();
    agent("Pipeline", &provider).in_span("run", || ());
    on_runtime(async { tokio::spawn(call(agent("Worker", &provider))).await.unwrap() });
    assert_eq!(stray(&provider), 0);
}

#[test]
fn a_task_that_was_given_the_context_is_not_counted() {
    let (provider, _) = in_line();
    let (pipeline, worker) = (agent("Pipeline", &provider), agent("Worker", &provider));
    on_runtime(pipeline.in_span("run", async {
        spawn_traced(call(worker.clone())).await.unwrap();
        tokio::spawn(call(worker.clone()).in_current_context()).await.unwrap();
        let bound = Component::tool("Bound").with_parent(&pipeline);
        tokio::spawn(call(bound)).await.unwrap();
    }));
    assert_eq!(stray(&provider), 0);
}

#[test]
fn requests_that_are_served_side_by_side_are_not_counted() {
    let (provider, memory) = in_line();
    on_runtime(async {
        let served = |name: &'static str| {
            let agent = agent(name, &provider);
            tokio::spawn(async move { agent.in_span("run", tokio::task::yield_now()).await })
        };
        // Each was seen alone once.
        served("Support").await.unwrap();
        served("Billing").await.unwrap();
        let many: Vec<_> = (0..10).flat_map(|_| [served("Support"), served("Billing")]).collect();
        for request in many {
            request.await.unwrap();
        }
    });
    assert_eq!((memory.len(), stray(&provider)), (22, 0));
}

#[test]
fn a_server_that_is_never_idle_is_counted_only_at_first() {
    let (provider, _) = in_line();
    on_runtime(async {
        let served = |name: &'static str| {
            let agent = agent(name, &provider);
            let (done, wait) = tokio::sync::oneshot::channel::<()>();
            let work = async move {
                agent.in_span("run", async { wait.await.unwrap() }).await;
            };
            (tokio::spawn(work), done)
        };
        let mut open = served("Support");
        tokio::task::yield_now().await;
        for round in 0..100 {
            let next = served(if round % 2 == 0 { "Billing" } else { "Support" });
            tokio::task::yield_now().await;
            let (task, done) = std::mem::replace(&mut open, next);
            done.send(()).unwrap();
            task.await.unwrap();
        }
        open.1.send(()).unwrap();
        open.0.await.unwrap();
    });
    assert_eq!(stray(&provider), 1);
}

#[test]
fn a_loop_that_is_always_open_is_soon_taken_for_no_run() {
    let (provider, _) = in_line();
    on_runtime(async {
        let _forever = provider.run(|| tracer().start_span("consumer loop"));
        for _ in 0..50 {
            tokio::spawn(call(agent("Support", &provider))).await.unwrap();
        }
    });
    assert_eq!(stray(&provider), 16);
}

#[test]
fn an_operation_that_only_ever_runs_inside_others_stays_stray() {
    let (provider, _) = in_line();
    on_runtime(async {
        for _ in 0..20 {
            let inside = async {
                tokio::spawn(call(agent("Worker", &provider))).await.unwrap();
            };
            agent("Pipeline", &provider).in_span("run", inside).await;
        }
    });
    assert_eq!(stray(&provider), 20);
}

#[test]
fn more_roots_than_are_watched_do_no_harm() {
    let (provider, _) = in_line();
    let many: Vec<_> = (0..200).map(|_| provider.run(|| tracer().start_span("many"))).collect();
    drop(many);
    on_runtime(async { tokio::spawn(call(agent("Alone", &provider))).await.unwrap() });
    assert_eq!(stray(&provider), 0);
}

#[test]
fn a_root_whose_start_panicked_is_not_open() {
    #[derive(Debug)]
    struct PanicsOnce(AtomicBool);
    impl IdGenerator for PanicsOnce {
        fn trace_id(&self) -> TraceId {
            RandomIds.trace_id()
        }

        fn span_id(&self) -> SpanId {
            assert!(self.0.swap(true, Ordering::Relaxed), "no id");
            RandomIds.span_id()
        }
    }
    let ids = PanicsOnce(AtomicBool::new(false));
    let provider = TracerProvider::builder().ids(ids).with(MemoryExporter::new()).build();
    let first = agent("First", &provider);
    catch_unwind(AssertUnwindSafe(|| first.in_span("run", || ()))).unwrap_err();
    on_runtime(async { tokio::spawn(call(agent("Later", &provider))).await.unwrap() });
    assert_eq!(stray(&provider), 0);
}

#[test]
fn a_named_workflow_is_never_stray_and_neither_is_a_root_outside_of_tasks() {
    let (provider, _) = in_line();
    let pipeline = agent("Pipeline", &provider);
    let in_background = provider.clone();
    on_runtime(pipeline.in_span("run", async {
        let background = async move { in_background.run(|| trace("cleaning up").in_span(|| ())) };
        tokio::spawn(background).await.unwrap();
        let worker = agent("Worker", &provider);
        std::thread::spawn(move || worker.in_span("run", || ())).join().unwrap();
    }));
    assert_eq!(stray(&provider), 0);
}

#[test]
fn a_stray_root_is_named_with_the_remedy() {
    let variables = [("RAAF_LOG_LEVEL", "debug"), ("RAAF_DEBUG_CATEGORIES", "context")];
    in_own_process(
        &variables,
        || {
            let (provider, _) = in_line();
            set_global_provider(provider);
            on_runtime(trace("import").in_span(async {
                tokio::spawn(call(Component::agent("Worker"))).await.unwrap();
            }));
        },
        |ended| {
            let line = "raaf debug [context] `Worker.run` starts a trace of its own in a tokio task \
                        without a context, while another run is open; 1 such roots so far. If it \
                        belongs to that run, spawn the task with `task::spawn_traced` or \
                        `task::spawn_blocking_traced`; a context passed on by hand has to be \
                        captured inside the run";
            assert_eq!(ended.well().diagnostics(), [line]);
        },
    );
}

#[test]
fn an_empty_context_given_as_parent_is_named() {
    let variables = [("RAAF_LOG_LEVEL", "debug"), ("RAAF_DEBUG_CATEGORIES", "context")];
    in_own_process(
        &variables,
        || {
            let (provider, memory) = in_line();
            set_global_provider(provider);
            let outside = Context::current();
            Component::agent("Planner").in_span("run", || {
                // The default rule has a parent for this one.
                Component::tool("Search").traced("run").parent(&outside).in_span(|| ());
            });
            Component::tool("Fetch").traced("get").parent(&outside).in_span(|| ());
            tracer().tool_span("Index").parent(&outside).in_span(|| ());
            assert_eq!(memory.spans().iter().filter(|span| span.is_local_root()).count(), 3);
        },
        |ended| {
            let line = |call, times| {
                format!(
                    "raaf debug [context] the context given as the parent of `{call}` has no span, \
                     {times} times so far: it was captured outside any span, or extracted without a \
                     traceparent. Capture it inside the span that is to be the parent"
                )
            };
            assert_eq!(ended.well().diagnostics(), [line("Fetch.get", 1), line("Index.run", 2)]);
        },
    );
}

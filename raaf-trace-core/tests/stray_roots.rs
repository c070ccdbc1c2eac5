//! Roots in tasks that were spawned without the context.

#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

mod doubles;
mod own_process;

use doubles::in_line;
use own_process::in_own_process;
use raaf_trace_core::{
    Component, InContext as _, Traceable as _, TracerProvider, provider::set_global_provider,
    task::spawn_traced, trace,
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
                        without a context, while another run is open. If it belongs to that run, \
                        spawn the task with `task::spawn_traced`, or its future with \
                        `.in_current_context()`";
            assert_eq!(ended.well().diagnostics(), [line]);
        },
    );
}

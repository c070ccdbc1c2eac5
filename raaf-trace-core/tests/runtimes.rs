//! Trees across the tasks of async runtimes.

use futures::future::{BoxFuture, join_all};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, InContext as _, Traceable as _, current_span, in_current_context,
};
use tokio::task::{JoinSet, spawn_blocking, yield_now};

/// Runs `agents` inside of a pipeline, in both flavours of tokio's runtime, and expects each of the
/// three agents right under the pipeline.
#[allow(clippy::unwrap_used, reason = "only tests call it")]
fn expect_siblings(agents: impl Fn(Component) -> BoxFuture<'static, ()>) {
    let mut one_thread = tokio::runtime::Builder::new_current_thread();
    let mut many_threads = tokio::runtime::Builder::new_multi_thread();
    for builder in [&mut one_thread, many_threads.worker_threads(2)] {
        let capture = Capture::new();
        let pipeline = Component::pipeline("Docs");
        let run = async {
            pipeline.in_span("run", agents(pipeline.clone())).await;
            assert!(current_span().is_none());
        };
        builder.enable_all().build().unwrap().block_on(capture.run_async(run));
        assert_span_tree!(capture, {
            pipeline "Docs" {
                in_any_order {
                    agent "Plan" { tool "Search" }
                    agent "Write" { tool "Search" }
                    agent "Review" { tool "Search" }
                }
            }
        });
    }
}

fn three() -> [Component; 3] {
    ["Plan", "Write", "Review"].map(Component::agent)
}

/// The same, bound to the pipeline.
fn three_of(pipeline: &Component) -> [Component; 3] {
    three().map(|agent| agent.with_parent(pipeline))
}

async fn work(agent: Component) {
    let search = async {
        yield_now().await;
        Component::tool("Search").in_span("run", yield_now()).await;
    };
    agent.in_span("run", search).await;
}

fn block(agent: &Component) {
    agent.in_span("run", || Component::tool("Search").in_span("run", || ()));
}

#[test]
fn g9_spawned_tasks_of_bound_agents_are_siblings() {
    expect_siblings(|pipeline| {
        Box::pin(async move {
            let tasks = three_of(&pipeline).map(|agent| tokio::spawn(work(agent)));
            join_all(tasks).await.into_iter().for_each(Result::unwrap);
        })
    });
}

#[test]
fn g9_spawned_tasks_that_carry_the_context_are_siblings() {
    expect_siblings(|_| {
        Box::pin(async {
            let tasks = three().map(|agent| tokio::spawn(work(agent).in_current_context()));
            join_all(tasks).await.into_iter().for_each(Result::unwrap);
        })
    });
}

#[test]
fn g9_blocking_tasks_are_siblings() {
    expect_siblings(|pipeline| {
        Box::pin(async move {
            let tasks = three_of(&pipeline).map(|agent| spawn_blocking(move || block(&agent)));
            join_all(tasks).await.into_iter().for_each(Result::unwrap);
        })
    });
}

#[test]
fn g9_blocking_tasks_that_carry_the_context_are_siblings() {
    expect_siblings(|_| {
        Box::pin(async {
            let tasks =
                three().map(|agent| spawn_blocking(in_current_context(move || block(&agent))));
            join_all(tasks).await.into_iter().for_each(Result::unwrap);
        })
    });
}

#[test]
fn g9_joined_futures_are_siblings() {
    expect_siblings(|_| {
        Box::pin(async {
            let [plan, write, review] = three();
            tokio::join!(work(plan), work(write), work(review));
        })
    });
}

#[test]
fn g9_the_tasks_of_a_join_set_are_siblings() {
    expect_siblings(|_| {
        Box::pin(async {
            let mut tasks = JoinSet::new();
            for agent in three() {
                tasks.spawn(work(agent).in_current_context());
            }
            tasks.join_all().await;
        })
    });
}

#[test]
fn g9_agents_awaited_one_after_another_are_siblings() {
    expect_siblings(|_| {
        Box::pin(async {
            for agent in three() {
                work(agent).await;
            }
        })
    });
}

#[test]
fn g9_a_task_without_the_context_starts_a_trace_of_its_own() {
    let capture = Capture::new();
    let writer = Component::agent("Writer").with_provider(capture.provider());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(capture.run_async(async {
        let spawn = async { tokio::spawn(work(writer)).await.unwrap() };
        Component::pipeline("Docs").in_span("run", spawn).await;
    }));
    assert_span_tree!(capture, { pipeline "Docs" agent "Writer" { tool "Search" } });
}

#[cfg(feature = "tokio")]
mod short_words {
    use raaf_trace_core::task::{JoinSetExt as _, spawn_blocking_traced, spawn_traced};

    use super::*;

    #[test]
    fn p1_spawn_traced_hands_the_context_over() {
        expect_siblings(|_| {
            Box::pin(async {
                let tasks = three().map(|agent| spawn_traced(work(agent)));
                join_all(tasks).await.into_iter().for_each(Result::unwrap);
            })
        });
    }

    #[test]
    fn p1_spawn_blocking_traced_hands_the_context_over() {
        expect_siblings(|_| {
            Box::pin(async {
                let tasks = three().map(|agent| spawn_blocking_traced(move || block(&agent)));
                join_all(tasks).await.into_iter().for_each(Result::unwrap);
            })
        });
    }

    #[test]
    fn p1_a_join_set_spawns_traced() {
        expect_siblings(|_| {
            Box::pin(async {
                let mut tasks = JoinSet::new();
                for agent in three() {
                    tasks.spawn_traced(work(agent));
                }
                tasks.join_all().await;
            })
        });
    }
}

//! Trees across threads.

use std::{
    pin::pin,
    sync::{Arc, Barrier, mpsc},
    task::{Context as TaskContext, Poll, Waker},
    thread,
};

use futures::FutureExt as _;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, FinishedSpan, Traceable, current_span, in_current_context, traced,
};
use tokio::task::yield_now;

const NAMES: [&str; 3] = ["Plan", "Write", "Review"];

#[test]
fn g8_agents_bound_to_a_running_pipeline_are_siblings_from_any_thread() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agents = NAMES.map(|name| Component::agent(name).with_parent(&pipeline));
    capture.run(|| {
        pipeline.in_span("run", || {
            let threads = agents.map(|agent| thread::spawn(move || agent.in_span("run", || ())));
            for thread in threads {
                thread.join().unwrap();
            }
        });
    });
    assert_span_tree!(capture, {
        pipeline "Docs" { in_any_order { agent "Plan" agent "Write" agent "Review" } }
    });
    let spans = capture.spans();
    assert!(spans.iter().all(|span| span.trace_id() == spans.only("Docs").trace_id()));
}

#[test]
fn g8_they_are_siblings_also_while_all_run_at_once() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let together = Barrier::new(NAMES.len());
    capture.run(|| {
        pipeline.in_span("run", || {
            thread::scope(|scope| {
                for name in NAMES {
                    let agent = Component::agent(name).with_parent(&pipeline);
                    let together = &together;
                    scope.spawn(move || {
                        agent.in_span("run", || {
                            together.wait();
                            Component::tool("Search").in_span("run", || ());
                        });
                    });
                }
            });
        });
    });
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

#[test]
fn g9_a_pool_of_long_lived_threads_serves_several_workflows() {
    let capture = Capture::new();
    let (jobs, todo) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let worker = thread::spawn(move || {
        for job in todo {
            job();
            assert!(current_span().is_none(), "the thread is clean between jobs");
        }
    });
    for name in ["First", "Second"] {
        let pipeline = Component::pipeline(name);
        let agent = Component::agent("Writer").with_parent(&pipeline);
        capture.run(|| {
            pipeline.in_span("run", || {
                let (done, finished) = mpsc::channel();
                let job = move || {
                    agent.in_span("run", || ());
                    done.send(()).unwrap();
                };
                jobs.send(Box::new(job)).unwrap();
                finished.recv().unwrap();
            });
        });
    }
    drop(jobs);
    worker.join().unwrap();
    assert_span_tree!(capture, {
        pipeline "First" { agent "Writer" }
        pipeline "Second" { agent "Writer" }
    });
}

#[test]
fn g19_workflows_in_two_threads_are_two_traces() {
    let capture = Capture::new();
    let together = Barrier::new(2);
    thread::scope(|scope| {
        for name in ["First", "Second"] {
            let (capture, together) = (&capture, &together);
            scope.spawn(move || {
                capture.run(|| {
                    Component::pipeline(name).in_span("run", || {
                        together.wait();
                        Component::agent(name).in_span("run", || together.wait());
                    });
                });
            });
        }
    });
    assert_span_tree!(capture, {
        in_any_order {
            pipeline "First" { agent "First" }
            pipeline "Second" { agent "Second" }
        }
    });
    let spans = capture.spans();
    let traces: Vec<_> = spans.roots().map(FinishedSpan::trace_id).collect();
    assert_ne!(traces[0], traces[1]);
    for span in &spans {
        let same = spans.parent_of(span).is_none_or(|parent| parent.trace_id() == span.trace_id());
        assert!(same, "{span:?}");
    }
}

#[test]
fn g83_one_component_in_two_workflows_at_once_is_two_spans() {
    let capture = Capture::new();
    let agent = Component::agent("Shared");
    let together = Barrier::new(2);
    thread::scope(|scope| {
        for name in ["First", "Second"] {
            let (capture, agent, together) = (&capture, &agent, &together);
            scope.spawn(move || {
                capture.run(|| {
                    Component::pipeline(name).in_span("run", || {
                        agent.in_span("run", || {
                            together.wait();
                            assert_eq!(agent.span_id(), current_span().map(|span| span.span_id()));
                            agent.in_span("phase", || together.wait());
                        });
                    });
                });
            });
        }
    });
    assert_span_tree!(capture, {
        in_any_order {
            pipeline "First" { agent "Shared" { agent "Shared".phase } }
            pipeline "Second" { agent "Shared" { agent "Shared".phase } }
        }
    });
}

#[test]
fn g83_a_shared_value_may_be_called_through_an_arc() {
    #[derive(Traceable)]
    struct Agent {
        component: Component,
    }
    impl Agent {
        #[traced]
        fn run(&self, together: &Barrier) {
            together.wait();
        }
    }
    let capture = Capture::new();
    let agent = Arc::new(Agent { component: Component::agent("Shared") });
    let together = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| capture.run(|| agent.run(&together)));
        }
    });
    assert_span_tree!(capture, { agent "Shared" agent "Shared" });
}

#[test]
fn l3_a_child_that_outlives_its_parent_still_names_it() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    let (go_on, parent_ended) = mpsc::channel::<()>();
    let child = capture.run(|| {
        pipeline.in_span("run", || {
            let (started, start) = mpsc::channel();
            let child = thread::spawn(in_current_context(move || {
                agent.in_span("run", || {
                    started.send(()).unwrap();
                    parent_ended.recv().unwrap();
                });
            }));
            start.recv().unwrap();
            child
        })
    });
    assert_eq!(capture.spans_now().len(), 1, "the parent is delivered");
    go_on.send(()).unwrap();
    child.join().unwrap();
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
}

#[test]
fn g16_calls_while_a_thread_ends_run_all_the_same() {
    struct AtEnd(Component, mpsc::Sender<u8>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            let value = self.0.in_span("run", || current_span().map_or(1, |_| 2));
            let _ = self.1.send(value);
        }
    }
    thread_local! {
        static AT_END: std::cell::RefCell<Option<AtEnd>> = const { std::cell::RefCell::new(None) };
    }
    let capture = Capture::new();
    let component = Component::tool("Cleanup").with_provider(capture.provider());
    let (send, receive) = mpsc::channel();
    let work = move || {
        AT_END.with_borrow_mut(|at_end| *at_end = Some(AtEnd(component.clone(), send)));
        component.in_span("early", || ());
    };
    thread::spawn(work).join().unwrap();
    assert!(receive.recv().is_ok(), "the code ran, traced or not");
    assert_eq!(capture.spans().iter().next().unwrap().method(), "early");
}

#[test]
fn g13_phases_in_another_thread_nest_in_the_components_own_span() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    capture.run(|| {
        pipeline.in_span("run", || {
            agent.in_span("run", || {
                thread::scope(|scope| {
                    scope.spawn(in_current_context(|| agent.in_span("draft", || ())));
                });
            });
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" { agent "Writer".draft } } });
}

#[test]
fn l5_a_future_that_moves_between_threads_keeps_its_context() {
    let capture = Capture::new();
    let (agent, tool) = (Component::agent("Writer"), Component::tool("Search"));
    let mut run = Box::pin(capture.run_async(async move {
        let work = async {
            tool.in_span("before", || ());
            yield_now_once().await;
            tool.in_span("after", || ());
        };
        agent.in_span("run", work).await;
    }));
    assert!((&mut run).now_or_never().is_none());
    assert!(current_span().is_none(), "the first thread is clean");
    thread::spawn(move || {
        run.now_or_never().unwrap();
        assert!(current_span().is_none(), "so is the second");
    })
    .join()
    .unwrap();
    assert_span_tree!(capture, { agent "Writer" { tool "Search".before tool "Search".after } });
}

#[test]
fn l5_futures_polled_in_turn_never_see_each_others_context() {
    let capture = Capture::new();
    let workflow = async |name: &'static str| {
        let agent = Component::agent(name);
        let work = async {
            for _ in 0..3 {
                assert_eq!(current_span().unwrap().component_name(), name);
                yield_now_once().await;
                Component::tool(name).in_span("run", || ());
            }
        };
        agent.in_span("run", work).await;
    };
    let mut first = pin!(capture.run_async(workflow("First")));
    let mut second = pin!(capture.run_async(workflow("Second")));
    let mut waker = TaskContext::from_waker(Waker::noop());
    for _ in 0..3 {
        assert_eq!(first.as_mut().poll(&mut waker), Poll::Pending);
        assert_eq!(second.as_mut().poll(&mut waker), Poll::Pending);
        assert!(current_span().is_none());
    }
    assert_eq!(second.as_mut().poll(&mut waker), Poll::Ready(()));
    assert_eq!(first.as_mut().poll(&mut waker), Poll::Ready(()));
    assert_span_tree!(capture, {
        agent "First" { tool "First" x 3 }
        agent "Second" { tool "Second" x 3 }
    });
}

#[tokio::test]
async fn l5_tasks_of_one_thread_never_see_each_others_context() {
    let capture = Capture::new();
    let workflow = |name: &'static str| async move {
        let work = async {
            for _ in 0..3 {
                yield_now().await;
                assert_eq!(current_span().unwrap().component_name(), name);
            }
        };
        Component::agent(name).in_span("run", work).await;
    };
    let first = tokio::spawn(capture.run_async(workflow("First")));
    let second = tokio::spawn(capture.run_async(workflow("Second")));
    first.await.unwrap();
    second.await.unwrap();
    assert!(current_span().is_none());
    assert_span_tree!(capture, { agent "First" agent "Second" });
}

/// Is pending once, in whatever runtime.
async fn yield_now_once() {
    let mut polled = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

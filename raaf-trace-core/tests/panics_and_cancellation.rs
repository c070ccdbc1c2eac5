//! Calls that do not come back.

use std::{
    future::{pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
    thread,
    time::Duration,
};

use futures::FutureExt as _;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, Status, Traceable as _, current_span, in_current_context, trace, tracer,
};

#[test]
fn l1_a_panic_ends_the_span_and_goes_on_unwinding() {
    let capture = Capture::new();
    let pens = capture.spans().len();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        capture.run(|| Component::agent("Writer").in_span("run", || panic!("pens: {pens}")));
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<String>().unwrap(), "pens: 0");
    let spans = capture.spans();
    let span = spans.only("Writer");
    assert_eq!(span.status(), Status::Error);
    assert_eq!(span.attributes().get("error.type"), Some("panic".into()));
    assert_eq!(span.attributes().get("error.message"), Some("pens: 0".into()));
    assert_eq!(span.events().len(), 1);
    assert_eq!(span.attributes().get("result.type"), None, "nothing was returned");
}

#[test]
fn l1_a_panic_with_a_value_of_its_own_goes_through() {
    let capture = Capture::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        capture.run(|| Component::agent("Writer").in_span("run", || std::panic::panic_any(7)));
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<i32>(), Some(&7));
    assert_eq!(capture.spans().only("Writer").status(), Status::Error);
}

#[test]
fn l1_a_panic_fails_all_spans_it_passes_through() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    capture.run(|| {
        let _ =
            catch_unwind(|| pipeline.in_span("run", || agent.in_span("run", || panic!("boom"))));
        assert!(current_span().is_none());
    });
    assert_span_tree!(capture, {
        pipeline "Docs" [status = error] { agent "Writer" [status = error] }
    });
}

#[test]
fn l1_a_panic_that_is_caught_inside_fails_only_the_inner_span() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    capture.run(|| {
        pipeline.in_span("run", || {
            let _ = catch_unwind(|| agent.in_span("first", || panic!("boom")));
            agent.in_span("second", || ());
        });
    });
    assert_span_tree!(capture, {
        pipeline "Docs" [status = ok] {
            agent "Writer".first [status = error]
            agent "Writer".second [status = ok]
        }
    });
}

#[test]
fn l1_a_panic_in_poll_ends_the_span() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let run = agent.in_span("run", async { panic!("boom") });
    let run = capture.run_async(run);
    assert!(AssertUnwindSafe(run).catch_unwind().now_or_never().unwrap().is_err());
    assert!(current_span().is_none());
    assert_span_tree!(capture, { agent "Writer" [status = error, "error.type" = "panic"] });
}

#[tokio::test]
async fn l1_a_panic_in_a_spawned_task_ends_its_span() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let task = async move { agent.in_span("run", async { panic!("boom") }).await };
    assert!(tokio::spawn(capture.run_async(task)).await.unwrap_err().is_panic());
    assert!(current_span().is_none());
    assert_span_tree!(capture, { agent "Writer" [status = error, "error.type" = "panic"] });
}

#[test]
fn l1_a_panic_in_a_workflow_or_a_manual_span_ends_it() {
    let capture = Capture::new();
    capture.run(|| {
        let _ = catch_unwind(|| trace("workflow").in_span(|| panic!("boom")));
        let _ = catch_unwind(|| tracer().tool_span("manual").in_span(|| panic!("boom")));
        assert!(current_span().is_none());
    });
    assert_span_tree!(capture, {
        trace "workflow" [status = error, "error.message" = "boom"]
        tool "manual" [status = error, "error.message" = "boom"]
    });
}

#[test]
fn l1_a_manual_span_that_a_panic_drops_failed() {
    let capture = Capture::new();
    capture.run(|| {
        let _ = catch_unwind(|| {
            let _unfinished = tracer().tool_span("manual").start();
            panic!("boom");
        });
    });
    assert_span_tree!(capture, { tool "manual" [status = error, "error.type" = "panic"] });
}

#[test]
fn l1_a_thread_that_panics_leaves_the_others_alone() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    capture.run(|| {
        pipeline.in_span("run", || {
            let agent = agent.clone();
            let work = in_current_context(move || agent.in_span("run", || panic!("boom")));
            assert!(thread::spawn(work).join().is_err());
        });
    });
    assert_span_tree!(capture, {
        pipeline "Docs" [status = ok] { agent "Writer" [status = error] }
    });
}

#[tokio::test]
async fn l2_a_timeout_cancels_the_span() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let run = capture.run_async(agent.in_span("run", pending::<()>()));
    assert!(tokio::time::timeout(Duration::ZERO, run).await.is_err());
    let spans = capture.spans();
    assert_eq!(spans.only("Writer").status(), Status::Cancelled);
    assert_eq!(spans.only("Writer").attributes().get("success"), Some(false.into()));
    assert!(spans.only("Writer").error().is_none());
}

#[tokio::test]
async fn l2_a_lost_race_cancels_the_span_and_what_runs_in_it() {
    let capture = Capture::new();
    let (pipeline, slow, fast) =
        (Component::pipeline("Docs"), Component::agent("Slow"), Component::agent("Fast"));
    let tool = Component::tool("Search");
    let race = pipeline.in_span("run", async {
        tokio::select! {
            biased;
            () = slow.in_span("run", tool.in_span("run", pending())) => {}
            () = fast.in_span("run", async {}) => {}
        }
        current_span().unwrap().name()
    });
    assert_eq!(capture.run_async(race).await, "run.workflow.pipeline.Docs");
    assert_span_tree!(capture, {
        pipeline "Docs" [status = ok] {
            agent "Slow" [status = cancelled] { tool "Search" [status = cancelled] }
            agent "Fast" [status = ok]
        }
    });
}

#[tokio::test]
async fn l2_an_abort_cancels_the_span() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let (started, start) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(capture.run_async(async move {
        let work = async {
            started.send(()).unwrap();
            pending::<()>().await;
        };
        agent.in_span("run", work).await;
    }));
    start.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_span_tree!(capture, { agent "Writer" [status = cancelled] });
}

#[test]
fn l2_a_future_dropped_in_another_thread_is_cancelled_there() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let mut run = Box::pin(capture.run_async(async move {
        agent.in_span("run", pending::<()>()).await;
    }));
    assert!((&mut run).now_or_never().is_none());
    let clean = thread::spawn(move || {
        drop(run);
        current_span().is_none()
    });
    assert!(clean.join().unwrap());
    assert_span_tree!(capture, { agent "Writer" [status = cancelled] });
}

#[test]
fn l2_destructors_of_a_dropped_future_still_run_in_its_span() {
    struct AtEnd(Component);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            self.0.in_span("run", || ());
        }
    }
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let at_end = AtEnd(Component::tool("Cleanup"));
    let work = async move {
        let _at_end = at_end;
        pending::<()>().await;
    };
    let run = capture.run_async(agent.in_span("run", work));
    assert!(run.now_or_never().is_none());
    assert!(current_span().is_none());
    assert_span_tree!(capture, { agent "Writer" [status = cancelled] { tool "Cleanup" } });
}

#[test]
fn l2_a_workflow_that_is_dropped_is_cancelled() {
    let capture = Capture::new();
    let run = capture.run_async(trace("workflow").in_span(pending::<()>()));
    assert!(run.now_or_never().is_none());
    assert_span_tree!(capture, { trace "workflow" [status = cancelled] });
}

#[test]
fn g16_a_panic_between_polls_leaves_every_context_clean() {
    let capture = Capture::new();
    let (outer, inner) = (Component::agent("Outer"), Component::tool("Inner"));
    let mut polled = false;
    let work = poll_fn(|_| {
        if std::mem::replace(&mut polled, true) {
            inner.in_span("run", || panic!("boom"));
        }
        Poll::<()>::Pending
    });
    let mut run = Box::pin(capture.run_async(outer.in_span("run", work)));
    assert!((&mut run).now_or_never().is_none());
    assert!(current_span().is_none());
    assert!(catch_unwind(AssertUnwindSafe(|| (&mut run).now_or_never())).is_err());
    assert!(current_span().is_none());
    capture.run(|| Component::agent("Next").in_span("run", || ()));
    drop(run);
    assert_span_tree!(capture, {
        agent "Outer" [status = error] { tool "Inner" [status = error] }
        agent "Next"
    });
}

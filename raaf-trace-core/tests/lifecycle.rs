//! One call, one span: what it is called, what it says, and what is current around it.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::FutureExt as _;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Attributes, Component, FinishedSpan, Kind, SpanId, SpanProcessor, Status, Traceable,
    TracerProvider, attributes::ValueRef, call::CallInfo, clock::ManualClock, current_span,
    current_trace_id, is_traced, naming::NamePattern, span::StartedSpan, tracer,
};

#[test]
fn g1_a_call_makes_one_span_and_returns_the_value_unchanged() {
    let capture = Capture::new();
    let words = capture.run(|| Component::tool("Split").in_span("run", || vec!["a", "b"]));
    assert_eq!(words, ["a", "b"]);
    assert_span_tree!(capture, { tool "Split" });
}

#[test]
fn g1_each_closure_form_makes_one_span() {
    let capture = Capture::new();
    let tool = Component::tool("Form");
    capture.run(|| {
        tool.in_span("plain", || ());
        assert_eq!(tool.try_in_span("result", || Ok::<_, String>(1)), Ok(1));
    });
    let futures = async {
        assert_eq!(tool.in_span("future", async { 2 }).await, 2);
        let failed = tool.try_in_span("fallible", async { Err::<(), _>("no") }).await;
        assert_eq!(failed, Err("no"));
    };
    capture.run_async(futures).now_or_never().unwrap();
    assert_span_tree!(capture, {
        tool "Form".plain
        tool "Form".result
        tool "Form".future
        tool "Form".fallible [status = error]
    });
}

#[test]
fn g1_a_future_that_is_never_polled_makes_no_span() {
    let capture = Capture::new();
    capture.run(|| drop(Component::tool("Idle").in_span("run", async {})));
    assert!(capture.spans().is_empty());
}

#[test]
fn g1_a_future_is_decided_at_its_first_poll() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    let future = capture.run(|| agent.in_span("run", async {}));
    // It was made outside of the pipeline and is polled inside.
    capture.run(|| pipeline.in_span("run", || future.now_or_never()));
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
}

#[test]
fn g2_the_kind_is_the_components_or_follows_its_name() {
    struct ResearchAgent;
    let kinds = [
        (Component::of::<ResearchAgent>(), "agent"),
        (Component::new("MarketPipeline"), "pipeline"),
        (Component::new("TestRunner"), "runner"),
        (Component::new("WebSearchTool"), "tool"),
        (Component::new("NightlyJob"), "job"),
        (Component::new("Embedder"), "component"),
        (Component::new("Embedder").with_kind(Kind::Tool), "tool"),
        (Component::new("ResearchAgent").with_kind("processor"), "processor"),
        (Component::tool("ResearchAgent"), "tool"),
    ];
    for (component, kind) in kinds {
        let capture = Capture::new();
        capture.run(|| component.in_span("run", || ()));
        assert_eq!(capture.spans().only(component.name()).kind(), kind);
    }
}

#[test]
fn g3_any_word_can_be_a_kind() {
    let capture = Capture::new();
    let loader = Component::new("CsvLoader").with_kind("processor");
    capture.run(|| loader.in_span("run", || ()));
    assert_span_tree!(capture, { processor "CsvLoader" });
    let spans = capture.spans();
    let span = spans.only("CsvLoader");
    assert_eq!(span.kind().as_str(), "processor");
    assert_eq!(span.attributes().get("component.type"), Some("processor".into()));
    assert_eq!(span.name(), "run.workflow.processor.CsvLoader");
}

#[test]
fn g4_the_name_leaves_out_a_method_that_says_nothing() {
    for (method, name) in [
        ("run", "run.workflow.tool.search"),
        ("search", "run.workflow.tool.search"),
        ("rerun", "run.workflow.tool.search.rerun"),
        ("Search", "run.workflow.tool.search.Search"),
    ] {
        let capture = Capture::new();
        let running = capture
            .run(|| Component::tool("search").in_span(method, || current_span().unwrap().name()));
        assert_eq!(running, name);
        assert_eq!(capture.spans().only("search").name(), name);
    }
}

#[test]
fn g4_the_pattern_can_be_configured() {
    for (pattern, name) in [
        (NamePattern::Compact, "agent.Writer"),
        (NamePattern::custom("app/{component}#{method}").unwrap(), "app/Writer#edit"),
    ] {
        let capture = Capture::with(|builder| builder.naming(pattern));
        capture.run(|| Component::agent("Writer").in_span("edit", || ()));
        assert_eq!(capture.spans().only("Writer").name(), name);
    }
}

#[test]
fn g11_without_a_parent_each_call_is_the_root_of_a_fresh_trace() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        agent.in_span("first", || ());
        agent.in_span("second", || ());
    });
    let spans = capture.spans();
    assert_span_tree!(spans, { agent "Writer".first  agent "Writer".second });
    let traces: Vec<_> = spans.iter().map(FinishedSpan::trace_id).collect();
    assert_ne!(traces[0], traces[1]);
    assert!(spans.iter().all(FinishedSpan::is_local_root));
}

#[test]
fn g15_the_current_span_is_restored_after_each_call() {
    let capture = Capture::new();
    let (outer, inner) = (Component::pipeline("Outer"), Component::agent("Inner"));
    capture.run(|| {
        outer.in_span("run", || {
            let before = current_span().unwrap().span_id();
            inner.in_span("run", || {
                assert_ne!(current_span().unwrap().span_id(), before);
                assert!(outer.current_span().is_some(), "it is still in the chain");
            });
            assert_eq!(current_span().unwrap().span_id(), before);
            assert!(inner.current_span().is_none());
        });
        assert!(current_span().is_none());
    });
}

#[test]
fn g16_after_an_error_or_a_panic_the_next_call_starts_clean() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    capture.run(|| {
        let _ = agent.try_in_span("fails", || Err::<(), _>("no"));
        assert!(current_span().is_none() && agent.current_span().is_none());
        let _ = catch_unwind(|| agent.in_span("panics", || panic!("boom")));
        assert!(current_span().is_none() && agent.current_span().is_none());
        agent.in_span("works", || ());
    });
    assert_span_tree!(capture, {
        agent "Writer".fails [status = error]
        agent "Writer".panics [status = error]
        agent "Writer".works
    });
}

#[test]
fn g16_a_dropped_future_leaves_the_context_as_it_was() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    capture.run(|| {
        pipeline.in_span("run", || {
            let before = current_span().unwrap().span_id();
            let run = agent.in_span("run", std::future::pending::<()>());
            assert!(run.now_or_never().is_none());
            assert_eq!(current_span().unwrap().span_id(), before);
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" [status = cancelled] } });
}

#[test]
fn g18_success_is_told_with_status_and_duration() {
    let clock = ManualClock::new();
    let capture = Capture::with(|builder| builder.clock(clock.clock()));
    capture.run(|| {
        Component::agent("Writer").in_span("run", || clock.advance(Duration::from_millis(30)));
    });
    let spans = capture.spans();
    let span = spans.only("Writer");
    assert_eq!(span.status(), Status::Ok);
    assert_eq!(span.duration(), Duration::from_millis(30));
    assert_eq!(span.attributes().get("success"), Some(true.into()));
    assert_eq!(span.attributes().get("duration_ms"), Some(30.0.into()));
    assert_eq!(span.end_time(), span.start_time() + span.duration());
}

#[test]
fn g20_ids_are_readable_inside_and_nothing_outside() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let nothing_is_traced = || {
        assert!(agent.current_span().is_none() && current_span().is_none());
        assert_eq!((agent.span_id(), agent.trace_id(), agent.parent_span_id()), (None, None, None));
        assert_eq!(current_trace_id(), None);
        assert!(!agent.is_traced() && !is_traced());
    };
    nothing_is_traced();
    capture.run(|| {
        nothing_is_traced();
        agent.in_span("run", || {
            let span = agent.current_span().unwrap();
            assert_eq!(agent.span_id(), Some(span.span_id()));
            assert_eq!(agent.trace_id(), Some(span.trace_id()));
            assert_eq!(current_span().unwrap().span_id(), span.span_id());
            assert_eq!(current_trace_id(), Some(span.trace_id()));
            assert!(agent.is_traced() && is_traced());
            assert_eq!((span.kind().as_str(), &*span.method()), ("agent", "run"));
            assert!(span.component().is(&agent));
        });
        nothing_is_traced();
    });
}

#[test]
fn g21_the_parents_id_is_readable_from_the_running_span() {
    let capture = Capture::new();
    let (pipeline, agent) = (Component::pipeline("Docs"), Component::agent("Writer"));
    capture.run(|| {
        pipeline.in_span("run", || {
            assert_eq!(pipeline.parent_span_id(), None);
            agent.in_span("run", || {
                assert_eq!(agent.parent_span_id(), pipeline.span_id());
                assert_eq!(current_span().unwrap().parent_id(), pipeline.span_id());
            });
        });
    });
}

#[test]
fn g15_hooks_may_trace_and_leave_the_context_as_it_was() {
    struct Agent(Component, Component);
    impl Traceable for Agent {
        fn component(&self) -> &Component {
            &self.0
        }
        fn span_attributes(&self, attributes: &mut Attributes) {
            attributes.set("size", self.1.in_span("measure", || 3));
        }
        fn should_create_span(&self, call: &CallInfo<'_>) -> bool {
            self.1.in_span("decide", || call.default_decision())
        }
    }
    let capture = Capture::new();
    let agent = Agent(Component::agent("Writer"), Component::tool("Hook"));
    let hook = |(): &(), attributes: &mut Attributes| {
        attributes.set("seen", agent.1.in_span("look", || true));
    };
    capture.run(|| {
        agent.traced("run").on_result(hook).in_span(|| ());
        assert!(current_span().is_none());
    });
    assert_span_tree!(capture, {
        in_any_order {
            tool "Hook".decide
            tool "Hook".measure
            agent "Writer" ["size" = 3, "seen" = true]
            tool "Hook".look
        }
    });
}

/// Counts what a processor is told of each span.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<HashMap<SpanId, (u32, u32)>>>);

#[allow(clippy::unwrap_used, reason = "only tests call it")]
impl SpanProcessor for Counted {
    fn on_start(&self, span: &mut StartedSpan) {
        self.0.lock().unwrap().entry(span.span_id()).or_default().0 += 1;
    }
    fn on_end(&self, span: &FinishedSpan) {
        self.0.lock().unwrap().entry(span.span_id()).or_default().1 += 1;
    }
}

#[test]
fn g22_each_processor_gets_each_span_once_however_it_ends() {
    let (first, second) = (Counted::default(), Counted::default());
    let provider = TracerProvider::builder().with(first.clone()).with(second.clone()).build();
    let agent = Component::agent("Writer");
    provider.run(|| {
        agent.in_span("ok", || agent.in_span("ok", || ()));
        let _ = agent.try_in_span("err", || Err::<(), _>("no"));
        let _ = catch_unwind(|| agent.in_span("panic", || panic!("boom")));
        let _ = agent.in_span("dropped", std::future::pending::<()>()).now_or_never();
        let poll_panics = agent.in_span("poll", async { panic!("boom") });
        let _ = catch_unwind(AssertUnwindSafe(|| poll_panics.now_or_never()));
        let twice = tracer().start_span("finished twice");
        twice.finish();
        twice.finish();
        drop(tracer().start_span("dropped"));
    });
    for counted in [first, second] {
        let seen = counted.0.lock().unwrap();
        assert_eq!(seen.len(), 7);
        assert!(seen.values().all(|told| *told == (1, 1)), "{seen:?}");
    }
}

#[test]
fn l7_success_follows_the_status() {
    let capture = Capture::new();
    capture.run(|| {
        Component::new("Ok").in_span("run", || ());
        let _ = Component::new("Error").try_in_span("run", || Err::<(), _>("no"));
        let pending = std::future::pending::<()>();
        let _ = Component::new("Cancelled").in_span("run", pending).now_or_never();
        tracer().start_span("Unset").finish();
    });
    let spans = capture.spans();
    let said = |name: &str| {
        let span = spans.only(name);
        (span.status(), span.attributes().get("success").and_then(ValueRef::as_bool))
    };
    assert_eq!(said("Ok"), (Status::Ok, Some(true)));
    assert_eq!(said("Error"), (Status::Error, Some(false)));
    assert_eq!(said("Cancelled"), (Status::Cancelled, Some(false)));
    assert_eq!(said("Unset"), (Status::Unset, None));
}

#[test]
fn l7_a_stale_span_was_no_success() {
    let clock = ManualClock::new();
    let capture = Capture::with(|builder| {
        builder.clock(clock.clock()).stale_after(Some(Duration::from_secs(60)))
    });
    let span = capture.provider().tracer().start_span("forgotten");
    clock.advance(Duration::from_secs(61));
    assert_eq!(capture.provider().cleanup(), 1);
    let spans = capture.spans();
    assert_eq!(spans.only("forgotten").status(), Status::Stale);
    assert_eq!(spans.only("forgotten").attributes().get("success"), Some(false.into()));
    drop(span);
    assert_eq!(capture.spans().len(), 1);
}

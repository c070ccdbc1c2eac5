//! `trace("workflow name")`.

use futures::FutureExt as _;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, Kind, SpanContext, Status, TraceId, Traceable as _, current_trace_id, trace, tracer,
};

#[test]
fn t1_a_workflow_encloses_all_that_runs_inside_it() {
    let capture = Capture::new();
    let answer = capture.run(|| {
        trace("support request").in_span(|| {
            Component::agent("Triage").in_span("run", || ());
            Component::agent("Writer").in_span("run", || 42)
        })
    });
    assert_eq!(answer, 42);
    assert_span_tree!(capture, { trace "support request" { agent "Triage" agent "Writer" } });
    let spans = capture.spans();
    let root = spans.only("support request");
    assert_eq!((root.kind(), root.status()), (&Kind::Trace, Status::Ok));
    assert_eq!(root.name(), "run.workflow.trace.support request");
}

#[test]
fn t1_group_and_metadata_reach_every_span() {
    let capture = Capture::new();
    capture.run(|| {
        trace("support request")
            .group_id("conversation-17")
            .metadata("customer.tier", 2)
            .metadata("beta", true)
            .in_span(|| {
                Component::agent("Writer").in_span("run", || {
                    tracer().start_span("by hand").finish();
                });
            });
    });
    let spans = capture.spans();
    assert_span_tree!(spans, trace "support request" > agent "Writer" > custom "by hand");
    for span in &spans {
        let info = span.trace();
        assert_eq!(info.workflow_name(), Some("support request"));
        assert_eq!(info.group_id(), Some("conversation-17"));
        assert_eq!(info.metadata().get("customer.tier"), Some(2.into()));
        assert_eq!(info.metadata().get("beta"), Some(true.into()));
    }
}

#[test]
fn t1_who_and_what_a_workflow_is_for_is_metadata_with_the_names_of_the_conventions() {
    let capture = Capture::new();
    capture.run(|| {
        let workflow = trace("support").user_id("user-7").session_id("s-1").tags(["beta"]);
        let workflow = workflow.release("1.4.0").environment("production");
        workflow.prompt("triage", 3).in_span(|| Component::tool("t").in_span("run", || ()));
    });
    for span in &capture.spans() {
        let metadata = serde_json::to_value(span.trace().metadata()).unwrap();
        let expected = serde_json::json!({
            "user.id": "user-7", "session.id": "s-1", "tag.tags": ["beta"],
            "service.version": "1.4.0", "deployment.environment.name": "production",
            "gen_ai.prompt.name": "triage", "gen_ai.prompt.version": "3",
        });
        assert_eq!(metadata, expected);
    }
}

#[test]
fn t1_inside_another_trace_it_is_a_child() {
    let capture = Capture::new();
    capture.run(|| {
        trace("outer").group_id("outer group").in_span(|| {
            trace("inner").group_id("inner group").trace_id(TraceId::random()).in_span(|| ());
        });
        Component::pipeline("Docs").in_span("run", || trace("part").in_span(|| ()));
    });
    assert_span_tree!(capture, {
        trace "outer" { trace "inner" }
        pipeline "Docs" { trace "part" }
    });
    let spans = capture.spans();
    let inner = spans.only("inner");
    assert_eq!(inner.trace_id(), spans.only("outer").trace_id());
    assert_eq!(inner.trace().workflow_name(), Some("outer"), "the record is the trace's");
    assert_eq!(inner.trace().group_id(), Some("outer group"));
}

#[test]
fn t1_the_trace_id_can_be_chosen() {
    let capture = Capture::new();
    let id = TraceId::random();
    let inside = capture.run(|| trace("chosen").trace_id(id).in_span(current_trace_id));
    assert_eq!(inside, Some(id));
    let spans = capture.spans();
    assert_eq!(spans.only("chosen").trace_id(), id);
    assert_span_tree!(spans, trace "chosen");
    assert_eq!(spans.only("chosen").trace().workflow_name(), Some("chosen"));
}

#[test]
fn t1_a_workflow_of_futures_encloses_them() {
    let capture = Capture::new();
    let agent = Component::agent("Writer");
    let work = trace("async").in_span(agent.in_span("run", async { 7 }));
    assert_eq!(capture.run_async(work).now_or_never(), Some(7));
    assert_span_tree!(capture, { trace "async" { agent "Writer" } });
}

#[test]
fn t1_a_failing_workflow_fails_its_span() {
    let capture = Capture::new();
    let failed = capture.run(|| trace("import").try_in_span(|| "x".parse::<i32>()));
    assert!(failed.is_err());
    assert_span_tree!(capture, {
        trace "import" [status = error, "error.type" = "ParseIntError"]
    });
}

#[test]
fn t1_workflows_of_one_name_are_never_one() {
    let capture = Capture::new();
    capture.run(|| trace("same").in_span(|| trace("same").in_span(|| ())));
    assert_span_tree!(capture, { trace "same" { trace "same" } });
}

#[test]
fn t1_a_trace_continued_from_elsewhere_takes_the_workflows_record() {
    let capture = Capture::new();
    let remote = SpanContext::new(TraceId::random(), raaf_trace_core::SpanId::random());
    capture.run(|| {
        raaf_trace_core::Context::remote(remote.clone()).run(|| {
            trace("server part").in_span(|| Component::agent("Writer").in_span("run", || ()));
        });
    });
    let spans = capture.spans();
    let writer = spans.only("Writer");
    assert_eq!(writer.trace_id(), remote.trace_id());
    assert_eq!(writer.trace().workflow_name(), Some("server part"));
}

#[test]
fn t1_spans_know_the_root_that_encloses_them() {
    let capture = Capture::new();
    capture.run(|| {
        trace("nightly").in_span(|| {
            Component::agent("Planner").in_span("run", || {
                trace("inner").in_span(|| Component::tool("Search").in_span("run", || ()));
            });
        });
        Component::agent("Alone").in_span("run", || ());
    });
    let spans = capture.spans();
    let root = spans.only("nightly");
    for name in ["nightly", "Planner", "inner", "Search"] {
        let known = spans.only(name).local_root().unwrap();
        assert_eq!((known.span_id(), known.kind().as_str()), (root.span_id(), "trace"), "{name}");
        assert!(known.is_root() && known.component_name() == "nightly");
    }
    let alone = spans.only("Alone").local_root().unwrap();
    assert_eq!((alone.kind().as_str(), alone.component_name()), ("agent", "Alone"));
}

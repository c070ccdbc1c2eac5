//! Spans that are started and finished by hand.

use futures::FutureExt as _;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Attributes, Component, Context, SpanContext, SpanId, Status, TraceId, Traceable as _,
    TracerProvider, current_span, keys, trace, tracer,
};
use tokio::task::yield_now;

#[test]
fn g78_a_span_by_hand_is_one_finished_span() {
    let capture = Capture::new();
    capture.run(|| {
        let span = tracer().start_span("import.orders");
        assert!(span.is_recording());
        span.set_attribute("orders.count", 3).set_attribute("orders.kind", "new");
        span.add_event("checked", |attributes| {
            attributes.set("rows", 7);
        });
        span.set_status(Status::Ok);
        assert!(capture.spans_now().is_empty());
        span.finish();
        assert!(!span.is_recording());
    });
    let spans = capture.spans();
    let span = spans.only("import.orders");
    assert_eq!(span.name(), "import.orders", "the name is taken as it is");
    assert_eq!((span.kind().as_str(), span.status()), ("custom", Status::Ok));
    assert_eq!(span.attributes().get("orders.count"), Some(3.into()));
    assert_eq!(span.attributes().get("orders.kind"), Some("new".into()));
    assert_eq!(span.attributes().get("success"), Some(true.into()));
    let event = span.events().next().unwrap();
    assert_eq!(event.name(), "checked");
    assert_eq!(event.attributes().get("rows"), Some(7.into()));
}

#[test]
fn g78_it_does_not_become_current_by_itself() {
    let capture = Capture::new();
    capture.run(|| {
        let span = tracer().start_span("import");
        assert!(current_span().is_none());
        span.in_span(|| assert_eq!(current_span().map(|span| span.span_id()), span.span_id()));
        assert!(current_span().is_none());
    });
}

#[test]
fn g78_in_span_makes_it_current_around_code() {
    let capture = Capture::new();
    capture.run(|| {
        let span = tracer().start_span("import");
        let answer = span.in_span(|| Component::tool("Parse").in_span("run", || 3));
        assert_eq!(answer, 3);
        span.in_span(|| Component::tool("Store").in_span("run", || ()));
        span.finish();
    });
    assert_span_tree!(capture, {
        custom "import" [status = unset] { tool "Parse" tool "Store" }
    });
}

#[tokio::test]
async fn g78_in_span_makes_it_current_around_futures() {
    let capture = Capture::new();
    let span = capture.provider().tracer().start_span("import");
    let work = async {
        yield_now().await;
        Component::tool("Parse").in_span("run", yield_now()).await;
        current_span().unwrap().span_id()
    };
    let task = tokio::spawn(span.in_span(work));
    assert_eq!(Some(task.await.unwrap()), span.span_id());
    assert!(current_span().is_none());
    span.finish();
    assert_span_tree!(capture, { custom "import" [status = unset] { tool "Parse" } });
}

#[test]
fn g78_the_closure_form_ends_it_as_ok() {
    let capture = Capture::new();
    let length = capture.run(|| {
        tracer().span("import").with("source", "orders.csv").in_span(|| {
            let span = current_span().unwrap();
            span.set_attribute("rows", 7);
            span.name().len()
        })
    });
    assert_eq!(length, "import".len());
    assert_span_tree!(capture, {
        custom "import" [status = ok, "source" = "orders.csv", "rows" = 7]
    });
}

#[test]
fn g78_work_in_a_started_span_decides_its_status_by_failing() {
    let capture = Capture::new();
    capture.run(|| {
        let span = tracer().start_span("import");
        assert!(span.in_span(|| span.set_status(Status::Error).is_recording()));
        assert_eq!(span.try_in_span(|| "7".parse::<u8>()), Ok(7));
        let other = tracer().start_span("export");
        other.set_status(Status::Ok);
        assert!(other.try_in_span(|| "x".parse::<u8>()).is_err() && other.is_recording());
        assert!(other.try_in_span(async { "x".parse::<u8>() }).now_or_never().unwrap().is_err());
    });
    assert_span_tree!(capture, {
        custom "import" [status = error]
        custom "export" [status = error, "error.type" = "ParseIntError"]
    });
}

#[test]
fn g78_dropped_without_finish_it_is_finished() {
    let capture = Capture::new();
    capture.run(|| drop(tracer().start_span("forgotten")));
    assert_span_tree!(capture, { custom "forgotten" [status = unset] });
    assert_eq!(capture.spans().only("forgotten").attributes().get("success"), None);
}

#[test]
fn g78_an_error_is_recorded() {
    let capture = Capture::new();
    capture.run(|| {
        let span = tracer().start_span("import");
        span.record_error(&"x".parse::<i32>().unwrap_err());
        span.finish();
    });
    let spans = capture.spans();
    let span = spans.only("import");
    assert_eq!(span.status(), Status::Error);
    assert_eq!(span.attributes().get("error.type"), Some("ParseIntError".into()));
    assert_eq!(span.events().next().unwrap().name(), "exception");
}

#[test]
fn g78_old_style_attributes_set_the_status() {
    let capture = Capture::new();
    let status = |key: &'static str, value: raaf_trace_core::Value| {
        let span = capture.provider().tracer().start_span("old");
        span.set_attribute(key, value);
        span.finish();
        capture.spans().iter().last().unwrap().status()
    };
    assert_eq!(status("success", true.into()), Status::Ok);
    assert_eq!(status("success", false.into()), Status::Error);
    assert_eq!(status("error", "no ink".into()), Status::Error);
    assert_eq!(status("error", true.into()), Status::Error);
    assert_eq!(status("error", false.into()), Status::Unset, "nothing failed");
    assert_eq!(status("error.message", "no ink".into()), Status::Error);
    assert_eq!(status("error.type", "PenError".into()), Status::Error);
}

#[test]
fn g78_an_old_style_error_says_what_it_was() {
    let capture = Capture::new();
    capture.run(|| {
        let span = tracer().start_span("old");
        span.set_attribute("error", "no ink");
        span.finish();
    });
    let spans = capture.spans();
    assert_eq!(spans.only("old").attributes().get("error.message"), Some("no ink".into()));
}

#[test]
fn l4_finishing_twice_changes_nothing_and_is_counted() {
    let capture = Capture::new();
    let before = capture.provider().stats().late_calls;
    capture.run(|| {
        let span = tracer().start_span("import");
        span.set_status(Status::Ok);
        span.finish();
        span.set_status(Status::Error);
        span.finish();
        drop(span);
    });
    assert!(capture.provider().stats().late_calls >= before + 2);
    assert_span_tree!(capture, { custom "import" [status = ok] });
}

#[test]
fn l4_what_is_set_after_the_end_is_ignored_and_counted() {
    let capture = Capture::new();
    let before = capture.provider().stats().late_calls;
    let span = capture.run(|| Component::agent("Writer").in_span("run", current_span)).unwrap();
    let set = |attributes: &mut Attributes| {
        attributes.set("late", true);
    };
    span.set_attribute("late", 1).set_content("late", "2").set_attributes(set);
    span.add_event("late", set);
    assert!(span.has_ended());
    assert!(capture.provider().stats().late_calls >= before + 4);
    let spans = capture.spans();
    assert_eq!(spans.only("Writer").attributes().get("late"), None);
    assert_eq!(spans.only("Writer").events().len(), 0);
}

#[test]
fn g79_each_kind_has_a_helper() {
    let capture = Capture::new();
    let tracer = capture.provider().tracer();
    for helper in [
        tracer.agent_span("Writer"),
        tracer.pipeline_span("Docs"),
        tracer.tool_span("Search"),
        tracer.llm_span("gpt"),
        tracer.guardrail_span("Politeness"),
        tracer.response_span("resp_1"),
        tracer.mcp_list_tools_span("files"),
        tracer.speech_group_span("answers"),
        tracer.speech_span("tts"),
        tracer.transcription_span("whisper"),
        tracer.custom_span("anything"),
        tracer.handoff_span("Triage", "Billing"),
        tracer.http_span("GET", "https://example.com/"),
    ] {
        helper.in_span(|| ());
    }
    assert_span_tree!(capture, {
        agent "Writer"
        pipeline "Docs"
        tool "Search"
        llm "gpt"
        guardrail "Politeness"
        response "resp_1"
        mcp_list_tools "files"
        speech_group "answers"
        speech "tts"
        transcription "whisper"
        custom "anything"
        handoff "Billing"
        custom "GET"
    });
    let spans = capture.spans();
    assert_eq!(spans.only("Writer").name(), "run.workflow.agent.Writer");
    let handoff = spans.only("Billing").attributes();
    assert_eq!(handoff.get(keys::HANDOFF_FROM), Some("Triage".into()));
    assert_eq!(handoff.get(keys::HANDOFF_TO), Some("Billing".into()));
    let http = spans.only("GET").attributes();
    assert_eq!(http.get(keys::HTTP_METHOD), Some("GET".into()));
    assert_eq!(http.get(keys::URL), Some("https://example.com/".into()));
}

#[test]
fn g79_a_helper_takes_kind_method_and_parent() {
    let capture = Capture::new();
    capture.run(|| {
        let pipeline = tracer().pipeline_span("Docs").start();
        let loader = tracer().custom_span("Loader").kind("processor").method("load");
        loader.parent(pipeline.context()).in_span(|| ());
    });
    assert_span_tree!(capture, {
        pipeline "Docs" [status = unset] { processor "Loader".load }
    });
    assert_eq!(capture.spans().only("Loader").name(), "run.workflow.processor.Loader.load");
}

#[test]
fn g80_old_style_inside_new_style_is_one_trace() {
    let capture = Capture::new();
    capture.run(|| {
        Component::pipeline("Docs").in_span("run", || {
            let span = tracer().tool_span("old").start();
            span.finish();
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { tool "old" } });
    let spans = capture.spans();
    assert_eq!(spans.only("old").trace_id(), spans.only("Docs").trace_id());
}

#[test]
fn g80_new_style_inside_old_style_is_one_trace() {
    let capture = Capture::new();
    capture.run(|| {
        let span = tracer().pipeline_span("old").start();
        span.in_span(|| {
            Component::agent("Writer").in_span("run", || {
                tracer().llm_span("gpt").in_span(|| ());
            });
        });
        span.set_status(Status::Ok).finish();
    });
    assert_span_tree!(capture, { pipeline "old" { agent "Writer" { llm "gpt" } } });
}

#[tokio::test]
async fn g80_styles_mix_in_futures_too() {
    let capture = Capture::new();
    let work = async {
        let span = tracer().tool_span("old").start();
        let inner = Component::agent("Writer");
        span.in_span(inner.in_span("run", yield_now())).await;
        span.finish();
    };
    capture.run_async(trace("new").in_span(work)).await;
    assert_span_tree!(capture, { trace "new" { tool "old" { agent "Writer" } } });
}

#[test]
fn g81_an_explicit_trace_id_is_honoured() {
    let capture = Capture::new();
    let id = TraceId::random();
    capture.run(|| {
        tracer().span("alone").trace_id(id).in_span(|| Component::tool("in").in_span("run", || ()));
        trace("elsewhere").in_span(|| tracer().span("inside").trace_id(id).in_span(|| ()));
    });
    let spans = capture.spans();
    for name in ["alone", "in", "inside"] {
        assert_eq!(spans.only(name).trace_id(), id, "{name}");
    }
    assert_span_tree!(spans, {
        custom "alone" { tool "in" }
        trace "elsewhere"
        custom "inside"
    });
}

#[test]
fn g81_explicit_ids_of_a_parent_are_honoured() {
    let capture = Capture::new();
    let parent = SpanContext::new(TraceId::random(), SpanId::random());
    capture.run(|| {
        tracer().span("by ids").remote_parent(parent.clone()).in_span(|| ());
        tracer().span("by context").parent(Context::remote(parent.clone())).in_span(|| ());
    });
    let spans = capture.spans();
    for name in ["by ids", "by context"] {
        assert_eq!(spans.only(name).trace_id(), parent.trace_id());
        assert_eq!(spans.only(name).parent_id(), parent.span_id());
    }
}

#[test]
fn g81_a_parent_beats_a_trace_id_whatever_their_order() {
    let capture = Capture::new();
    capture.run(|| {
        let parent = tracer().start_span("parent");
        let id = TraceId::random();
        tracer().span("first").parent(parent.context()).trace_id(id).in_span(|| ());
        tracer().span("second").trace_id(id).parent(parent.context()).in_span(|| ());
    });
    assert_span_tree!(capture, {
        custom "parent" [status = unset] { custom "first" custom "second" }
    });
}

#[test]
fn n1_where_nothing_is_recorded_a_manual_span_does_nothing() {
    let off = TracerProvider::builder().enabled(false).build();
    let span = off.tracer().start_span("unseen");
    span.set_attribute("a", 1).set_status(Status::Ok);
    assert_eq!(span.in_span(|| 3), 3);
    assert_eq!(span.in_span(async { 4 }).now_or_never(), Some(4));
    assert_eq!((span.span_id(), span.trace_id(), span.parent_id()), (None, None, None));
    assert!(span.span().is_none() && !span.is_recording());
    span.finish();
    span.finish();
}

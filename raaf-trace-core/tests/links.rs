//! Links, scores, and what can be said of a span after it started.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use raaf_testkit::Capture;
use raaf_trace_core::span::{Record, append_line};
use raaf_trace_core::{
    Component, FinishedSpan, Kind, MemoryExporter, Redactor, Sampler, SpanContext, SpanId,
    SpanProcessor, Status, TraceId, Traceable as _, TracerProvider,
    attributes::SpanLimits,
    current_span, keys,
    propagation::TraceState,
    sink::SimpleProcessor,
    span::{Score, StartedSpan},
    tracer,
};
use serde_json::{Value as Json, json};

fn other(number: u64) -> SpanContext {
    SpanContext::new(TraceId::from_u128(7).unwrap(), SpanId::from_u64(number).unwrap())
}

fn elsewhere() -> SpanContext {
    other(8)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The only span that `work` makes, in a trace with these limits.
fn only_span(limits: SpanLimits, work: impl FnOnce()) -> FinishedSpan {
    let memory = MemoryExporter::new();
    let provider =
        TracerProvider::builder().limits(limits).with(SimpleProcessor::new(memory.clone())).build();
    provider.run(work);
    let mut spans = memory.take();
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}

#[test]
fn links_of_builder_span_and_handle_are_kept_in_order() {
    let others: Vec<_> = (1..=3).map(other).collect();
    let span = only_span(SpanLimits::default(), || {
        let span = tracer()
            .span("batch")
            .link(others[0].clone(), |attributes| {
                attributes.set("message", 1);
            })
            .start();
        span.add_link(others[1].clone(), |_| {});
        span.span().unwrap().add_link(others[2].clone(), |_| {});
    });
    let linked: Vec<_> = span.links().map(|link| link.context().clone()).collect();
    assert_eq!(linked, others);
    assert_eq!(span.links().next().unwrap().attributes().get("message"), Some(1.into()));
    assert_eq!(span.dropped_links(), 0);
}

#[test]
fn a2_links_beyond_the_limit_are_counted_wherever_they_are_added() {
    let limits = SpanLimits::default().with_max_links(3);
    let span = only_span(limits, || {
        let mut builder = tracer().span("batch");
        for _ in 0..4 {
            builder = builder.link(elsewhere(), |_| {});
        }
        let span = builder.start();
        span.add_link(elsewhere(), |_| {}).add_link(elsewhere(), |_| {});
    });
    assert_eq!((span.links().len(), span.dropped_links()), (3, 3));
}

#[test]
fn a4_a5_attributes_of_links_have_limits_and_no_secrets_and_no_content() {
    let fill = |attributes: &mut raaf_trace_core::Attributes| {
        attributes.set("api_key", "sk-1").set("long", "x".repeat(100)).set_content("prompt", "hi");
    };
    let limits = SpanLimits::default().with_content(false).with_max_value_bytes(30);
    let span = only_span(limits, || {
        tracer().span("batch").link(elsewhere(), fill).start().add_link(elsewhere(), fill);
    });
    assert_eq!(span.links().len(), 2);
    for link in span.links() {
        let attributes = link.attributes();
        assert_eq!(attributes.get("api_key"), Some("[REDACTED]".into()));
        assert_eq!(attributes.get("prompt"), None);
        assert!(attributes.get("long").unwrap().as_str().unwrap().len() <= 30);
        assert_eq!(attributes.losses().content_left_out, 1);
        assert_eq!(attributes.losses().cut_values, 1);
    }

    let built = FinishedSpan::builder("tool", "T").link(elsewhere(), fill).build();
    let attributes = |span: &FinishedSpan| span.links().next().unwrap().attributes().clone();
    assert_eq!(attributes(&built).get("api_key"), Some("sk-1".into()));
    let redacted = attributes(&built.redacted(&Redactor::default()));
    assert_eq!(redacted.get("api_key"), Some("[REDACTED]".into()));
    assert_eq!(attributes(&built.without_content()).get("prompt"), None);
}

#[test]
fn links_survive_the_line_format() {
    let stated = elsewhere().with_sampled(false).with_trace_state(TraceState::parse("a=1"));
    let span = FinishedSpan::builder("tool", "T")
        .link(stated.clone(), |attributes| {
            attributes.set("rank", 0.5);
        })
        .link(SpanContext::of_trace(stated.trace_id()), |_| {})
        .dropped_links(2)
        .build();
    let mut line = Vec::new();
    append_line(&span, &mut line).unwrap();

    let object: Json = serde_json::from_slice(&line).unwrap();
    let trace_id = "trace_00000000000000000000000000000007";
    assert_eq!(
        object["links"],
        json!([
            {
                "trace_id": trace_id,
                "span_id": "span_0000000000000008",
                "sampled": false,
                "tracestate": "a=1",
                "attributes": { "rank": 0.5 },
            },
            { "trace_id": trace_id, "span_id": null, "attributes": {} },
        ])
    );
    assert_eq!(object["lost"], json!({ "dropped_links": 2 }));

    let read = Record::parse(line.trim_ascii_end()).unwrap().unwrap().into_span().unwrap();
    let contexts = |span: &FinishedSpan| -> Vec<_> {
        span.links().map(|link| link.context().clone()).collect()
    };
    assert_eq!(contexts(&read), contexts(&span));
    assert_eq!(read.links().next().unwrap().attributes().get("rank"), Some(0.5.into()));
    assert_eq!(read.dropped_links(), 2);
}

#[test]
fn a_line_of_a_span_without_links_says_nothing_of_them() {
    let mut line = Vec::new();
    append_line(&FinishedSpan::builder("tool", "T").build(), &mut line).unwrap();
    let object: Json = serde_json::from_slice(&line).unwrap();
    assert_eq!((object.get("links"), object.get("lost")), (None, None));
}

#[test]
fn a_span_starts_and_ends_at_the_times_given() {
    let span = only_span(SpanLimits::default(), || {
        let span = tracer().span("import").start_time(at(100)).start();
        assert_eq!(span.span().unwrap().start_time(), at(100));
        span.finish_at(at(103));
    });
    assert_eq!((span.start_time(), span.end_time()), (at(100), at(103)));
    assert_eq!(span.duration(), Duration::from_secs(3));
}

#[test]
fn an_end_before_the_start_becomes_the_start() {
    let span = only_span(SpanLimits::default(), || {
        tracer().span("import").start_time(at(100)).start().finish_at(at(99));
    });
    assert_eq!((span.start_time(), span.end_time()), (at(100), at(100)));
    let span = only_span(SpanLimits::default(), || tracer().start_span("now").finish_at(at(99)));
    assert_eq!(span.end_time(), span.start_time());
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    let span = only_span(SpanLimits::default(), || {
        tracer().span("planned").start_time(tomorrow).start().finish();
    });
    assert_eq!(span.end_time(), span.start_time());
}

#[test]
fn l4_the_first_end_stays() {
    let span = only_span(SpanLimits::default(), || {
        let span = tracer().span("import").start_time(at(100)).start();
        let handle = span.span().unwrap().clone();
        span.finish_at(at(101));
        span.finish_at(at(105));
        span.finish();
        handle.set_kind("late").add_link(elsewhere(), |_| {});
    });
    assert_eq!(span.end_time(), at(101));
    assert_eq!((span.kind(), span.links().len()), (&Kind::Custom, 0));
}

#[test]
fn kind_names_and_method_can_be_set_until_the_end() {
    let mut seen = None;
    let span = only_span(SpanLimits::default(), || {
        let span = tracer().custom_span("unknown").start();
        span.set_kind("llm").set_component_name("small-model").set_method("chat");
        let handle = span.span().unwrap();
        assert_eq!(handle.name(), "run.workflow.llm.small-model.chat");
        assert_eq!(handle.kind(), Kind::Llm);
        assert_eq!((&*handle.component_name(), &*handle.method()), ("small-model", "chat"));
        seen = Some(handle.clone());
    });
    assert_eq!(span.name(), "run.workflow.llm.small-model.chat");
    assert_eq!(span.kind(), &Kind::Llm);
    assert_eq!((span.component_name(), span.method()), ("small-model", "chat"));
    assert_eq!(span.attributes().get(keys::COMPONENT_TYPE), Some("llm".into()));
    assert_eq!(span.attributes().get(keys::COMPONENT_NAME), Some("small-model".into()));
    // A handle goes on to show what the span was in the end.
    assert_eq!(seen.unwrap().kind(), Kind::Llm);
}

#[test]
fn a_name_of_its_own_comes_before_the_pattern() {
    let span = only_span(SpanLimits::default(), || {
        Component::tool("Search").in_span("run", || {
            current_span().unwrap().set_name("GET /search").set_kind("http");
        });
    });
    assert_eq!((&*span.name(), span.kind().as_str()), ("GET /search", "http"));
    assert_eq!((span.component_name(), span.status()), ("Search", Status::Ok));
}

#[test]
fn processors_see_the_start_as_it_was() {
    struct Check;
    impl SpanProcessor for Check {
        fn on_start(&self, span: &mut StartedSpan) {
            let kind = span.kind().to_string();
            let start = span.start_time() == at(100);
            span.set_attribute("kind at start", kind).set_attribute("start given", start);
        }
    }
    let memory = MemoryExporter::new();
    let provider =
        TracerProvider::builder().with(Check).with(SimpleProcessor::new(memory.clone())).build();
    let span = provider.tracer().tool_span("T").start_time(at(100)).start();
    span.set_kind("agent").finish();
    let span = memory.take().remove(0);
    assert_eq!(span.kind(), &Kind::Agent);
    assert_eq!(span.attributes().get("kind at start"), Some("tool".into()));
    assert_eq!(span.attributes().get("start given"), Some(true.into()));
}

#[test]
fn a_span_has_nothing_of_the_one_before_it() {
    let capture = Capture::new();
    capture.run(|| {
        for round in 0..3 {
            let span = tracer().span("import").start_time(at(100)).start();
            span.set_kind("job").set_name("first").add_link(elsewhere(), |_| {});
            let held = (round == 1).then(|| span.span().cloned());
            span.finish();
            drop((span, held));
            Component::tool("Next").in_span("run", || ());
        }
    });
    let spans = capture.spans();
    for span in spans.iter().filter(|span| span.component_name() == "Next") {
        assert_eq!((&*span.name(), span.kind()), ("run.workflow.tool.Next", &Kind::Tool));
        assert_eq!(span.links().len(), 0);
        assert!(span.start_time() > at(100));
    }
}

#[test]
fn a_span_has_nothing_of_an_unsampled_one_before_it() {
    let unsampled = TracerProvider::builder().sampler(Sampler::never()).build();
    let capture = Capture::new();
    let agent = Component::agent("Quiet");
    unsampled.run(|| {
        let span = tracer().span("quiet").link(elsewhere(), |_| {}).start_time(at(100)).start();
        span.set_kind("job").set_status(Status::Error).add_link(elsewhere(), |_| {});
        span.record_error(&std::io::Error::other("quiet"));
        span.set_attribute("error", "quiet");
        span.finish();
        drop(span);
        let failed = agent.in_span("run", || {
            agent.try_in_span("run", || Err::<(), _>(std::io::Error::other("quiet"))).is_err()
        });
        assert!(failed);
    });
    capture.run(|| (0..3).map(|_| tracer().start_span("loud")).collect::<Vec<_>>());
    for span in &capture.spans() {
        assert_eq!((span.status(), span.kind()), (Status::Unset, &Kind::Custom));
        assert!(span.error().is_none());
        assert_eq!((span.events().len(), span.links().len()), (0, 0));
        assert!(span.start_time() > at(100));
    }
}

#[test]
fn a_score_is_an_event_by_opentelemetrys_names() {
    let span = only_span(SpanLimits::default(), || {
        let score = Score::new("relevance").value(0.9).label("pass").explanation("on topic");
        tracer().agent_span("A").start().add_score(score).add_score(Score::new("empty"));
    });
    let events: Vec<_> = span.events().collect();
    assert_eq!(events[0].name(), "gen_ai.evaluation.result");
    let score = events[0].attributes();
    assert_eq!(score.get("gen_ai.evaluation.name"), Some("relevance".into()));
    assert_eq!(score.get("gen_ai.evaluation.score.value"), Some(0.9.into()));
    assert_eq!(score.get("gen_ai.evaluation.score.label"), Some("pass".into()));
    assert_eq!(score.get("gen_ai.evaluation.explanation"), Some("on topic".into()));
    assert_eq!(events[1].attributes().len(), 1);
}

#[test]
fn a5_the_explanation_of_a_score_is_content() {
    let span = only_span(SpanLimits::default().with_content(false), || {
        tracer().agent_span("A").start().add_score(Score::new("tone").explanation("rude: …"));
    });
    let score = span.events().next().unwrap().attributes();
    assert_eq!(score.get(keys::GEN_AI_EVALUATION_NAME), Some("tone".into()));
    assert_eq!(score.get(keys::GEN_AI_EVALUATION_EXPLANATION), None);
    assert_eq!(score.losses().content_left_out, 1);
}

#[test]
fn an_ended_span_is_scored_by_a_span_that_links_to_it() {
    let span = only_span(SpanLimits::default(), || {
        tracer().score(elsewhere(), Score::new("helpfulness").label("good"));
    });
    assert_eq!((span.kind().as_str(), span.component_name()), ("evaluator", "helpfulness"));
    assert_eq!(span.status(), Status::Ok);
    assert_eq!(span.links().next().unwrap().context(), &elsewhere());
    assert_eq!(span.events().next().unwrap().name(), Score::EVENT);
}

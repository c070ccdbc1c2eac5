//! The `otlp` sink: what it sends reads back as what was traced.

#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use std::{
    io::Read as _,
    time::{Duration, UNIX_EPOCH},
};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value as Any,
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;
use raaf_processors::{OtlpBuilder, OtlpNames, OtlpSink};
use raaf_testkit::{assert_coherent, assert_span_tree, read};
use raaf_trace_core::{
    FinishedSpan, Kind, SpanContext, SpanExporter as _, SpanId, Status, TraceId, TracerProvider,
    environment::Environment, keys, propagation::TraceState, trace,
};
use serde_json::json;

use server::{Answer, Request, Server};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

fn taking() -> Server {
    Server::start(Answer::status(200))
}

fn message(request: &Request) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(&*request.body).unwrap()
}

/// A span as it is sent.
fn sent(span: FinishedSpan) -> Span {
    let server = taking();
    let sink = OtlpSink::builder().endpoint(server.url()).build().unwrap();
    sink.export(&[span]).unwrap();
    let mut request = message(&server.requests()[0]);
    request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0)
}

fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a Any> {
    let mut found = span.attributes.iter().filter(|pair| pair.key == key);
    let value = found.next()?.value.as_ref()?.value.as_ref();
    assert!(found.next().is_none(), "{key} is there twice");
    value
}

fn text<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    match attribute(span, key)? {
        Any::StringValue(text) => Some(text),
        _ => Some("no text at all"),
    }
}

#[test]
fn a_workflow_reads_back_as_it_was_traced() {
    let server = taking();
    let sink = OtlpSink::builder().endpoint(server.url()).build().unwrap();
    let provider = TracerProvider::builder().with(sink).build();
    provider.run(|| {
        trace("nightly").group_id("conversation-17").in_span(|| {
            let tracer = provider.tracer();
            tracer.pipeline_span("Report").in_span(|| {
                let agent = tracer.agent_span("Planner").with(keys::AGENT_MODEL, "gpt-5");
                agent.in_span(|| {
                    let call = tracer.llm_span("gpt-5");
                    call.with(keys::GEN_AI_USAGE_INPUT_TOKENS, 7).in_span(|| ());
                    let _: Result<(), _> = tracer.tool_span("search").try_in_span(|| Err("no net"));
                });
            });
        });
    });
    provider.shutdown(LONG).unwrap();

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("content-type"), Some("application/x-protobuf"));
    assert!(requests[0].head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", requests[0].head);
    let read = read::otlp(&requests[0].body).unwrap();
    assert_coherent!(read);
    assert_span_tree!(read, {
        trace "nightly" [ok] {
            pipeline "Report" [
                ok,
                "openinference.span.kind" = "CHAIN",
                "gen_ai.operation.name" = "invoke_workflow",
                "gen_ai.agent.name" = "Report",
                !"gen_ai.workflow.name"
            ] {
                agent "Planner" [
                    "gen_ai.operation.name" = "invoke_agent",
                    "gen_ai.agent.name" = "Planner",
                    "gen_ai.request.model" = "gpt-5",
                    "openinference.span.kind" = "AGENT"
                ] {
                    llm "gpt-5" [
                        ok,
                        "gen_ai.operation.name" = "chat",
                        "gen_ai.request.model" = "gpt-5",
                        "gen_ai.usage.input_tokens" = 7
                    ]
                    tool "search" [
                        status = error,
                        "error.type" = "&str",
                        "error.message" = "no net",
                        "gen_ai.operation.name" = "execute_tool",
                        "gen_ai.tool.name" = "search",
                        event "exception" ["exception.message" = "no net"]
                    ]
                }
            }
        }
    });
    for span in read.as_written() {
        assert_eq!(span.trace().workflow_name(), Some("nightly"));
        assert_eq!(span.trace().group_id(), Some("conversation-17"));
        assert!(!span.name().starts_with("run.workflow."), "{}", span.name());
    }
}

#[test]
fn ids_times_flags_and_state_are_those_of_the_span() {
    let (trace, parent) = (TraceId::random(), SpanId::random());
    let span = FinishedSpan::builder(Kind::Llm, "gpt-5")
        .trace_id(trace)
        .parent_id(parent)
        .local_root(true)
        .start(UNIX_EPOCH + Duration::from_nanos(1_500))
        .lasting(Duration::from_nanos(500))
        .trace_state(TraceState::parse("a=1,b=2"))
        .dropped_events(3)
        .build();
    let (id, wire) = (span.span_id(), sent(span));
    assert_eq!(wire.trace_id, trace.to_bytes());
    assert_eq!(
        (wire.span_id, wire.parent_span_id),
        (id.to_bytes().into(), parent.to_bytes().into())
    );
    assert_eq!((wire.start_time_unix_nano, wire.end_time_unix_nano), (1_500, 2_000));
    assert_eq!((wire.trace_state.as_str(), wire.flags), ("a=1,b=2", 0x301));
    assert_eq!((wire.kind, wire.dropped_events_count), (SpanKind::Client.into(), 3));

    let root = FinishedSpan::builder(Kind::Agent, "Planner").build();
    let child = sent(FinishedSpan::builder(Kind::Tool, "t").child_of(&root).build());
    assert_eq!((child.flags, child.kind), (0x101, SpanKind::Internal.into()));
    let root = sent(root);
    assert_eq!((root.flags, root.parent_span_id.len()), (0x101, 0));
}

#[test]
fn links_are_those_of_the_span() {
    let (trace, id) = (TraceId::random(), SpanId::random());
    let state = TraceState::parse("a=1");
    let to = SpanContext::new(trace, id).with_sampled(true).with_trace_state(state);
    let span = FinishedSpan::builder(Kind::Agent, "Planner")
        .link(to, |attributes| {
            attributes.set("why", "resumed");
        })
        .link(SpanContext::of_trace(trace), |_| {})
        .dropped_links(2)
        .build();
    let wire = sent(span);
    assert_eq!((wire.links.len(), wire.dropped_links_count), (2, 2));
    let [link, other] = &wire.links[..] else { unreachable!("there are two") };
    assert_eq!(
        (&link.trace_id[..], &link.span_id[..]),
        (&trace.to_bytes()[..], &id.to_bytes()[..])
    );
    assert_eq!((link.trace_state.as_str(), link.flags), ("a=1", 1));
    assert_eq!((&*link.attributes[0].key, link.attributes.len()), ("why", 1));
    assert_eq!((&other.trace_id[..], other.span_id.len()), (&trace.to_bytes()[..], 0));
}

#[test]
fn every_status_reads_back() {
    for status in [Status::Unset, Status::Ok, Status::Error, Status::Cancelled, Status::Stale] {
        let server = taking();
        let sink = OtlpSink::builder().endpoint(server.url()).build().unwrap();
        sink.export(&[FinishedSpan::builder(Kind::Job, "j").status(status).build()]).unwrap();
        let read = read::otlp(&server.requests()[0].body).unwrap();
        assert_eq!(read.spans().only("j").status(), status);
    }
}

#[test]
fn agents_tools_and_model_calls_say_what_went_in_and_out() {
    let agent = FinishedSpan::builder(Kind::Agent, "Planner")
        .attribute(keys::INPUT, "plan a trip")
        .attribute(keys::OUTPUT, raaf_trace_core::Value::json(&json!({"days": 3})));
    let agent = sent(agent.build());
    assert_eq!(text(&agent, "input.value"), Some("plan a trip"));
    assert_eq!(text(&agent, "input.mime_type"), Some("text/plain"));
    assert_eq!(text(&agent, "output.value"), Some(r#"{"days":3}"#));
    assert_eq!(text(&agent, "output.mime_type"), Some("application/json"));

    let arguments = raaf_trace_core::Value::json(&json!({"city": "Oslo"}));
    let tool = FinishedSpan::builder(Kind::Tool, "weather")
        .attribute(keys::TOOL_ARGUMENTS, arguments)
        .attribute(keys::TOOL_RESULT, "rain")
        .attribute(keys::TOOL_CALL_ID, "call_1");
    let tool = sent(tool.build());
    for key in ["gen_ai.tool.call.arguments", "input.value"] {
        assert_eq!(text(&tool, key), Some(r#"{"city":"Oslo"}"#));
    }
    for key in ["gen_ai.tool.call.result", "output.value"] {
        assert_eq!(text(&tool, key), Some("rain"));
    }
    assert_eq!(text(&tool, "gen_ai.tool.call.id"), Some("call_1"));
    assert_eq!(text(&tool, keys::TOOL_ARGUMENTS), None);

    let messages = json!([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]);
    let call = FinishedSpan::builder(Kind::Llm, "gpt-5")
        .attribute(keys::GEN_AI_INPUT_MESSAGES, raaf_trace_core::Value::json(&messages))
        .attribute(keys::GEN_AI_SYSTEM_INSTRUCTIONS, "Be brief.")
        .attribute(keys::GEN_AI_RESPONSE_FINISH_REASONS, ["stop"]);
    let call = sent(call.build());
    assert_eq!(text(&call, keys::GEN_AI_INPUT_MESSAGES), Some(&*messages.to_string()));
    let instructions = text(&call, keys::GEN_AI_SYSTEM_INSTRUCTIONS).unwrap_or_default();
    let instructions: serde_json::Value = serde_json::from_str(instructions).unwrap();
    assert_eq!(instructions, json!([{"type": "text", "content": "Be brief."}]));
    assert!(matches!(
        attribute(&call, keys::GEN_AI_RESPONSE_FINISH_REASONS),
        Some(Any::ArrayValue(list)) if list.values.len() == 1
    ));
    assert_eq!(text(&call, "openinference.span.kind"), None);
}

#[test]
fn what_was_set_by_hand_is_not_overwritten() {
    let tool = FinishedSpan::builder(Kind::Tool, "t")
        .attribute(keys::TOOL_NAME, "ours")
        .attribute("gen_ai.tool.name", "theirs")
        .attribute(keys::TOOL_ARGUMENTS, "ours")
        .attribute("input.value", "theirs")
        .attribute(keys::GEN_AI_OPERATION_NAME, "search");
    let tool = sent(tool.build());
    assert_eq!(text(&tool, "gen_ai.tool.name"), Some("theirs"));
    assert_eq!(text(&tool, "input.value"), Some("theirs"));
    assert_eq!(text(&tool, "input.mime_type"), None);
    assert_eq!(text(&tool, keys::GEN_AI_OPERATION_NAME), Some("search"));
    let job =
        FinishedSpan::builder(Kind::Job, "j").attribute("openinference.span.kind", "EVALUATOR");
    assert_eq!(text(&sent(job.build()), "openinference.span.kind"), Some("EVALUATOR"));
}

#[test]
fn what_status_and_default_say_is_not_said_again() {
    let tool = FinishedSpan::builder(Kind::Tool, "t").status(Status::Ok);
    let plain = sent(tool.clone().build());
    assert_eq!(attribute(&plain, keys::RESULT_SUCCESS), None);
    assert_eq!(text(&plain, keys::COMPONENT_METHOD), None);
    assert_eq!(text(&sent(tool.method("look").build()), keys::COMPONENT_METHOD), Some("look"));
}

#[test]
fn metadata_is_said_once_by_the_root() {
    let root = FinishedSpan::builder(Kind::Trace, "nightly").metadata("tenant", 7);
    let root = sent(root.build());
    assert_eq!(text(&root, "metadata"), Some(r#"{"tenant":7}"#));
    let parent = FinishedSpan::builder(Kind::Trace, "nightly").build();
    let child = FinishedSpan::builder(Kind::Job, "j").metadata("tenant", 7).child_of(&parent);
    assert_eq!(text(&sent(child.build()), "metadata"), None);
}

#[test]
fn names_follow_the_conventions_unless_the_spans_own_are_asked_for() {
    for (names, expected) in [
        (None, ["execute_tool search", "guardrail polite"]),
        (
            Some(OtlpNames::Component),
            ["run.workflow.tool.search.lookup", "run.workflow.guardrail.polite"],
        ),
    ] {
        let server = taking();
        let sink = OtlpSink::builder().endpoint(server.url());
        let sink = names.into_iter().fold(sink, OtlpBuilder::names).build().unwrap();
        let tool = FinishedSpan::builder(Kind::Tool, "search").method("lookup").build();
        let guardrail = FinishedSpan::builder(Kind::Guardrail, "polite").child_of(&tool).build();
        sink.export(&[guardrail, tool]).unwrap();
        let read = read::otlp(&server.requests()[0].body).unwrap();
        assert_eq!(["search", "polite"].map(|name| read.spans().only(name).name()), expected);
        assert_span_tree!(read, { tool "search".lookup { guardrail "polite" } });
    }
}

#[test]
fn the_environment_alone_is_enough() {
    let server = taking();
    let endpoint = format!("{}/below", server.url());
    let environment = Environment::from_pairs([
        ("RAAF_TRACE_PROCESSORS", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b,x-other=c"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_RESOURCE_ATTRIBUTES", "openinference.project.name=tills"),
        ("RAAF_TRACE_OTLP_NAMES", "component"),
    ]);
    let provider = TracerProvider::builder().environment(&environment).build().unwrap();
    provider.tracer().agent_span("Planner").in_span(|| ());
    provider.shutdown(LONG).unwrap();

    let request = &server.requests()[0];
    assert!(request.head.starts_with("POST /below/v1/traces HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("x-key"), Some("a b"));
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    let mut body = Vec::new();
    GzDecoder::new(&*request.body).read_to_end(&mut body).unwrap();
    let message = ExportTraceServiceRequest::decode(&*body).unwrap();
    let resource = message.resource_spans[0].resource.clone().unwrap();
    let said: Vec<String> = resource
        .attributes
        .iter()
        .map(|pair| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Any::StringValue(text)) => format!("{}={text}", pair.key),
            other => format!("{}: {other:?}", pair.key),
        })
        .collect();
    let version = concat!("telemetry.sdk.version=", env!("CARGO_PKG_VERSION"));
    for expected in [
        "service.name=shop",
        "openinference.project.name=tills",
        "telemetry.sdk.name=raaf",
        "telemetry.sdk.language=rust",
        version,
    ] {
        assert!(said.contains(&expected.to_owned()), "{said:?}");
    }
    let scope = &message.resource_spans[0].scope_spans[0];
    assert_eq!(scope.schema_url, "https://opentelemetry.io/schemas/gen-ai/0.1.0");
    let instrumentation = scope.scope.as_ref().unwrap();
    assert_eq!(instrumentation.name, "raaf-trace-core");
    assert_eq!(instrumentation.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(scope.spans[0].name, "run.workflow.agent.Planner");
}

#[test]
fn code_beats_the_environment() {
    let (server, other) = (taking(), taking());
    let environment = Environment::from_pairs([
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", other.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=theirs,b=theirs".to_owned()),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip".to_owned()),
    ]);
    let sink = OtlpSink::builder()
        .traces_endpoint(format!("{}/exactly", server.url()))
        .header("A", "ours")
        .gzip(false)
        .environment(&environment)
        .unwrap()
        .build()
        .unwrap();
    sink.export(&[FinishedSpan::builder(Kind::Job, "j").build()]).unwrap();
    let request = &server.requests()[0];
    assert!(request.head.starts_with("POST /exactly HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!((request.header("a"), request.header("b")), (Some("ours"), Some("theirs")));
    assert_eq!(request.header("content-encoding"), None);
    assert!(other.requests().is_empty());
}

#[test]
fn what_cannot_be_sent_with_is_named_and_no_secret_is() {
    let error = OtlpSink::builder().endpoint("localhost:4318").build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the endpoint is `localhost:4318`; expected an address such as http://localhost:4318, \
         without a user; send keys in headers"
    );
    let error = OtlpSink::builder().header("x key", "sk-1").build().unwrap_err();
    assert!(error.to_string().starts_with("the header `x key` cannot be sent"), "{error:?}");
    let error = OtlpSink::builder().header("x-key", "sk-1\n").build().unwrap_err();
    assert!(!format!("{error:?} {error}").contains("sk-1"), "{error:?}");
    for (name, value) in [("authorization", "Bearer té"), ("x-key", "é"), ("content-length", "1")]
    {
        let error = OtlpSink::builder().header(name, value).build().unwrap_err();
        let expected = format!("the header `{name}` cannot be sent");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }

    let builder = OtlpSink::builder().endpoint("http://host/tok-2?key=k3").header("x-key", "sk-1");
    let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    for secret in ["sk-1", "tok-2", "k3"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("x-key") && shown.contains("http://host"), "{shown}");
}

#[test]
fn g17_a_failure_shows_its_cause_in_the_status_and_in_the_exception() {
    #[derive(Debug, thiserror::Error)]
    #[error("`get_weather` failed")]
    struct Failed(#[source] Flooded);
    #[derive(Debug, thiserror::Error)]
    #[error("Venice is\nunder water\n")]
    struct Flooded;

    for content in [true, false] {
        let server = taking();
        let sink = OtlpSink::builder().endpoint(server.url()).build().unwrap();
        let provider = TracerProvider::builder().with(sink).include_sensitive_data(content).build();
        let tool = provider.tracer().tool_span("get_weather");
        tool.try_in_span(|| Err::<(), _>(Failed(Flooded))).unwrap_err();
        provider.shutdown(LONG).unwrap();

        let request = message(&server.requests()[0]);
        let span = &request.resource_spans[0].scope_spans[0].spans[0];
        let status = span.status.as_ref().unwrap().message.as_str();
        let exception = &span.events[0].attributes;
        let said = |key: &str| exception.iter().find(|pair| pair.key == key);
        let said = |key: &str| match said(key)?.value.as_ref()?.value.as_ref()? {
            Any::StringValue(text) => Some(text.as_str()),
            _ => None,
        };
        assert_eq!(text(span, "error.type"), Some("Failed"));
        assert_eq!(text(span, "error.message"), content.then_some("`get_weather` failed"));
        assert_eq!(said("exception.type"), Some("Failed"));
        let whole = "`get_weather` failed: Venice is\nunder water\n";
        assert_eq!(said("exception.message"), content.then_some(whole));
        let line = "`get_weather` failed: Venice is under water";
        assert_eq!(status, if content { line } else { "" });
    }
}

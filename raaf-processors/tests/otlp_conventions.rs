//! The `otlp` sink follows the conventions for generative AI, and `OpenInference`'s kinds.

#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use std::time::Duration;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{Span, span::SpanKind},
};
use prost::Message as _;
use raaf_processors::{OtlpBuilder, OtlpSink};
use raaf_testkit::read;
use raaf_trace_core::{
    Context, FinishedSpan, Kind, MemoryExporter, SpanExporter as _, Status, TracerProvider, Value,
    environment::Environment, keys, propagation::Baggage, trace,
};
use serde_json::{Value as Json, json};
use server::{Answer, Server};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

fn sink(server: &Server) -> OtlpSink {
    OtlpSink::builder().endpoint(server.url()).build().unwrap()
}

/// Spans as they were sent, with their attributes as JSON.
fn received(server: &Server) -> Vec<(Span, Json)> {
    let bodies = server.requests().into_iter().map(|request| request.body);
    let spans = bodies.flat_map(|body| {
        let read = read::otlp(&body).unwrap();
        let request = ExportTraceServiceRequest::decode(&*body).unwrap();
        let resources = request.resource_spans.into_iter();
        let spans =
            resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans);
        let attributes: Vec<_> =
            read.as_written().iter().map(|span| json!(span.attributes().stored())).collect();
        spans.zip(attributes).collect::<Vec<_>>()
    });
    spans.collect()
}

fn sent(span: FinishedSpan) -> (Span, Json) {
    let server = Server::start(Answer::status(200));
    sink(&server).export(&[span]).unwrap();
    received(&server).remove(0)
}

#[test]
fn each_kind_has_its_operation_and_its_openinference_kind() {
    let (client, internal) = (SpanKind::Client, SpanKind::Internal);
    for (kind, operation, inference, expected) in [
        ("agent", Some("invoke_agent"), Some("AGENT"), internal),
        ("pipeline", Some("invoke_workflow"), Some("CHAIN"), internal),
        ("trace", Some("invoke_workflow"), Some("CHAIN"), internal),
        ("runner", Some("invoke_workflow"), Some("CHAIN"), internal),
        ("tool", Some("execute_tool"), Some("TOOL"), internal),
        ("llm", Some("chat"), None, client),
        ("response", Some("chat"), None, client),
        ("embedding", Some("embeddings"), Some("EMBEDDING"), client),
        ("retriever", Some("retrieval"), Some("RETRIEVER"), internal),
        ("reranker", None, Some("RERANKER"), internal),
        ("evaluator", None, Some("EVALUATOR"), internal),
        ("guardrail", None, Some("GUARDRAIL"), internal),
        ("transcription", None, Some("LLM"), client),
        ("mcp_list_tools", None, Some("CHAIN"), client),
        ("handoff", None, Some("CHAIN"), internal),
        ("anything", None, Some("CHAIN"), internal),
    ] {
        let (span, said) = sent(FinishedSpan::builder(Kind::from(kind), "c").build());
        assert_eq!(said["gen_ai.operation.name"].as_str(), operation, "{kind}");
        assert_eq!(said["openinference.span.kind"].as_str(), inference, "{kind}");
        assert_eq!(span.kind(), expected, "{kind}");
    }
}

#[test]
fn agents_and_workflows_have_a_name_and_no_id_of_the_conventions() {
    let agent = FinishedSpan::builder(Kind::Agent, "Planner").attribute(keys::AGENT_ID, "7");
    let pipeline = FinishedSpan::builder(Kind::Pipeline, "p")
        .attribute(keys::PIPELINE_NAME, "Report")
        .workflow_name("nightly");
    for (span, name) in [(agent, "Planner"), (pipeline, "Report")] {
        let (_, said) = sent(span.build());
        assert_eq!(said["gen_ai.agent.name"], name);
        for key in ["gen_ai.agent.id", "gen_ai.workflow.name", "pipeline.name"] {
            assert_eq!(said[key], Json::Null, "{key}");
        }
    }
}

#[test]
fn a_model_call_without_an_answer_finished_with_error() {
    let call = |status| FinishedSpan::builder(Kind::Llm, "gpt-5").status(status);
    for status in [Status::Error, Status::Cancelled, Status::Stale] {
        let (_, said) = sent(call(status).build());
        assert_eq!(said["gen_ai.response.finish_reasons"], json!(["error"]), "{status}");
    }
    assert_eq!(sent(call(Status::Ok).build()).1["gen_ai.response.finish_reasons"], Json::Null);
    let known = call(Status::Error).attribute(keys::GEN_AI_RESPONSE_FINISH_REASONS, ["length"]);
    assert_eq!(sent(known.build()).1["gen_ai.response.finish_reasons"], json!(["length"]));
    let tool = FinishedSpan::builder(Kind::Tool, "t").status(Status::Error);
    assert_eq!(sent(tool.build()).1["gen_ai.response.finish_reasons"], Json::Null);
}

#[test]
fn a_model_call_has_its_texts_for_lists_unless_the_backend_is_mlflow() {
    let text = |role: &str, text: &str| json!({"role": role, "parts": [{"type": "text", "content": text}]});
    let asked = json!([text("system", "Be brief."), text("user", "Why?")]);
    let call = FinishedSpan::builder(Kind::Llm, "gpt-5")
        .attribute(keys::GEN_AI_INPUT_MESSAGES, Value::json(&asked))
        .attribute(keys::GEN_AI_OUTPUT_MESSAGES, Value::json(&json!([text("assistant", "So.")])))
        .build();
    let texts = |builder: OtlpBuilder| {
        let server = Server::start(Answer::status(200));
        let sink = builder.endpoint(server.url()).build().unwrap();
        sink.export(std::slice::from_ref(&call)).unwrap();
        let (_, said) = received(&server).remove(0);
        assert_eq!(said["gen_ai.input.messages"], asked.to_string());
        [said["input.value"].clone(), said["output.value"].clone()]
    };
    let (shown, none) = ([json!("Why?"), json!("So.")], [Json::Null, Json::Null]);
    let mlflow = || OtlpSink::builder().header("x-mlflow-experiment-id", "0");
    let environment = Environment::from_pairs([("RAAF_TRACE_OTLP_MODEL_TEXTS", "false")]);
    assert_eq!(texts(OtlpSink::builder()), shown);
    assert_eq!(texts(OtlpSink::builder().environment(&environment).unwrap()), none);
    assert_eq!(texts(mlflow()), none);
    assert_eq!(texts(mlflow().model_texts(true)), shown);
}

#[test]
fn user_session_and_tags_of_a_workflow_are_on_each_span() {
    let server = Server::start(Answer::status(200));
    let provider = TracerProvider::builder().with(sink(&server)).build();
    let workflow = trace("order").user_id("user-7").session_id("s-1").tags(["beta", "eu"]);
    provider.run(|| {
        workflow.metadata("tenant", 7).in_span(|| provider.tracer().tool_span("t").in_span(|| ()));
    });
    provider.shutdown(LONG).unwrap();
    let spans = received(&server);
    assert_eq!(spans.len(), 2);
    for (span, said) in spans {
        assert_eq!(said["user.id"], "user-7", "{}", span.name);
        assert_eq!(said["session.id"], "s-1");
        assert_eq!(said["tag.tags"], json!(["beta", "eu"]));
        let metadata =
            if span.parent_span_id.is_empty() { json!("{\"tenant\":7}") } else { Json::Null };
        assert_eq!(said["metadata"], metadata);
    }
}

#[test]
fn release_and_environment_of_a_workflow_are_on_each_span_and_its_prompt_on_model_calls() {
    let said = |version: &str| {
        let server = Server::start(Answer::status(200));
        let provider = TracerProvider::builder().with(sink(&server)).build();
        let workflow = trace("order").release("1.4.0").environment("production");
        provider.run(|| {
            workflow.prompt("triage", version).in_span(|| {
                provider.tracer().llm_span("m").in_span(|| ());
                let own = provider.tracer().llm_span("m").with(keys::GEN_AI_PROMPT_NAME, "own");
                own.with(keys::GEN_AI_PROMPT_VERSION, 7).in_span(|| ());
            });
        });
        provider.shutdown(LONG).unwrap();
        received(&server).into_iter().map(|(_, said)| said).collect::<Vec<_>>()
    };
    let spans = said("3");
    for span in &spans {
        assert_eq!(span["service.version"], "1.4.0");
        assert_eq!(span["langfuse.release"], "1.4.0");
        assert_eq!(span["deployment.environment.name"], "production");
    }
    let prompt = |span: &Json| {
        [
            "gen_ai.prompt.name",
            "gen_ai.prompt.version",
            "llm.prompt_template.version",
            "langfuse.observation.prompt.name",
            "langfuse.observation.prompt.version",
        ]
        .map(|key| span[key].clone())
    };
    let [call, own, root] = &spans[..] else { unreachable!("{} spans", spans.len()) };
    assert_eq!(prompt(call), [json!("triage"), json!("3"), json!("3"), json!("triage"), json!(3)]);
    assert_eq!(prompt(own), [json!("own"), json!(7), json!(7), json!("own"), json!(7)]);
    let none = Json::Null;
    assert_eq!(prompt(root), [&none, &none, &none, &none, &none].map(Json::clone));
    assert_eq!(root["metadata"], none);

    // Langfuse refuses versions that are not numbers.
    let [_, version, _, name, number] = prompt(&said("v3")[0]);
    assert_eq!([version, name, number], [json!("v3"), none.clone(), none]);
}

#[test]
fn who_and_what_arrive_in_another_process_with_the_baggage() {
    let server = Server::start(Answer::status(200));
    let keys = [keys::USER_ID, keys::RELEASE, keys::ENVIRONMENT];
    let provider = TracerProvider::builder().with(sink(&server)).baggage_attributes(keys).build();
    let header = "user.id=user-7,service.version=1.4.0,deployment.environment.name=production";
    let context = Context::empty().with_baggage(Baggage::parse(header));
    provider.run(|| context.run(|| provider.tracer().tool_span("t").in_span(|| ())));
    provider.shutdown(LONG).unwrap();
    let (_, said) = received(&server).remove(0);
    assert_eq!(said["user.id"], "user-7");
    assert_eq!(said["langfuse.release"], "1.4.0");
    assert_eq!(said["deployment.environment.name"], "production");
}

#[test]
fn a_component_of_a_kind_of_opentelemetry_has_that_kind() {
    let server = Server::start(Answer::status(200));
    let provider = TracerProvider::builder().with(sink(&server)).build();
    for kind in ["server", "client", "producer", "consumer", "processor"] {
        provider.tracer().span("GET /orders/{id}").kind(kind).in_span(|| ());
    }
    let said = provider.tracer().span("GET /orders/{id}").with("otel.kind", "Server");
    said.in_span(|| ());
    provider.shutdown(LONG).unwrap();

    let spans = received(&server);
    let kinds: Vec<_> = spans.iter().map(|(span, _)| span.kind()).collect();
    let expected = [
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
        SpanKind::Internal,
        SpanKind::Server,
    ];
    assert_eq!(kinds, expected);
    assert!(spans.iter().all(|(span, _)| span.name == "GET /orders/{id}"));
}

#[test]
fn an_http_request_is_a_client_span_and_its_url_has_no_secrets() {
    let server = Server::start(Answer::status(200));
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(sink(&server)).with(memory.clone()).build();
    let url = "https://ann:pw@host/path?api_key=SECRET1&sig=SECRET2&page=3";
    provider.tracer().http_span("GET", url).in_span(|| ());
    provider.shutdown(LONG).unwrap();

    let (span, said) = received(&server).remove(0);
    assert_eq!((span.name.as_str(), span.kind()), ("GET", SpanKind::Client));
    let held = memory.spans().remove(0);
    let held = held.attributes().get(keys::URL).map(|value| value.to_string());
    for url in [said["url.full"].as_str().unwrap(), &held.unwrap()] {
        for secret in ["SECRET1", "SECRET2", "ann", "pw"] {
            assert!(!url.contains(secret), "{url}");
        }
        assert!(url.contains("host/path") && url.contains("page=3"), "{url}");
    }
}

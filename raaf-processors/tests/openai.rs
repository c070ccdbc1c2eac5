//! The openai sink: what it sends, and in how many requests.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "tests may fail")]

mod server;

use std::time::Duration;

use raaf_processors::{OpenAiBuilder, OpenAiSink};
use raaf_trace_core::{FinishedSpan, SpanExporter as _, SpanId, Status, TraceId, keys};
use serde_json::{Value as Json, json};
use server::{Answer, Request, Server};

const KEY: &str = "sk-test-not-a-real-key";
/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

fn sink(server: &Server) -> OpenAiBuilder {
    OpenAiSink::builder().api_key(KEY).base_url(server.url() + "/v1").timeout(LONG)
}

/// The items of a request.
fn items(request: &Request) -> Vec<Json> {
    request.json()["data"].as_array().unwrap().clone()
}

/// Returns the items sent for these spans.
fn sent(spans: &[FinishedSpan]) -> Vec<Json> {
    let server = Server::start(Answer::status(204));
    sink(&server).build().unwrap().export(spans).unwrap();
    server.requests().iter().flat_map(items).collect()
}

/// The data of one span.
fn data_of(span: &FinishedSpan) -> Json {
    let items = sent(std::slice::from_ref(span));
    assert_eq!(items.len(), 2, "{items:?}");
    items[1]["span_data"].clone()
}

fn ids(items: &[Json]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn a_request_has_the_path_and_the_headers_of_the_api() {
    let server = Server::start(Answer::status(204));
    let sink = sink(&server).organization("org-1").project("proj_1").build().unwrap();
    sink.export(&[FinishedSpan::builder("agent", "Planner").build()]).unwrap();
    let request = &server.requests()[0];
    assert!(request.head.starts_with("POST /v1/traces/ingest HTTP/1.1\r\n"), "{}", request.head);
    for (name, value) in [
        ("Authorization", "Bearer sk-test-not-a-real-key"),
        ("Content-Type", "application/json"),
        ("OpenAI-Beta", "traces=v1"),
        ("OpenAI-Organization", "org-1"),
        ("OpenAI-Project", "proj_1"),
    ] {
        assert_eq!(request.header(name), Some(value));
    }
}

#[test]
fn a_continued_trace_is_sent_by_the_process_in_which_it_began() {
    let remote = SpanId::from_u64(7).unwrap();
    let root = FinishedSpan::builder("tool", "Stock").parent_id(remote).local_root(true).build();
    let child = FinishedSpan::builder("tool", "Shelf").child_of(&root).build();
    let items = sent(&[child, root]);
    assert!(items.iter().all(|item| item["object"] == "trace.span"), "{items:?}");
    assert_eq!(items.len(), 2);
}

#[test]
fn a_blank_workflow_name_is_no_name() {
    let named = |workflow: &'static str, kind: &'static str| {
        let span = FinishedSpan::builder(kind, "Import").workflow_name(workflow).build();
        sent(&[span])[0]["workflow_name"].clone()
    };
    assert_eq!([named("", "pipeline"), named(" ", "runner")], ["Import", "Agent workflow"]);
}

#[test]
fn the_harness_of_a_trace_is_sent_with_each_span() {
    let span = FinishedSpan::builder("tool", "Search").metadata("agent_harness_id", "h1");
    let items = sent(&[span.metadata("tenant", "acme").build()]);
    assert_eq!(items[1]["metadata"], json!({"agent_harness_id": "h1"}));
}

#[test]
fn a_span_has_ids_times_and_a_trace() {
    let root = FinishedSpan::builder("pipeline", "Import")
        .trace_id(TraceId::from_u128(0xab).unwrap())
        .span_id(SpanId::from_u64(0xcd).unwrap())
        .group_id("chat_1")
        .metadata("attempt", 2)
        .build();
    let child = FinishedSpan::builder("guardrail", "no_pii").child_of(&root);
    let child = child.span_id(SpanId::from_u64(1).unwrap()).build();
    assert_eq!(
        json!(sent(&[child, root])),
        json!([
            {
                "object": "trace",
                "id": "trace_000000000000000000000000000000ab",
                "workflow_name": "Import",
                "group_id": "chat_1",
                "metadata": {"attempt": 2},
            },
            {
                "object": "trace.span",
                "id": "span_000000000000000000000001",
                "trace_id": "trace_000000000000000000000000000000ab",
                "parent_id": "span_0000000000000000000000cd",
                "started_at": "2026-01-01T00:00:00.000000+00:00",
                "ended_at": "2026-01-01T00:00:00.001000+00:00",
                "span_data": {"type": "guardrail", "name": "no_pii", "triggered": false},
                "error": null,
            },
            {
                "object": "trace.span",
                "id": "span_0000000000000000000000cd",
                "trace_id": "trace_000000000000000000000000000000ab",
                "parent_id": null,
                "started_at": "2026-01-01T00:00:00.000000+00:00",
                "ended_at": "2026-01-01T00:00:00.001000+00:00",
                "span_data": {
                    "type": "custom",
                    "name": "Import",
                    "data": {"component.type": "pipeline"},
                },
                "error": null,
            },
        ])
    );
}

#[test]
fn a_root_that_is_the_workflow_is_sent_as_the_trace_alone() {
    for kind in ["trace", "runner"] {
        let root = FinishedSpan::builder(kind, "Runner").workflow_name("nightly").build();
        let child = FinishedSpan::builder("agent", "Planner").child_of(&root).build();
        let inner = FinishedSpan::builder(kind, "inner").child_of(&child).build();
        let items = sent(&[inner, child, root]);
        assert_eq!(items.len(), 3, "{kind}: {items:?}");
        assert_eq!(
            (&items[0]["object"], &items[0]["workflow_name"]),
            (&json!("trace"), &json!("nightly"))
        );
        assert_eq!(items[1]["span_data"]["type"], "custom", "one inside is a span: {kind}");
        assert_eq!(items[1]["parent_id"], items[2]["id"]);
        assert_eq!(items[2]["parent_id"], Json::Null);
    }
}

#[test]
fn a_trace_without_a_name_is_called_after_its_root() {
    let name_of =
        |root: &FinishedSpan| sent(std::slice::from_ref(root))[0]["workflow_name"].clone();
    assert_eq!(name_of(&FinishedSpan::builder("agent", "Planner").build()), "Planner");
    assert_eq!(name_of(&FinishedSpan::builder("runner", "Runner").build()), "Agent workflow");
    let orphan = FinishedSpan::builder("agent", "A").parent_id(SpanId::random()).build();
    assert_eq!(name_of(&orphan), "Agent workflow");
}

#[test]
fn a_trace_is_sent_once_however_many_batches_it_has() {
    let server = Server::start(Answer::status(204));
    let sink = sink(&server).build().unwrap();
    let (one, other) =
        (FinishedSpan::builder("agent", "A").build(), FinishedSpan::builder("agent", "B").build());
    let child = |parent| FinishedSpan::builder("tool", "T").child_of(parent).build();
    sink.export(&[child(&one), child(&other), child(&one)]).unwrap();
    sink.export(&[one.clone(), other.clone()]).unwrap();
    let requests = server.requests();
    let objects = |request| -> Vec<String> {
        items(request).iter().map(|item| item["object"].as_str().unwrap().to_owned()).collect()
    };
    let (trace, span) = ("trace", "trace.span");
    assert_eq!(objects(&requests[0]), [trace, span, trace, span, span]);
    assert_eq!(objects(&requests[1]), [span, span]);
}

#[test]
fn a_batch_with_nothing_to_say_makes_no_request() {
    let server = Server::start(Answer::status(204));
    let sink = sink(&server).build().unwrap();
    let root = FinishedSpan::builder("trace", "w").build();
    sink.export(&[FinishedSpan::builder("agent", "A").child_of(&root).build()]).unwrap();
    sink.export(&[root]).unwrap();
    sink.export(&[]).unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn every_kind_has_its_form() {
    let span = |kind: &str| FinishedSpan::builder(kind, "it");
    for (span, expected) in [
        (
            span("agent").attribute(keys::AGENT_TOOLS, vec!["a"]),
            json!({"type": "agent", "name": "it", "handoffs": [], "tools": ["a"], "output_type": "str"}),
        ),
        (
            span("tool")
                .attribute(keys::TOOL_ARGUMENTS, json!({"n": 1}))
                .attribute(keys::TOOL_RESULT, 7),
            json!({"type": "function", "name": "it", "input": "{\"n\":1}", "output": "7", "mcp_data": null}),
        ),
        (
            span("llm"),
            json!({"type": "generation", "input": null, "output": null, "model": "it", "model_config": {}, "usage": null}),
        ),
        (span("response"), json!({"type": "response", "response_id": null})),
        (
            span("response").attribute(keys::GEN_AI_RESPONSE_ID, "resp_1"),
            json!({"type": "response", "response_id": "resp_1"}),
        ),
        (
            span("handoff").attribute(keys::HANDOFF_FROM, "a"),
            json!({"type": "handoff", "from_agent": "a", "to_agent": "it"}),
        ),
        (
            span("guardrail").attribute(keys::GUARDRAIL_TRIGGERED, true),
            json!({"type": "guardrail", "name": "it", "triggered": true}),
        ),
        (
            span("mcp_list_tools").attribute(keys::MCP_TOOLS, vec!["read", "write"]),
            json!({"type": "mcp_tools", "server": "it", "result": ["read", "write"]}),
        ),
        (
            span("speech_group").attribute(keys::INPUT, "Hi"),
            json!({"type": "speech_group", "input": "Hi"}),
        ),
        (
            span("speech")
                .attribute(keys::INPUT, "Hi")
                .attribute(keys::OUTPUT, "UklGRg==")
                .attribute(keys::GEN_AI_REQUEST_MODEL, "tts")
                .attribute("gen_ai.request.voice", "alloy")
                .attribute(keys::AUDIO_FIRST_CONTENT_MS, 1.5),
            json!({
                "type": "speech", "input": "Hi", "output": {"data": "UklGRg==", "format": "pcm"},
                "model": "tts", "model_config": {"voice": "alloy"},
                "first_content_at": "2026-01-01T00:00:00.001500+00:00",
            }),
        ),
        (
            span("transcription")
                .attribute(keys::OUTPUT, "Hi")
                .attribute(keys::AUDIO_FORMAT, "wav"),
            json!({
                "type": "transcription", "input": {"data": "", "format": "wav"}, "output": "Hi",
                "model": "it", "model_config": {},
            }),
        ),
        (
            span("custom").attribute("rows", 1),
            json!({"type": "custom", "name": "it", "data": {"rows": 1}}),
        ),
        (
            span("processor").method("filter").attribute("rows", 1),
            json!({
                "type": "custom", "name": "it",
                "data": {"component.type": "processor", "component.method": "filter", "rows": 1},
            }),
        ),
    ] {
        assert_eq!(data_of(&span.build()), expected);
    }
}

#[test]
fn usage_has_two_names_and_the_rest_is_detail() {
    let usage_of = |set: fn(&mut raaf_trace_core::Attributes)| {
        data_of(&FinishedSpan::builder("llm", "m").attributes(set).build())["usage"].clone()
    };
    let usage = usage_of(|attributes| {
        attributes
            .set(keys::GEN_AI_USAGE_INPUT_TOKENS, 55)
            .set(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 11)
            .set(keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, 16)
            .set("gen_ai.usage.cost", 0.25)
            .set("gen_ai.usage.nothing", f64::NAN)
            .set("gen_ai.usage.text", "many");
    });
    assert_eq!(
        usage,
        json!({"input_tokens": 55, "output_tokens": 11, "details": {
            "requests": 1, "total_tokens": 66, "cost": 0.25,
            "input_tokens_details":
                {"cached_tokens": 16, "cache_write_tokens": 0, "cache_write_tokens_details": null},
            "output_tokens_details": {"reasoning_tokens": 0},
        }})
    );
    let merged = usage_of(|attributes| {
        attributes
            .set(keys::GEN_AI_USAGE_INPUT_TOKENS, 5)
            .set(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 1)
            .set(keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, 1)
            .set("gen_ai.usage.cost", 0.25)
            .set_json(
                "gen_ai.usage.details",
                &json!({
                    "requests": 2, "cost": 9, "tier": "flex", "server_tool_use": {"searches": 1},
                    "input_tokens_details": {"cached_tokens": 3, "audio_tokens": 2},
                    "output_tokens_details": {"reasoning_tokens": 0},
                }),
            );
    });
    assert_eq!(
        merged["details"],
        json!({
            "requests": 2, "total_tokens": 6, "cost": 0.25, "tier": "flex",
            "server_tool_use": {"searches": 1},
            "input_tokens_details": {
                "cached_tokens": 3, "audio_tokens": 2,
                "cache_write_tokens": 0, "cache_write_tokens_details": null
            },
            "output_tokens_details": {"reasoning_tokens": 1},
        })
    );
    let odd = usage_of(|attributes| {
        attributes
            .set(keys::GEN_AI_USAGE_INPUT_TOKENS, f64::INFINITY)
            .set(keys::GEN_AI_USAGE_OUTPUT_TOKENS, -1);
    });
    assert_eq!(odd, Json::Null);
    let half = usage_of(|attributes| {
        attributes.set(keys::GEN_AI_USAGE_INPUT_TOKENS, 3);
    });
    assert_eq!(half, Json::Null, "a number that nobody told is not 0");
    let tool = FinishedSpan::builder("tool", "t").attribute(keys::GEN_AI_USAGE_INPUT_TOKENS, 1);
    assert!(data_of(&tool.build()).get("usage").is_none(), "usage goes with model calls only");
}

#[test]
fn a_failure_says_what_and_why() {
    let error_of = |span: FinishedSpan| sent(&[span])[1]["error"].clone();
    let agent = || FinishedSpan::builder("agent", "A");
    assert_eq!(
        error_of(agent().error("Timeout", "no answer").error_sources(["reset"]).build()),
        json!({"message": "no answer", "data": {"error": "no answer: reset"}})
    );
    assert_eq!(
        error_of(agent().error_type("Timeout").build()),
        json!({"message": "Timeout", "data": {"error": "Timeout"}})
    );
    assert_eq!(
        error_of(agent().status(Status::Cancelled).build()),
        json!({"message": "cancelled", "data": {"status": "cancelled"}})
    );
    let tool = FinishedSpan::builder("tool", "T").error("Failed", "it failed");
    let items = sent(&[tool.error_sources(["no disk", "no room"]).build()]);
    assert_eq!(items[1]["span_data"]["output"], "it failed: no disk: no room");
    assert_eq!(items[1]["error"]["data"], json!({"tool_name": "T", "error": "no room"}));
    let stopped =
        |reason| agent().error(reason, "stopped").attribute(keys::AGENT_STOP_REASON, reason);
    let turns = stopped("max_turns").attribute(keys::AGENT_MAX_TURNS, 3).build();
    assert_eq!(error_of(turns)["data"], json!({"max_turns": 3}));
    let guardrail = stopped("guardrail").attribute(keys::GUARDRAIL_NAME, "polite").build();
    assert_eq!(error_of(guardrail)["data"], json!({"guardrail": "polite"}));
    let unnamed = stopped("guardrail").build();
    assert_eq!(error_of(unnamed)["data"], json!({"error": "stopped"}));
    assert_eq!(error_of(agent().status(Status::Stale).build())["message"], "never finished");
    assert_eq!(error_of(agent().status(Status::Unset).build()), Json::Null);
}

#[test]
fn only_what_failed_is_sent_again() {
    let answers = [Answer::status(204), Answer::status(429), Answer::status(204)];
    let server = Server::scripted(answers, Answer::status(500));
    let sink = sink(&server).key_for(|trace| trace.group_id().map(str::to_owned)).build().unwrap();
    let batch: Vec<_> = ["a", "b", "c"]
        .map(|group| FinishedSpan::builder("agent", group).group_id(group).build())
        .into();
    assert!(sink.export(&batch).unwrap_err().is_retryable());
    server.now_answers(Answer::status(204));
    sink.export(&batch).unwrap();
    let requests = server.requests();
    let keys: Vec<_> =
        requests.iter().map(|request| request.header("authorization").unwrap()).collect();
    assert_eq!(keys, ["Bearer a", "Bearer b", "Bearer c", "Bearer b"]);
    assert_eq!(items(&requests[1]), items(&requests[3]), "with its trace, which was not taken");
}

#[test]
fn what_is_too_large_is_halved() {
    let refusals = [413, 413, 204, 204, 204].map(Answer::status);
    let server = Server::scripted(refusals, Answer::status(204));
    let sink = sink(&server).build().unwrap();
    let batch: Vec<_> = (0..4).map(|_| FinishedSpan::builder("agent", "A").build()).collect();
    sink.export(&batch).unwrap();
    let requests = server.requests();
    let spans: Vec<_> = requests.iter().map(|request| items(request).len() / 2).collect();
    assert_eq!(spans, [4, 2, 1, 1, 2]);
    let delivered: Vec<_> = requests[2..].iter().flat_map(items).collect();
    let mut unique = ids(&delivered);
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 8, "each trace and each span once");
}

#[test]
fn a_span_that_is_too_large_by_itself_is_all_that_is_lost() {
    let server = Server::scripted([413, 413, 204].map(Answer::status), Answer::status(204));
    let sink = sink(&server).build().unwrap();
    let batch: Vec<_> = (0..2).map(|_| FinishedSpan::builder("agent", "A").build()).collect();
    let error = sink.export(&batch).unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        "1 of 2 spans were rejected: span `run.workflow.agent.A` is too large by itself: \
         the server answered 413 Payload Too Large"
    );
    assert_eq!(error.rejected_of(2), 1);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_model_call_whose_response_openai_has_stored_is_a_response() {
    let call = |provider: &'static str, stored: bool| {
        FinishedSpan::builder("llm", "gpt-5.4")
            .parent_id(SpanId::random())
            .attribute(keys::GEN_AI_PROVIDER_NAME, provider)
            .attribute(keys::GEN_AI_RESPONSE_ID, "resp_1")
            .attribute(keys::OPENAI_API_TYPE, "responses")
            .attribute(keys::OPENAI_RESPONSE_STORED, stored)
            .attribute(keys::GEN_AI_USAGE_INPUT_TOKENS, 1)
            .build()
    };
    let data = |span: FinishedSpan| data_of(&span);
    let stored = data(call("openai", true));
    assert_eq!(stored, json!({"type": "response", "response_id": "resp_1"}));
    assert_eq!(data(call("openai", false))["type"], "generation");
    assert_eq!(data(call("localhost", true))["type"], "generation", "another server has it");
}

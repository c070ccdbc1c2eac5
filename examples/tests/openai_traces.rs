//! The openai sink sends for a workflow what OpenAI's own Agents SDK sends for the same: a request
//! of the SDK was recorded, and is compared item by item.

#[path = "../../raaf-processors/tests/server/mod.rs"]
mod server;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use raaf_agents::{
    Agent, FunctionTool, Guardrail, Message, Model, ModelError, ModelRequest, ModelResponse, Reply,
    Runner, ScriptedModel, Tool as _, ToolCall, Usage, Verdict,
};
use raaf_processors::OpenAiSink;
use raaf_trace_core::{InContext as _, TracerProvider, current_span, keys, trace, tracer};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use server::{Answer, Server};
use wire::{Rules, assert_same, without_chance};

const MODEL: &str = "gpt-5.6-mini";
const ASKED: &str = "I want my money back for A-17";
const FOUND: &str = "order A-17: 2 items, shipped";
const LONG: Duration = Duration::from_secs(60);

/// The items of the request that was recorded, its ids and times replaced.
fn recorded() -> Json {
    let text = include_str!("../../raaf-processors/tests/data/openai_agents_sdk.json");
    let requests: Json = serde_json::from_str(text).expect("the recording is JSON");
    without_chance(requests[0]["data"].clone())
}

/// The items that are sent for this workflow.
fn sent(workflow: impl Future<Output = ()>) -> Json {
    let server = Server::start(Answer::status(204));
    let sink = OpenAiSink::builder().api_key("sk-1").base_url(server.url()).timeout(LONG);
    let sink = sink.build().expect("a sink");
    let provider = TracerProvider::builder().with(sink).build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let named = trace("Customer service")
        .group_id("chat_123")
        .metadata("customer", "user_456")
        .metadata("tier", "gold")
        .metadata("attempt", 2);
    let traced = async {
        named
            .in_span(async {
                tracer()
                    .custom_span("prepare")
                    .with("step", 1)
                    .with("nested", json!({"ok": true, "list": [1, 2.5, null]}))
                    .in_span(|| ());
                workflow.await;
            })
            .await;
    };
    runtime.expect("a runtime").block_on(traced.in_context(provider.context()));
    provider.shutdown(LONG).expect("all is delivered");
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    without_chance(requests[0].json()["data"].clone())
}

#[derive(Deserialize, JsonSchema)]
struct Order {
    order_id: String,
}

fn lookup_order() -> FunctionTool {
    FunctionTool::new("lookup_order", "Looks an order up.", |order: Order| async move {
        tracer()
            .custom_span("db.query")
            .with("sql", "SELECT * FROM orders WHERE id = ?")
            .with("params", vec![order.order_id])
            .with("rows", 1)
            .in_span(|| ());
        Ok::<_, String>(FOUND)
    })
}

#[derive(Deserialize, JsonSchema)]
struct Charge {
    order_id: String,
    cents: u32,
}

fn charge_card() -> FunctionTool {
    FunctionTool::new("charge_card", "Charges a card.", |charge: Charge| async move {
        Err::<(), _>(format!("no card for {} takes {}", charge.order_id, charge.cents))
    })
}

/// Answer of the agent that takes over.
#[derive(Deserialize, JsonSchema)]
#[allow(dead_code, reason = "only its schema matters")]
struct Refund {
    approved: bool,
    amount_cents: u32,
    note: String,
}

/// A model on a server, whose address the call's span says.
struct Served(ScriptedModel);

#[async_trait]
impl Model for Served {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        if let Some(span) = current_span() {
            span.set_attribute(keys::URL, "http://127.0.0.1:1/v1/");
        }
        self.0.respond(request).await
    }
}

fn refund_agent() -> Agent {
    let mut usage = Usage::new(55, 11);
    (usage.cached_input_tokens, usage.reasoning_tokens) = (16, 3);
    let answer = r#"{"approved":true,"amount_cents":1299,"note":"Remboursement accepté ✓"}"#;
    let model = ScriptedModel::new(MODEL, [Reply::text(answer).with_usage(usage)]);
    Agent::builder("refund agent", Served(model))
        .instructions("Decide on refunds.")
        .temperature(0.2)
        .max_tokens(256)
        .output_type::<Refund>()
        .output_guardrail(Guardrail::new("refund_cap", |_| async { Verdict::pass() }))
        .build()
}

/// The wording of errors, and of what a model is told of them.
const ERRORS: [&str; 4] =
    [".error.message", ".error.data.error", "[7].span_data.output", ".input[5].content"];
/// Other data of errors.
const MORE: [&str; 1] = [".error.data"];

/// The first agent by hand, since the SDK's talked to the Responses API; its tools and the second
/// agent are real.
#[test]
fn a6_the_workflow_that_was_recorded_is_sent_as_the_sdk_sends_it() {
    let actual = sent(async {
        tracer()
            .agent_span("triage agent")
            .with(keys::AGENT_HANDOFFS, vec!["refund agent"])
            .with(keys::AGENT_TOOLS, vec!["lookup_order", "charge_card"])
            .in_span(async {
                let tracer = tracer();
                let check = tracer.guardrail_span("no_pii").with(keys::GUARDRAIL_TRIGGERED, false);
                check.in_span(|| ());
                tracer.response_span("resp_a1").in_span(|| ());
                let found = lookup_order().call(json!({"order_id": "A-17"})).await;
                assert_eq!(found.expect("an order"), FOUND);
                tracer.response_span("resp_a2").in_span(|| ());
                let charged = charge_card().call(json!({"order_id": "A-17", "cents": 1299})).await;
                assert!(charged.is_err());
                tracer.response_span("resp_a3").in_span(|| ());
                tracer.handoff_span("triage agent", "refund agent").in_span(|| ());
            })
            .await;
        let refund = refund_agent().run(conversation()).await;
        assert!(refund.is_ok());
    });
    assert_same(&recorded(), &actual, &Rules { wording: &ERRORS, open: &MORE });
}

/// Returns the conversation before the second agent takes over.
fn conversation() -> Vec<Message> {
    let turns = [
        ("lookup_order", json!({"order_id": "A-17"}), FOUND),
        ("charge_card", json!({"order_id": "A-17", "cents": 1299}), "That did not work."),
        ("transfer_to_refund_agent", json!({}), r#"{"assistant": "refund agent"}"#),
    ];
    let turns = turns.into_iter().zip(1..).flat_map(|((tool, arguments, answer), number)| {
        let call = ToolCall::new(format!("call_{number}"), tool, &arguments);
        let answer = Message::tool(&call, answer);
        [Message::calls([call]), answer]
    });
    [Message::user(ASKED)].into_iter().chain(turns).collect()
}

/// Spans without any made by hand: a runner, two agents, a hand-off. Model calls are generations then, as they are
/// in the SDK with any model but the Responses API's.
#[test]
fn a6_agents_and_a_runner_send_the_same_workflow() {
    let actual = sent(async {
        let triage = ScriptedModel::new(
            MODEL,
            [
                Reply::call("lookup_order", json!({"order_id": "A-17"})),
                Reply::call("charge_card", json!({"order_id": "A-17", "cents": 1299})),
                Reply::call("transfer_to_refund_agent", json!({})),
            ],
        );
        let no_pii = Guardrail::new("no_pii", |_| async { Verdict::pass() }).before_model();
        let triage = Agent::builder("triage agent", triage)
            .tool(lookup_order())
            .tool(charge_card())
            .handoff(refund_agent())
            .input_guardrail(no_pii)
            .build();
        let result = Runner::new().run(&triage, ASKED).await.expect("an answer");
        assert_eq!(result.agent, "refund agent");
    });
    let mut expected = recorded();
    let mut open: Vec<String> = MORE.map(str::to_owned).into();
    for (place, item) in expected.as_array_mut().into_iter().flatten().enumerate() {
        if item["span_data"]["type"] == "response" {
            item["span_data"] = json!({"type": "generation"});
            open.push(format!("[{place}].span_data"));
        }
    }
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    // A hand-off answers the call that asked for it in words of its own.
    let wording: Vec<&str> = ERRORS.into_iter().chain([".input[7].content"]).collect();
    assert_same(&expected, &actual, &Rules { wording: &wording, open: &open });
}

#[test]
#[should_panic(expected = "[11].span_data.usage: `input_tokens` is missing")]
fn a_difference_is_found() {
    let mut actual = recorded();
    actual[11]["span_data"]["usage"] = json!({"output_tokens": 11, "details": {}});
    assert_same(&recorded(), &actual, &Rules { wording: &ERRORS, open: &MORE });
}

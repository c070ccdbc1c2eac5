//! Calls that wait for the person's approval.

use raaf_agents::{
    Agent, Approval, FunctionTool, HostedTool, Message, Model, ModelError, ModelRequest,
    ModelResponse, Reply, ScriptedModel, ToolCall, ToolResult,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use serde_json::json;

use super::{chat, chatted};

fn refunding(calls: usize) -> Agent {
    let refund = FunctionTool::infallible("refund", "Refunds.", |(): ()| async { "refunded" })
        .with_approval(Approval::always());
    let model = ScriptedModel::from_fn("m", move |request: &ModelRequest| {
        let done =
            request.messages.iter().rev().take_while(|message| message.role.as_str() != "user");
        match done.count() / 2 {
            turn if turn < calls => Reply::call("refund", json!({})),
            _ => Reply::text(request.messages.last().unwrap().text().into_owned()),
        }
    });
    Agent::builder("Clerk", model).tool(refund).build()
}

const ASKED: &str = "? Clerk wants to call refund({})\n  Allow it? [y]es, [n]o, [a]lways: \n";

#[tokio::test]
async fn an_approved_call_runs_and_each_further_one_is_asked_for() {
    let shown = chatted(&refunding(2), &["Refund!", "maybe", "y", "YES"]).await;
    let again = "  Allow it? [y]es, [n]o, [a]lways: \n";
    let done = "· refund({})\n✓ refund: refunded\n";
    assert_eq!(shown, format!("{ASKED}{again}{done}{ASKED}{done}refunded\n\n"));
}

#[tokio::test]
async fn a_turn_is_one_tree_also_over_its_approvals() {
    let (chat, _) = chat(&refunding(1), &["Refund!", "y", "Again!", "n no more"]);
    let capture = Capture::new();
    let workflow = raaf_trace_core::trace("chat");
    capture.run_async(workflow.try_in_span(chat.run())).await.unwrap();
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        trace "chat" [ok] {
            agent "Clerk" ["paused" = true] {
                llm "m" ["model.tools" = json!(["refund"]), "gen_ai.request.stream" = true]
                agent "Clerk" [ok, "resumed" = true] {
                    tool "refund" [ok, "tool.approval" = "approved"]
                    llm "m"
                }
            }
            agent "Clerk" ["paused" = true] {
                llm "m"
                agent "Clerk" [ok, "resumed" = true] {
                    tool "refund" [error "ToolError::Rejected", "tool.approval" = "rejected"]
                    llm "m"
                }
            }
        }
    });
}

#[tokio::test]
async fn a_call_that_is_always_allowed_is_asked_for_once_in_the_chat() {
    let shown = chatted(&refunding(2), &["Refund!", "a", "Refund again!"]).await;
    assert_eq!(shown.matches(ASKED).count(), 1, "{shown}");
    assert_eq!(shown.matches("✓ refund: refunded").count(), 4, "{shown}");
}

#[tokio::test]
async fn the_model_receives_the_reason_of_a_rejection() {
    let shown = chatted(&refunding(1), &["Refund!", "n it is too late"]).await;
    assert!(shown.ends_with("it is too late\n\n"), "{shown}");
    let shown = chatted(&refunding(1), &["Refund!", "no", "too much"]).await;
    assert!(shown.contains("  Reason, for the model: \n"), "{shown}");
    assert!(shown.ends_with("too much\n\n"), "{shown}");
    let shown = chatted(&refunding(1), &["Refund!", "n", ""]).await;
    assert!(shown.ends_with("The user rejected the call.\n\n"), "{shown}");
}

#[tokio::test]
async fn the_end_of_the_input_rejects_nothing_and_runs_nothing() {
    let shown = chatted(&refunding(1), &["Refund!"]).await;
    let end = "(ended while a call waited for an approval)\n\n";
    assert_eq!(shown, format!("{ASKED}{end}"));
}

/// A model that asks whether it may call a tool of one name at two hosted servers.
struct Asking;

#[async_trait::async_trait]
impl Model for Asking {
    fn name(&self) -> &'static str {
        "asking"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let results = request.messages.iter().flat_map(Message::tool_results);
        let results: Vec<_> = results.map(ToolResult::text).collect();
        if !results.is_empty() {
            return Ok(ModelResponse::new(Message::assistant(results.join(" / "))));
        }
        let calls = ["files", "bank"].map(|server| {
            let mut call = ToolCall::new(format!("at_{server}"), "delete", &json!({}));
            call.hosted_by = Some(server.to_owned());
            call
        });
        Ok(ModelResponse::new(Message::calls(calls)))
    }
}

#[tokio::test]
async fn a_call_that_is_always_allowed_at_one_server_is_asked_for_at_another() {
    let server = |label: &str| HostedTool::mcp(label, "https://host/mcp");
    let clerk = Agent::builder("Clerk", Asking)
        .hosted_tool(server("files"))
        .hosted_tool(server("bank"))
        .build();
    let shown = chatted(&clerk, &["Go!", "a", "n not there"]).await;
    let wishes: Vec<_> = shown.lines().filter(|line| line.starts_with('?')).collect();
    let expected =
        ["? Clerk wants to call files/delete({})", "? Clerk wants to call bank/delete({})"];
    assert_eq!(wishes, expected, "{shown}");
    assert!(shown.ends_with("approved / not there\n\n"), "{shown}");
}

//! Calls of hosted MCP servers that wait for an approval.

use raaf_agents::{
    Agent, Approval, FunctionTool, HostedTool, RunConfig, RunContext, RunErrorKind, RunHooks,
    RunState, Runner, ToolAction, ToolCall, openai::ServerState,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use super::{
    builder, call,
    common::{Text, shout},
    message, response,
};
use crate::server::{Answer, Server};

fn request(id: &str) -> Json {
    json!({"type": "mcp_approval_request", "id": id, "server_label": "docs", "name": "delete_all",
           "arguments": "{\"path\":\"/\"}"})
}

fn called() -> Json {
    json!({"type": "mcp_call", "id": "mc_1", "server_label": "docs", "name": "delete_all",
           "arguments": "{\"path\":\"/\"}", "output": "gone", "approval_request_id": "mcpr_1"})
}

fn agent(server: &Server, state: ServerState) -> Agent {
    agent_with(server, state, Approval::never())
}

/// An agent with a tool that has the name of the hosted one, and must not run.
fn agent_with(server: &Server, state: ServerState, approval: Approval) -> Agent {
    let own = FunctionTool::new("delete_all", "Deletes.", |_: Text| async move {
        Err::<(), _>("must not run".to_owned())
    });
    Agent::builder("Clerk", builder(server).server_state(state).build().unwrap())
        .hosted_tool(HostedTool::mcp("docs", "https://host/mcp"))
        .tool(own.with_approval(approval))
        .build()
}

/// Runs until the run pauses, and returns its state, which has survived JSON.
async fn paused(agent: &Agent, capture: &Capture) -> RunState {
    let error = capture.run_async(agent.run("Delete all")).await.unwrap_err();
    let RunErrorKind::Paused(state) = error.kind else { panic!("not paused") };
    let json = serde_json::to_string(&state).unwrap();
    serde_json::from_str(&json).unwrap()
}

#[tokio::test]
async fn an_approved_call_is_made_by_the_provider() {
    let first = Answer::ok(&response(&json!([request("mcpr_1")])));
    let second = Answer::ok(&response(&json!([called(), message("Done.")])));
    let server = Server::start([first, second]).await;
    let (agent, capture) = (agent(&server, ServerState::None), Capture::new());
    let mut state = paused(&agent, &capture).await;
    let pending = state.pending();
    assert_eq!(pending.len(), 1);
    assert_eq!(
        (&*pending[0].call.name, pending[0].call.hosted_by.as_deref()),
        ("delete_all", Some("docs"))
    );
    state.approve(&pending[0].key).unwrap();
    let result = capture.run_async(Runner::new().resume(&agent, state)).await.unwrap();
    assert_eq!(result.output, "Done.");
    assert_eq!(
        server.requests()[1].body["input"].as_array().unwrap()[1..],
        [
            request("mcpr_1"),
            json!({"type": "mcp_approval_response", "approval_request_id": "mcpr_1",
                   "approve": true}),
        ]
    );
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Clerk" [event "approval.requested" ["tool.call_id" = "mcpr_1"]] {
                llm "m"
                agent "Clerk" [ok, event "approval.decided" ["tool.approval" = "approved"]] {
                    llm "m" [ok] {
                        tool "mcp" [
                            ok,
                            "tool.name" = "delete_all",
                            "tool.hosted" = true,
                            "tool.result" = "gone"
                        ]
                    }
                }
            }
        }
    });
    server.stop();
}

#[tokio::test]
async fn a_rejected_call_is_not_made_and_the_server_may_keep_the_conversation() {
    let first = Answer::ok(&response(&json!([request("mcpr_1")])));
    let second = Answer::ok(&response(&json!([message("As you like.")])));
    let server = Server::start([first, second]).await;
    let agent = agent(&server, ServerState::PreviousResponse);
    let mut state = paused(&agent, &Capture::new()).await;
    let key = state.pending()[0].key.clone();
    state.reject(&key, "not today").unwrap();
    let result = Runner::new().resume(&agent, state).await.unwrap();
    assert_eq!(result.output, "As you like.");
    let body = &server.requests()[1].body;
    assert_eq!(body["previous_response_id"], "resp_1");
    assert_eq!(
        body["input"],
        json!([{"type": "mcp_approval_response", "approval_request_id": "mcpr_1",
                "approve": false, "reason": "not today"}])
    );
    server.stop();
}

#[tokio::test]
async fn a_decision_for_all_calls_holds_for_the_hosted_tool() {
    let ask = |id: &str| Answer::ok(&response(&json!([request(id)])));
    let last = Answer::ok(&response(&json!([message("Done.")])));
    let server = Server::start([ask("mcpr_1"), ask("mcpr_2"), last]).await;
    let agent = agent(&server, ServerState::None);
    let mut state = paused(&agent, &Capture::new()).await;
    let key = state.pending()[0].key.clone();
    state.approve_always(&key).unwrap();
    let result = Runner::new().resume(&agent, state).await.unwrap();
    assert_eq!((&*result.output, result.turns), ("Done.", 3));
    let sent = server.requests()[2].body["input"].to_string();
    assert!(sent.contains(r#""approval_request_id":"mcpr_2","approve":true"#), "{sent}");
    server.stop();
}

#[tokio::test]
async fn a_decision_on_a_hosted_tool_is_none_on_a_tool_of_the_same_name() {
    let first = Answer::ok(&response(&json!([request("mcpr_1")])));
    let own = Answer::ok(&response(&json!([call("c", "delete_all", r#"{"text":"/"}"#)])));
    let server = Server::start([first, own]).await;
    let agent = agent_with(&server, ServerState::None, Approval::always());
    let mut state = paused(&agent, &Capture::new()).await;
    let key = state.pending()[0].key.clone();
    state.approve_always(&key).unwrap();
    let state = Runner::new().resume(&agent, state).await.unwrap_err().into_state().unwrap();
    assert_eq!(state.pending()[0].call.hosted_by, None);
    server.stop();
}

#[tokio::test]
async fn the_result_of_a_tool_does_not_approve_an_earlier_call_with_its_id() {
    let first = Answer::ok(&response(&json!([request("mcpr_1")])));
    let own = Answer::ok(&response(&json!([call("mcpr_1", "shout", r#"{"text":"hey"}"#)])));
    let last = Answer::ok(&response(&json!([message("Done.")])));
    let server = Server::start([first, own, last]).await;
    let agent = Agent::builder("Clerk", builder(&server).build().unwrap())
        .hosted_tool(HostedTool::mcp("docs", "https://host/mcp"))
        .tool(shout())
        .build();
    let mut state = paused(&agent, &Capture::new()).await;
    let key = state.pending()[0].key.clone();
    state.reject(&key, "not today").unwrap();
    Runner::new().resume(&agent, state).await.unwrap();
    let sent = server.requests()[2].body["input"].as_array().unwrap().clone();
    assert_eq!(
        (&sent[2]["type"], &sent[2]["approve"]),
        (&"mcp_approval_response".into(), &false.into())
    );
    assert_eq!(
        sent[4],
        json!({"type": "function_call_output", "call_id": "mcpr_1", "output": "HEY"})
    );
    server.stop();
}

#[tokio::test]
async fn a_hook_may_refuse_an_approved_call_and_not_change_it() {
    for change in
        [ToolAction::Refuse("too much".to_owned()), ToolAction::Replace(json!({"path": "/tmp"}))]
    {
        let reason = match &change {
            ToolAction::Refuse(reason) => reason.clone(),
            _ => "the call must not be made with these arguments".to_owned(),
        };
        let first = Answer::ok(&response(&json!([request("mcpr_1")])));
        let last = Answer::ok(&response(&json!([message("Done.")])));
        let server = Server::start([first, last]).await;
        let agent = agent(&server, ServerState::None);
        let mut state = paused(&agent, &Capture::new()).await;
        let key = state.pending()[0].key.clone();
        state.approve(&key).unwrap();
        let runner = Runner::new().with_config(RunConfig::new().hooks(Changing(change)));
        runner.resume(&agent, state).await.unwrap();
        let sent = server.requests()[1].body["input"].as_array().unwrap().clone();
        assert_eq!(
            sent[2],
            json!({"type": "mcp_approval_response", "approval_request_id": "mcpr_1",
                   "approve": false, "reason": reason})
        );
        assert_eq!(sent[1], request("mcpr_1"), "with the arguments of the model");
        server.stop();
    }
}

/// A hook that acts on each call.
struct Changing(ToolAction);

#[async_trait::async_trait]
impl RunHooks for Changing {
    async fn before_tool(&self, _: &RunContext, _: &Agent, _: &ToolCall) -> ToolAction {
        self.0.clone()
    }
}

#[tokio::test]
async fn an_agent_without_the_hosted_tool_cannot_go_on() {
    let server = Server::start([Answer::ok(&response(&json!([request("mcpr_1")])))]).await;
    let state = paused(&agent(&server, ServerState::None), &Capture::new()).await;
    let other = Agent::builder("Clerk", builder(&server).build().unwrap()).build();
    let error = Runner::new().resume(&other, state).await.unwrap_err();
    assert!(error.to_string().contains("delete_all"), "{error}");
    server.stop();
}

#[tokio::test]
async fn a_request_without_a_name_or_an_id_is_malformed() {
    for member in ["name", "id"] {
        let mut broken = request("mcpr_1");
        broken.as_object_mut().unwrap().remove(member);
        let server = Server::start([Answer::ok(&response(&json!([broken])))]).await;
        let error = agent(&server, ServerState::None).run("go").await.unwrap_err();
        assert!(
            error.to_string().ends_with(&format!("a request for an approval has no {member}")),
            "{error}"
        );
        server.stop();
    }
}

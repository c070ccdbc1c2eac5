//! Hosted tools: declared, called by the provider, and seen.

use raaf_agents::{
    Agent, HostedCall, HostedTool, Message, ModelError, OpenAiModel, Part, RunErrorKind, RunEvent,
    Runner,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use super::{asked, builder, message, respond, response};
use crate::server::{Answer, Server};

const TOKEN: &str = "mcp-token-0123456789";

fn calls() -> Json {
    json!([
        {"type": "web_search_call", "id": "ws_1", "status": "completed",
         "action": {"type": "search", "query": "rain", "sources": [{"url": "https://host"}]}},
        {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["rain"],
         "results": [{"file_id": "file_1", "text": "wet"}]},
        {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1+1",
         "container_id": "c_1", "outputs": [{"type": "logs", "logs": "2"},
         {"type": "image", "url": "https://host/plot.png"}]},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "YWJj"},
        {"type": "mcp_list_tools", "id": "ml_1", "server_label": "docs",
         "tools": [{"name": "find"}, {"name": "read"}]},
        {"type": "mcp_call", "id": "mc_1", "server_label": "docs", "name": "find",
         "arguments": "{\"q\":\"rain\"}", "output": "wet"},
        {"type": "mcp_call", "id": "mc_2", "server_label": "docs", "name": "read",
         "arguments": "{", "error": {"type": "http_error", "message": "not found"}},
        {"type": "shell_call", "id": "sh_1", "status": "failed"},
        message("It rains."),
    ])
}

#[tokio::test]
async fn calls_of_hosted_tools_are_parts_and_spans() {
    let capture = Capture::new();
    let answer = Answer::ok(&response(&calls()));
    let (outcome, _) = respond(answer, &asked(), |builder| builder, &capture).await;
    let message = outcome.unwrap().message;
    let found: Vec<&HostedCall> = message.hosted_calls().collect();
    let kinds: Vec<_> = found.iter().map(|call| (&*call.tool, call.display_name())).collect();
    assert_eq!(
        kinds,
        [
            ("web_search", "web_search"),
            ("file_search", "file_search"),
            ("code_interpreter", "code_interpreter"),
            ("image_generation", "image_generation"),
            ("mcp_list_tools", "mcp_list_tools"),
            ("mcp", "find"),
            ("mcp", "read"),
            ("shell", "shell"),
        ]
    );
    assert_eq!(found[0].arguments["query"], "rain");
    assert_eq!(found[1].result, [Part::Json(json!([{"file_id": "file_1", "text": "wet"}]))]);
    assert_eq!(found[2].arguments, json!({"code": "1+1"}));
    assert_eq!(found[2].result, [Part::text("2"), Part::image_url("https://host/plot.png")]);
    assert_eq!(found[3].result, [Part::image_bytes("image/png", b"abc")]);
    assert_eq!(found[5].arguments, json!({"q": "rain"}));
    assert_eq!((found[6].error.as_deref(), &found[6].arguments), (Some("not found"), &json!("{")));
    let json = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message, "{json}");
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [
            ok,
            "gen_ai.output.messages" contains "server_tool_call_response",
            "gen_ai.output.messages" contains "not found"
        ] {
            tool "web_search" [
                ok, "tool.name" = "web_search", "tool.call_id" = "ws_1", "tool.hosted" = true,
                "tool.type" = "extension", "tool.arguments" contains "rain"
            ]
            tool "file_search" [ok, "tool.type" = "datastore", "tool.result" contains "wet"]
            tool "code_interpreter" [ok, "tool.arguments" contains "1+1"]
            tool "image_generation" [ok]
            mcp_list_tools "mcp" [ok, "mcp.server" = "docs", "mcp.tools" = ["find", "read"]]
            tool "mcp" [ok, "tool.name" = "find", "mcp.server" = "docs", "tool.result" = "wet"]
            tool "mcp" [error "hosted_tool", "error.message" = "not found"]
            tool "hosted_tool" [error "hosted_tool", "tool.name" = "shell"]
        }
    });
}

#[tokio::test]
async fn the_content_of_hosted_calls_is_left_out_without_sensitive_data() {
    let capture = Capture::with(|provider| provider.include_sensitive_data(false));
    let answer = Answer::ok(&response(&calls()));
    let (outcome, _) = respond(answer, &asked(), |builder| builder, &capture).await;
    outcome.unwrap();
    let spans = capture.spans_async().await;
    assert_eq!(spans.len(), 9);
    for secret in ["rain", "1+1", "wet", "YWJj"] {
        assert!(!format!("{spans:?}").contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn hosted_calls_go_back_as_they_came() {
    let server = Server::start([
        Answer::ok(&response(&calls())),
        Answer::ok(&response(&json!([message("ok")]))),
    ])
    .await;
    let agent = Agent::builder("Clerk", builder(&server).build().unwrap())
        .hosted_tool(HostedTool::web_search())
        .build();
    let first = agent.run("Does it rain?").await.unwrap();
    let mut messages = first.messages.clone();
    messages.push(Message::user("And now?"));
    agent.run(messages).await.unwrap();
    let input = server.requests()[1].body["input"].as_array().unwrap().clone();
    let expected = calls();
    assert_eq!(input[1..9], expected.as_array().unwrap()[..8]);
    server.stop();
}

#[tokio::test]
async fn a_run_shows_them_as_events_and_secrets_stay_with_the_server() {
    let answer = Answer::ok(&response(&calls()));
    let server = Server::start([answer]).await;
    let agent = Agent::builder("Clerk", builder(&server).build().unwrap())
        .hosted_tool(HostedTool::web_search())
        .hosted_tool(HostedTool::mcp("docs", "https://host/mcp?key=0"))
        .hosted_tool(
            HostedTool::mcp("docs", "https://host/mcp?key=1")
                .secret("authorization", TOKEN)
                .secret("headers", json!({"x-key": TOKEN})),
        )
        .build();
    let capture = Capture::new();
    let events: Vec<_> = capture
        .run_async(async {
            use futures::StreamExt as _;
            Runner::new().stream(&agent, "Does it rain?").collect().await
        })
        .await;
    let shown = events.iter().filter(|event| matches!(event, Ok(RunEvent::HostedCall { .. })));
    assert_eq!(shown.count(), 8);
    let tools = server.requests()[0].body["tools"].clone();
    assert_eq!(tools.as_array().unwrap().len(), 2, "a label stands for one server");
    assert_eq!(
        (&tools[1]["authorization"], &tools[1]["headers"]["x-key"]),
        (&TOKEN.into(), &TOKEN.into())
    );
    let spans = capture.spans_async().await;
    assert!(!format!("{spans:?} {agent:?}").contains(TOKEN));
    assert_span_tree!(spans, {
        runner "Runner" {
            agent "Clerk" [ok, "agent.tools" = ["web_search", "mcp"]] {
                llm "m" ["gen_ai.tool.definitions" contains "https://host/mcp\""] {
                    tool "web_search" tool * tool * tool * mcp_list_tools * tool * tool * tool *
                }
            }
        }
    });
    server.stop();
}

#[tokio::test]
async fn an_error_of_the_server_does_not_have_the_secrets_of_hosted_tools() {
    let docs = HostedTool::mcp("docs", "https://host/mcp?sig=query-secret-0123456789")
        .secret("headers", json!({"x-key": TOKEN}));
    let files = HostedTool::mcp("files", "https://clerk:password-0123456789@host/mcp");
    let bank = HostedTool::mcp("bank", "https://user-token-0123456789@host/mcp");
    let request = asked().with_hosted_tools([docs, files, bank]);
    let words = format!(
        "no access with {TOKEN} at ?sig=query-secret-0123456789, password-0123456789, user-token-0123456789"
    );
    let answer = Answer::status(424, &json!({"error": {"message": words}}).to_string());
    let (outcome, _) = respond(answer, &request, |builder| builder, &Capture::new()).await;
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("no access with") && !error.contains("0123456789"), "{error}");
    let json = serde_json::to_string(&request).unwrap();
    assert!(!json.contains(TOKEN), "{json}");
}

#[tokio::test]
async fn chat_completions_cannot_have_hosted_tools() {
    let model = OpenAiModel::builder("m").base_url("http://localhost:1/v1").build().unwrap();
    let agent = Agent::builder("Clerk", model).hosted_tool(HostedTool::web_search()).build();
    let capture = Capture::new();
    let error = capture.run_async(agent.run("Does it rain?")).await.unwrap_err();
    let RunErrorKind::Model(ModelError::Unsupported { message }) = error.kind else {
        panic!("{error:?}")
    };
    assert_eq!(
        message,
        "the agent has the hosted tool `web_search`, which Chat Completions cannot carry; expected \
         `OpenAiResponses`, or no hosted tools"
    );
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [status = error] {
            agent "Clerk" [status = error] { llm "m" [error "unsupported"] }
        }
    });
}

#[test]
fn a_password_in_the_url_of_a_server_is_not_shown() {
    let tool = HostedTool::mcp("docs", "https://clerk:s3cr3t-password@host/mcp?key=1");
    let shown = format!("{tool:?}");
    assert!(shown.contains("https://host/mcp"), "{shown}");
    assert!(!shown.contains("s3cr3t") && !shown.contains("key=1"), "{shown}");
}

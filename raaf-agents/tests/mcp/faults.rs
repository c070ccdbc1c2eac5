//! Servers that die, hang, answer garbage, change their tools, or reveal secrets.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use raaf_agents::{
    Agent, ModelRequest, Reply, ScriptedModel, Tool as _, ToolError,
    mcp::{McpError, McpServer, McpTool},
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::json;
use tempfile::tempdir;
use tokio::time::{sleep, timeout};

use crate::peer::peer;

/// More than any test needs, so that a test that waits for ever fails.
const LONG: Duration = Duration::from_secs(60);

async fn act(server: McpServer) -> McpTool {
    server.connect().await.unwrap().tools().await.unwrap().swap_remove(0)
}

/// Returns the error of a call as the server's part of it.
async fn failure(tool: &McpTool) -> McpError {
    let called = timeout(LONG, tool.call(json!({}))).await.unwrap();
    match called.unwrap_err() {
        ToolError::Failed { source, .. } => *source.downcast::<McpError>().unwrap(),
        other => panic!("{other}"),
    }
}

/// Waits until a condition holds.
async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, waiting).await.unwrap();
}

fn notes(folder: &Path) -> String {
    fs::read_to_string(folder.join("notes")).unwrap_or_default()
}

fn is_running(process: &str) -> bool {
    // A process that has ended and was not waited for is a zombie, `Z`.
    let status = fs::read_to_string(format!("/proc/{process}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}

#[tokio::test]
async fn a_server_that_dies_is_named_with_its_last_words() {
    let folder = tempdir().unwrap();
    let tool = act(peer("dying", folder.path()).env("API_KEY", "s3cr3t-token")).await;
    let error = failure(&tool).await;
    let text = "the connection to the MCP server `office` is closed: the server ended (exit status: 3); \
                it wrote: out of memory near [REDACTED]";
    assert_eq!(error.to_string(), text);
    // It stays so.
    assert_eq!(failure(&tool).await, error);
    assert!(tool.connection().is_closed());
}

#[tokio::test]
async fn a_server_that_hangs_is_told_that_the_call_is_cancelled() {
    let folder = tempdir().unwrap();
    let capture = Capture::new();
    capture
        .run_async(async {
            let limit = Duration::from_millis(300);
            let tool = act(peer("hanging", folder.path()).timeout(limit)).await;
            let error = failure(&tool).await;
            let text = "the MCP server `office` did not answer `tools/call` within 0.3 s";
            assert_eq!(error.to_string().split(';').next(), Some(text));
            until(|| notes(folder.path()).contains("notifications/cancelled")).await;
            tool.connection().close().await;
        })
        .await;
    assert_span_tree!(capture, {
        client "initialize"
        mcp_list_tools "office"
        tool "act" [error "timeout"] { client "tools/call act" [error "timeout"] }
    });
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_at_the_server() {
    let folder = tempdir().unwrap();
    let capture = Capture::new();
    capture
        .run_async(async {
            let tool = act(peer("hanging", folder.path())).await;
            let call = tool.call(json!({}));
            let sent = until(|| notes(folder.path()).contains("tools/call"));
            tokio::select! {
                _ = call => panic!("the server does not answer"),
                () = sent => {}
            }
            until(|| notes(folder.path()).contains("notifications/cancelled")).await;
        })
        .await;
    assert_span_tree!(capture, {
        client "initialize"
        mcp_list_tools "office"
        tool "act" [status = cancelled] { client "tools/call act" [status = cancelled] }
    });
}

#[tokio::test]
async fn garbage_ends_the_connection_with_a_quotation() {
    let folder = tempdir().unwrap();
    let tool = act(peer("garbling", folder.path())).await;
    let text = failure(&tool).await.to_string();
    assert!(text.contains("the server sent an invalid message"), "{text}");
    assert!(text.contains(r#"{ "jsonrpc": half a message"#), "{text}");
}

#[tokio::test]
async fn a_line_that_is_not_a_message_is_quoted_when_the_answer_does_not_come() {
    let folder = tempdir().unwrap();
    let tool = act(peer("noisy", folder.path()).timeout(Duration::from_millis(500))).await;
    let text = failure(&tool).await.to_string();
    assert!(
        text.ends_with("it wrote a line that is not a message: Segmentation fault (core dumped)"),
        "{text}"
    );
}

#[tokio::test]
async fn answers_that_do_not_fit_are_errors() {
    let folder = tempdir().unwrap();
    let tool = act(peer("lying", folder.path())).await;
    let text =
        "`tools/call` of the MCP server `office` failed: the answer is not the result of a tool";
    assert_eq!(failure(&tool).await.to_string(), text);

    let tool = act(peer("refusing", folder.path())).await;
    let text = "the MCP server `office` refused `tools/call`: closed on Sundays (code -32099)";
    assert_eq!(failure(&tool).await.to_string(), text);

    let office = peer("wrong-list", folder.path()).connect().await.unwrap();
    let text =
        "`tools/list` of the MCP server `office` failed: the answer is not a list of that kind";
    assert_eq!(office.tools().await.unwrap_err().to_string(), text);

    let office = peer("endless", folder.path()).connect().await.unwrap();
    let error = timeout(LONG, office.tools()).await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("not a list of at most 1000 pages"), "{error}");

    let error = peer("ancient", folder.path()).connect().await.unwrap_err();
    assert!(
        error.to_string().ends_with("it speaks an unknown version of MCP, 1999-01-01"),
        "{error}"
    );
}

#[tokio::test]
async fn a_tool_that_is_gone_is_neither_offered_nor_called() {
    let folder = tempdir().unwrap();
    let office = peer("changing", folder.path()).connect().await.unwrap();
    let tools = office.tools().await.unwrap();
    assert_eq!(tools.iter().map(McpTool::remote_name).collect::<Vec<_>>(), ["act", "removed"]);
    tools[0].call(json!({})).await.unwrap();
    let later = async {
        loop {
            let later = office.tools().await.unwrap();
            if later[1].remote_name() == "added" {
                break later;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let later = timeout(LONG, later).await.unwrap();
    assert_eq!(later.len(), 2);
    let text =
        "the MCP server `office` does not offer the tool `removed`; available tools: act, added";
    assert_eq!(failure(&tools[1]).await.to_string(), text);

    // An agent that was built before calls it in vain, and does not offer it in the next turn.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seen_by_model = Arc::clone(&seen);
    let model = ScriptedModel::from_fn("scripted", move |request: &ModelRequest| {
        let mut seen = seen_by_model.lock().unwrap();
        seen.push(request.clone());
        if seen.len() == 1 { Reply::call("removed", json!({})) } else { Reply::text("Done.") }
    });
    let clerk = Agent::builder("Clerk", model).tools(tools).build();
    assert_eq!(clerk.run("Go on.").await.unwrap().output, "Done.");
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["act"]);
    let told = format!("{:?}", seen[1].messages.last().unwrap());
    assert!(told.contains("removed"), "{told}");
}

/// Returns a model that makes these replies, and the names of the tools that it is offered in each turn.
fn recording(replies: Vec<Reply>) -> (ScriptedModel, Arc<Mutex<Vec<Vec<String>>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let offered = Arc::clone(&seen);
    let model = ScriptedModel::from_fn("scripted", move |request: &ModelRequest| {
        let mut seen = seen.lock().unwrap();
        seen.push(request.tools.iter().map(|tool| tool.name.clone()).collect());
        replies[seen.len() - 1].clone()
    });
    (model, offered)
}

#[tokio::test]
async fn an_agent_with_a_server_as_a_source_follows_its_changes() {
    let folder = tempdir().unwrap();
    let office = peer("changing", folder.path()).connect().await.unwrap();
    let replies = ["act", "added"].map(|tool| Reply::call(tool, json!({})));
    let (model, offered) = recording(replies.into_iter().chain([Reply::text("Done.")]).collect());
    let clerk = Agent::builder("Clerk", model).tool_source(office).build();
    let capture = Capture::new();
    let result = capture.run_async(clerk.run("Go on.")).await.unwrap();
    assert_eq!(result.output, "Done.");
    let offered = offered.lock().unwrap();
    assert_eq!(offered[0], ["act", "removed"]);
    assert_eq!(offered[1], ["act", "added"]);
    assert_span_tree!(capture, {
        runner "Runner" > agent "Clerk" ["agent.tools" contains "added"] {
            mcp_list_tools "office"
            llm "scripted"
            tool "act" { client "tools/call act" }
            mcp_list_tools "office"
            llm "scripted"
            tool "added" { client "tools/call added" }
            mcp_list_tools "office"
            llm "scripted"
        }
    });
}

#[tokio::test]
async fn a_source_fails_a_run_only_without_tools_of_it() {
    let folder = tempdir().unwrap();
    let office = peer("dying", folder.path()).connect().await.unwrap();
    let (model, offered) = recording(vec![Reply::call("act", json!({})), Reply::text("It died.")]);
    let clerk = Agent::builder("Clerk", model).tool_source(office.clone()).build();
    assert_eq!(clerk.run("Go on.").await.unwrap().output, "It died.");
    assert_eq!(offered.lock().unwrap()[1], ["act", "removed"]);

    let office = peer("dying", folder.path()).connect().await.unwrap();
    office.close().await;
    let (model, offered) = recording(Vec::new());
    let clerk = Agent::builder("Clerk", model).tool_source(office).build();
    let error = clerk.run("Go on.").await.unwrap_err().to_string();
    let text = "`office` failed: the connection to the MCP server `office` is closed: this program has closed it";
    assert!(error.contains(text), "{error}");
    assert!(offered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_start_is_named() {
    let error = McpServer::stdio("no-such-program", [""; 0]).connect().await.unwrap_err();
    let text =
        "cannot connect to the MCP server `no-such-program`: `no-such-program` does not start: ";
    assert!(error.to_string().starts_with(text), "{error}");
    let error = McpServer::stdio("false", [""; 0]).connect().await.unwrap_err();
    let text = "cannot connect to the MCP server `false`: the server ended (exit status: 1)";
    assert_eq!(error.to_string(), text);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_process_is_left_behind() {
    let folder = tempdir().unwrap();
    let limit = Duration::from_millis(500);
    let error = peer("deaf", folder.path()).connect_timeout(limit).connect().await.unwrap_err();
    assert!(matches!(error, McpError::Timeout { .. }), "{error}");
    let processes = notes(folder.path());
    let processes: Vec<_> = processes.split_whitespace().collect();
    assert_eq!(processes.len(), 2);
    until(|| !processes.iter().any(|process| is_running(process))).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_that_does_not_end_is_ended() {
    for closes in [true, false] {
        let folder = tempdir().unwrap();
        let tool = act(peer("lingering", folder.path())).await;
        let process = notes(folder.path()).lines().next().unwrap().to_owned();
        assert!(is_running(&process));
        if closes {
            tool.connection().close().await;
            assert!(!is_running(&process));
        }
        drop(tool);
        until(|| !is_running(&process)).await;
    }
}

#[tokio::test]
async fn secrets_of_the_environment_appear_nowhere() {
    let folder = tempdir().unwrap();
    let capture = Capture::new();
    let result = capture
        .run_async(async {
            let server = peer("revealing", folder.path()).env("API_KEY", "s3cr3t-token");
            assert!(!format!("{server:?}").contains("s3cr3t"));
            let tool = act(server).await;
            assert!(!format!("{tool:?} {:?}", tool.connection()).contains("s3cr3t"));
            tool.call(json!({})).await.unwrap()
        })
        .await;
    let text = format!("{result:?}");
    assert!(text.contains("API_KEY") && text.contains("[REDACTED]"), "{text}");
    assert!(!text.contains("s3cr3t-token"), "{text}");
    // A server sees the variables that it needs, and no others of this process.
    assert!(text.contains("PATH") && !text.contains("CARGO_MANIFEST_DIR"), "{text}");
    for span in &capture.spans() {
        assert!(!format!("{span:?}").contains("s3cr3t-token"), "{span:?}");
    }
}

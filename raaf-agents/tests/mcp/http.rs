//! Servers behind HTTP that refuse, garble, hang or go away.

use std::time::Duration;

use raaf_agents::{
    Tool as _, ToolError,
    mcp::{McpConnection, McpError, McpServer},
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use crate::{
    peer::service,
    server::{Answer, Server},
};

const KEY: &str = "s3cr3t-token";

pub(crate) fn answer(id: u64, result: &Json) -> Answer {
    Answer::ok(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn initialized() -> Answer {
    let result = json!({
        "protocolVersion": "2025-06-18",
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "fake", "version": "1" },
    });
    answer(0, &result)
}

/// Starts a server that answers the handshake, a listing, and a call in this way.
pub(crate) async fn server(call: impl IntoIterator<Item = Answer>) -> Server {
    let tool = json!({ "name": "act", "inputSchema": { "type": "object" } });
    let handshake =
        [initialized(), Answer::status(202, ""), answer(1, &json!({ "tools": [tool] }))];
    Server::start(handshake.into_iter().chain(call)).await
}

async fn connect(url: &str) -> Result<McpConnection, McpError> {
    let limit = Duration::from_millis(500);
    McpServer::http(url).name("office").bearer(KEY).timeout(limit).connect().await
}

async fn failure(office: &McpConnection) -> McpError {
    match office.tools().await.unwrap()[0].call(json!({})).await.unwrap_err() {
        ToolError::Failed { source, .. } => *source.downcast::<McpError>().unwrap(),
        other => panic!("{other}"),
    }
}

/// Calls the tool of a server that answers in this way.
async fn failure_of(call: Answer) -> String {
    let server = server([call]).await;
    let error = failure(&connect(&server.url()).await.unwrap()).await.to_string();
    assert!(!error.contains(KEY) && !error.contains(&server.url()), "{error}");
    error
}

#[tokio::test]
async fn answers_that_are_not_messages_are_errors() {
    let start = "`tools/call` of the MCP server `office` failed: ";
    for (answer, text) in [
        (Answer::status(500, "out of order"), "HTTP 500"),
        (Answer::status(200, "{ half a message"), "half a message"),
        (Answer::status(200, &format!("bad key {KEY}")), "bad key [REDACTED]"),
        (Answer::recorded(200, "text/html", "<html>"), "text/html"),
        (Answer::status(404, "who?"), ""),
        (Answer::close(), ""),
    ] {
        let error = failure_of(answer).await;
        assert!(error.starts_with(start) && error.contains(text), "{error}");
    }
    let error = failure_of(answer(2, &json!({ "weather": "fine" }))).await;
    assert_eq!(error, format!("{start}the answer is not the result of a tool"));
}

#[tokio::test]
async fn a_server_that_hangs_is_told_that_the_call_is_cancelled() {
    let server = server([Answer::never(), Answer::status(202, "")]).await;
    let capture = Capture::new();
    capture
        .run_async(async {
            let office = connect(&server.url()).await.unwrap();
            let error = failure(&office).await;
            let text = "the MCP server `office` did not answer `tools/call` within 0.5 s";
            assert_eq!(error.to_string(), text);
            let cancelled = async {
                while server.requests().len() < 5 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), cancelled).await.unwrap();
        })
        .await;
    let last = &server.requests()[4].body;
    assert_eq!(last["method"], "notifications/cancelled");
    assert_eq!(last["params"]["requestId"], 2);
    assert_span_tree!(capture, {
        client "initialize" [ok]
        mcp_list_tools "office" [ok]
        tool "act" [error "timeout"] { client "tools/call act" [error "timeout"] }
    });
}

#[tokio::test]
async fn headers_and_context_are_sent_and_recorded_nowhere() {
    let result = json!({ "content": [{ "type": "text", "text": format!("you are {KEY}") }] });
    let server = server([answer(2, &result)]).await;
    let capture = Capture::new();
    capture
        .run_async(async {
            let office = connect(&format!("{}?key=another-secret", server.url())).await.unwrap();
            let told = office.tools().await.unwrap()[0].call(json!({})).await.unwrap();
            assert_eq!(told, "you are [REDACTED]");
        })
        .await;
    let requests = server.requests();
    for request in &requests {
        assert!(request.head.to_lowercase().contains(&format!("authorization: bearer {KEY}")));
        assert!(request.head.contains("key=another-secret"));
    }
    let spans = capture.spans();
    let call = spans.iter().find(|span| span.name() == "tools/call act").unwrap();
    let parent = requests[3].body["params"]["_meta"]["traceparent"].as_str().unwrap().to_owned();
    let id = call.span_id().to_string().replace("span_", "");
    assert!(parent.contains(&id), "{parent} of {id}");
    let listed = &requests[2].body["params"]["_meta"]["traceparent"];
    assert!(listed.is_string(), "{:?}", requests[2].body);
    for span in &spans {
        let text = format!("{span:?}");
        assert!(!text.contains(KEY) && !text.contains("another-secret"), "{text}");
    }
}

#[tokio::test]
async fn a_session_id_that_is_a_secret_is_not_recorded() {
    let begins = initialized().header("Mcp-Session-Id", KEY);
    let server = Server::start([begins, Answer::status(202, "")]).await;
    let capture = Capture::new();
    capture.run_async(connect(&server.url())).await.unwrap();
    assert_span_tree!(capture, { client "initialize" [ok, "mcp.session.id" = "[REDACTED]"] });
}

#[tokio::test]
async fn a_user_and_a_password_in_the_url_are_secrets() {
    for user in ["another-secret", "clerk:another-secret"] {
        let result = json!({ "content": [{ "type": "text", "text": "you have another-secret" }] });
        let server = server([answer(2, &result)]).await;
        let url = server.url().replace("http://", &format!("http://{user}@"));
        let capture = Capture::new();
        let told = capture
            .run_async(async {
                let office = McpServer::http(url).connect().await.unwrap();
                office.tools().await.unwrap()[0].call(json!({})).await.unwrap()
            })
            .await;
        assert_eq!(told, "you have [REDACTED]");
        assert!(server.requests()[0].head.to_lowercase().contains("authorization: basic "));
        assert!(!format!("{:?}", capture.spans()).contains("another-secret"));
    }
}

#[tokio::test]
async fn a_server_that_refuses_or_is_absent_is_an_error_of_the_connection() {
    let refusing =
        Server::start([Answer::status(401, "no").header("WWW-Authenticate", "Bearer")]).await;
    let error = connect(&refusing.url()).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot connect to the MCP server `office`: "), "{error}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = connect(&format!("http://{free}/mcp?key=another-secret")).await.unwrap_err();
    assert!(matches!(error, McpError::Connect { .. }), "{error:?}");
    assert!(!error.to_string().contains("another-secret"), "{error}");
}

#[tokio::test]
async fn the_key_does_not_go_to_another_server() {
    let other = Server::start([answer(0, &json!({}))]).await;
    let moved = Answer::status(307, "").header("Location", &other.url());
    let error = connect(&Server::start([moved]).await.url()).await.unwrap_err();
    assert!(matches!(error, McpError::Connect { .. }), "{error}");
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_goes_away_in_the_middle_is_an_error() {
    let server = service().serve_http("127.0.0.1:0").await.unwrap();
    let office = McpServer::http(server.url()).name("office").connect().await.unwrap();
    office.tools().await.unwrap();
    server.shutdown().await;
    let error = failure(&office).await;
    assert!(matches!(error, McpError::Connect { .. } | McpError::Closed { .. }), "{error:?}");
    office.close().await;
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused() {
    let server = service().serve_http("127.0.0.1:0").await.unwrap();
    let port = server.address().port();
    let error = McpServer::http(format!("http://127.0.0.2:{port}/mcp")).connect().await;
    assert!(error.is_err());
    let page = |origin: &str| McpServer::http(server.url()).header("Origin", origin).connect();
    assert!(page("https://evil.example").await.is_err());
    assert!(page("http://localhost:5173").await.is_ok());
    let missing = McpServer::http(format!("http://127.0.0.1:{port}/other")).connect().await;
    assert!(missing.unwrap_err().to_string().contains("404"));
}

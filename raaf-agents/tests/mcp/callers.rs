//! Callers of a service: their context, their HTTP requests, and what they give up.

use std::{sync::Arc, time::Duration};

use http::Request;
use http_body_util::{BodyExt as _, Full};
use raaf_agents::{
    FunctionTool, Tool as _,
    mcp::{HttpService, McpService},
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Component, Traceable as _};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;
use tower_service::Service as _;

use crate::{peer::service, tools::in_process};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Sends a handshake within the span of an HTTP request.
async fn shake_hands(mut service: HttpService, meta: Json) {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
            "_meta": meta,
        },
    });
    let request = Request::post("http://localhost/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(Full::<bytes::Bytes>::from(message.to_string()))
        .unwrap();
    let work = async {
        let response = service.call(request).await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        let mut body = response.into_body();
        // The stream stays open after the answer.
        while let Some(Ok(frame)) = body.frame().await {
            let data = frame.into_data().unwrap_or_default();
            if String::from_utf8_lossy(&data).contains("serverInfo") {
                return;
            }
        }
        panic!("no answer");
    };
    Component::new("POST /mcp").in_span("run", work).await;
}

#[tokio::test]
async fn a_request_without_a_caller_is_within_the_http_request() {
    let capture = Capture::new();
    let office = service().provider(capture.provider()).http_service();
    capture.run_async(shake_hands(office.clone(), json!({}))).await;
    office.end();
    assert_span_tree!(capture, { component "POST /mcp" { server "initialize" } });
}

#[tokio::test]
async fn a_request_of_a_caller_is_linked_to_the_http_request() {
    let capture = Capture::new();
    let office = service().provider(capture.provider()).http_service();
    capture.run_async(shake_hands(office.clone(), json!({ "traceparent": CALLER }))).await;
    office.end();
    let spans = capture.spans();
    let (request, http) = (spans.only("initialize"), spans.only("POST /mcp"));
    assert!(CALLER.contains(&request.trace_id().to_string().replace("trace_", "")));
    let links: Vec<_> = request.links().map(|link| link.context().span_id()).collect();
    assert_eq!(links, [Some(http.span_id())]);
}

#[tokio::test]
async fn callers_that_are_not_trusted_are_links() {
    let (here, there) = (Capture::new(), Capture::new());
    here.run_async(async {
        let office = service().provider(there.provider()).link_callers();
        let office = in_process(office).connect().await.unwrap();
        office.tools().await.unwrap()[1].call(json!({})).await.unwrap();
        office.close().await;
    })
    .await;
    let (here, there) = (here.spans(), there.spans());
    let name = "tools/call chart";
    let (client, server) = (here.only(name), there.only(name));
    assert_ne!(client.trace_id(), server.trace_id());
    let links: Vec<_> = server.links().map(|link| link.context().span_id()).collect();
    assert_eq!(links, [Some(client.span_id())]);
}

#[tokio::test]
async fn a_call_that_the_client_gives_up_is_dropped() {
    let (started, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (starts, drops) = (Arc::clone(&started), Arc::clone(&dropped));
    let slow = FunctionTool::infallible("slow", "Never ends.", move |(): ()| {
        let (starts, drops) = (Arc::clone(&starts), Arc::clone(&drops));
        async move {
            let _at_drop = AtDrop(drops);
            starts.notify_one();
            std::future::pending::<()>().await;
        }
    });
    let there = Capture::new();
    let office = McpService::new("port-office").tool(slow).provider(there.provider());
    let office = in_process(office).connect().await.unwrap();
    let tools = office.tools().await.unwrap();
    tokio::select! {
        ended = tools[0].call(json!({})) => panic!("{ended:?}"),
        () = started.notified() => {}
    }
    tokio::time::timeout(Duration::from_secs(60), dropped.notified()).await.unwrap();
    office.close().await;
    assert_span_tree!(there, {
        server "initialize"
        server "tools/list"
        server "tools/call slow" [status = cancelled] { tool "slow" [status = cancelled] }
    });
}

struct AtDrop(Arc<Notify>);

impl Drop for AtDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

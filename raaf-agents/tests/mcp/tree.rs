//! One tree over the processes of client and server.

use raaf_agents::{Agent, Reply, ScriptedModel, Tool as _};
use raaf_testkit::{Capture, Spans, assert_coherent, assert_span_tree, read};
use raaf_trace_core::trace;
use serde_json::json;
use tempfile::tempdir;

use crate::peer::{peer, service};

#[tokio::test]
async fn client_server_and_what_the_server_calls_are_one_tree() {
    let folder = tempdir().unwrap();
    let capture = Capture::new();
    let model = ScriptedModel::new(
        "scripted",
        [Reply::call("office_pilot", json!({ "input": "When?" })), Reply::text("At 14:20.")],
    );
    let work = async {
        let office = peer("service", folder.path()).prefix("office_").connect().await.unwrap();
        assert_eq!(office.instructions(), Some("Ask for the tide first."));
        let clerk = Agent::builder("Clerk", model).tools(office.tools().await.unwrap()).build();
        assert_eq!(clerk.run("When is the tide high?").await.unwrap().output, "At 14:20.");
        office.close().await;
    };
    capture.run_async(trace("Enquiry").in_span(work)).await;
    let there = read::file(folder.path().join("spans.jsonl")).unwrap().without_faults();
    let all = Spans::new(capture.spans().iter().chain(there.iter()).cloned());
    assert_coherent!(all);
    assert_span_tree!(all, {
        trace "Enquiry" {
            client "initialize" [
                "mcp.method.name" = "initialize",
                "mcp.protocol.version" = "2025-11-25",
            ] {
                server "initialize" ["network.transport" = "pipe"]
            }
            mcp_list_tools "office" ["mcp.method.name" = "tools/list"] {
                server "tools/list"
            }
                agent "Clerk" {
                    llm "scripted"
                    tool "office_pilot" {
                        client "tools/call pilot" [
                            "mcp.method.name" = "tools/call",
                            "mcp.server" = "office",
                            "tool.name" = "pilot",
                            "network.transport" = "pipe",
                            "jsonrpc.request.id" = "2",
                        ] {
                            server "tools/call pilot" ["jsonrpc.request.id" = "2"] {
                                tool "pilot" {
                                    agent "Pilot" { llm "scripted"  tool "high_water"  llm "scripted" }
                                }
                            }
                        }
                    }
                    llm "scripted"
                }
        }
    });
    let names: Vec<_> = all.iter().map(|span| span.name()).collect();
    for name in ["tools/list", "tools/call pilot", "initialize"] {
        assert!(names.iter().any(|it| it == name), "{names:?}");
    }
}

#[tokio::test]
async fn the_console_sink_does_not_write_between_messages() {
    let folder = tempdir().unwrap();
    let office = peer("service", folder.path()).connect().await.unwrap();
    let tools = office.tools().await.unwrap();
    let high_water = tools.iter().find(|tool| tool.remote_name() == "high_water").unwrap();
    // A client gives a server up that sends 100 lines which are no messages.
    for _ in 0..60 {
        high_water.call(json!({ "harbour": "Wells" })).await.unwrap();
    }
    office.close().await;
}

#[tokio::test]
async fn client_and_server_are_one_tree_over_http() {
    let (here, there) = (Capture::new(), Capture::new());
    let server = service().provider(there.provider()).serve_http("127.0.0.1:0").await.unwrap();
    here.run_async(async {
        let office = raaf_agents::mcp::McpServer::http(server.url()).connect().await.unwrap();
        let tools = office.tools().await.unwrap();
        let high_water = tools.iter().find(|tool| tool.remote_name() == "high_water").unwrap();
        let answer = high_water.call(json!({ "harbour": "Wells" })).await.unwrap();
        assert_eq!(answer, json!({ "harbour": "Wells", "time": "14:20" }));
        office.close().await;
    })
    .await;
    server.shutdown().await;
    let all = Spans::new(here.spans().iter().chain(there.spans().iter()).cloned());
    assert_span_tree!(all, {
        client "initialize" {
            server "initialize"
        }
        mcp_list_tools "127.0.0.1" {
            server "tools/list"
        }
        tool "high_water" {
            client "tools/call high_water" [
                "network.transport" = "tcp",
                "network.protocol.name" = "http",
                "server.address" = "127.0.0.1",
                "mcp.session.id",
            ] {
                server "tools/call high_water" ["mcp.session.id", "network.transport" = "tcp"] {
                    tool "high_water"
                }
            }
        }
    });
    let session = |name: &str, kind: &str| {
        let span = all.by_component(name).find(|span| span.kind().as_str() == kind).unwrap();
        span.attributes().get("mcp.session.id").unwrap().to_string()
    };
    let called = "tools/call high_water";
    assert_eq!(session(called, "client"), session(called, "server"));
}

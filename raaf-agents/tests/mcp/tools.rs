//! A server's tools as an agent sees them.

use raaf_agents::{
    Agent, Approval, MediaSource, Part, Reply, RunErrorKind, Runner, ScriptedModel, Tool as _,
    mcp::{McpConnection, McpError, McpServer, McpService},
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::json;

use crate::peer::service;

/// Returns a server in this process.
pub(crate) fn in_process(service: McpService) -> McpServer {
    let (here, there) = tokio::io::duplex(1 << 16);
    let (input, output) = tokio::io::split(there);
    tokio::spawn(service.serve_io(input, output));
    let (output, input) = tokio::io::split(here);
    McpServer::io("office", output, input)
}

async fn names(office: &McpConnection) -> Vec<String> {
    let tools = office.tools().await.unwrap();
    tools.iter().map(|tool| tool.spec().name.clone()).collect()
}

#[tokio::test]
async fn tools_are_filtered_and_get_a_prefix() {
    let office = in_process(service()).prefix("o.").except(["panics", "pilot"]).connect().await;
    let office = office.unwrap();
    let names = names(&office).await;
    assert_eq!(names.len(), 3);
    // Models' servers refuse the dot.
    assert!(names[0].starts_with("o_high_water_"), "{names:?}");
    assert_eq!(office.tools().await.unwrap()[0].remote_name(), "high_water");

    let office = in_process(service()).only(["chart", "high_watr"]).connect().await.unwrap();
    let error = office.tools().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the MCP server `office` does not offer the tool `high_watr`; available tools: chart"
    );
}

#[tokio::test]
async fn the_list_is_asked_for_once() {
    let capture = Capture::new();
    capture
        .run_async(async {
            let office = in_process(service()).connect().await.unwrap();
            let first = office.tools().await.unwrap();
            let second = office.tools().await.unwrap();
            first[0].call(json!({ "harbour": "Wells" })).await.unwrap();
            second[0].call(json!({ "harbour": "Wells" })).await.unwrap();
        })
        .await;
    assert_span_tree!(capture, {
        client "initialize"
        mcp_list_tools "office" ["mcp.tools" contains "high_water", name "tools/list"]
        tool "high_water" { client "tools/call high_water" }
        tool "high_water" { client "tools/call high_water" }
    });
}

#[tokio::test]
async fn results_have_structured_content_and_images() {
    let office = in_process(service()).connect().await.unwrap();
    let tools = office.tools().await.unwrap();
    let tide = tools[0].call(json!({ "harbour": "Wells" })).await.unwrap();
    assert_eq!(tide.parts(), [Part::Json(json!({ "harbour": "Wells", "time": "14:20" }))]);
    let chart = tools[1].call(json!({})).await.unwrap();
    let [Part::Text(text), Part::Image(image)] = chart.parts() else { panic!("{chart:?}") };
    assert_eq!(text, "a chart");
    assert_eq!(image.source, MediaSource::Bytes(b"\x89PNG"[..].into()));
}

#[tokio::test]
async fn a_result_that_is_an_error_is_an_error_of_the_tool() {
    let (here, there) = (Capture::new(), Capture::new());
    here.run_async(async {
        let office = in_process(service().provider(there.provider())).connect().await.unwrap();
        let tools = office.tools().await.unwrap();
        let tool = |name: &str| tools.iter().find(|tool| tool.remote_name() == name).unwrap();
        let error = tool("broken").call(json!({})).await.unwrap_err();
        assert_eq!(error.to_string(), "`broken` failed: `broken` failed: the gauge is stuck");
        let error = tool("panics").call(json!({})).await.unwrap_err();
        assert_eq!(error.to_string(), "`panics` failed: `panics` panicked: no water");
        let error = tool("high_water").call(json!({ "town": 1 })).await.unwrap_err();
        assert!(error.to_string().contains("missing field `harbour`"), "{error}");
        office.close().await;
    })
    .await;
    assert_span_tree!(here, {
        client "initialize"
        mcp_list_tools "office"
        tool "broken" [error "tool_error"] { client "tools/call broken" [error "tool_error"] }
        tool "panics" [error "tool_error"] { client "tools/call panics" [error "tool_error"] }
        tool "high_water" [error "tool_error"] { client "tools/call high_water" [error "tool_error"] }
    });
    assert_span_tree!(there, {
        server "initialize"
        server "tools/list"
        server "tools/call broken" [error "tool_error"] { tool "broken" [error "ToolError::Failed"] }
        server "tools/call panics" [error "tool_error"] { tool "panics" [error "panic"] }
        server "tools/call high_water" [error "tool_error"] {
            tool "high_water" [error "ToolError::Arguments"]
        }
    });
}

#[tokio::test]
async fn a_call_waits_for_the_approval_of_its_tool() {
    let office = in_process(service())
        .approval_of_all(Approval::always())
        .approval(["chart"], Approval::never())
        .connect()
        .await
        .unwrap();
    let model = ScriptedModel::new(
        "scripted",
        [
            Reply::call("chart", json!({})),
            Reply::call("high_water", json!({ "harbour": "Wells" })),
            Reply::text("At 14:20."),
        ],
    );
    let clerk = Agent::builder("Clerk", model).tools(office.tools().await.unwrap()).build();
    let runner = Runner::new();
    let error = runner.run(&clerk, "When?").await.unwrap_err();
    let RunErrorKind::Paused(state) = error.kind else { panic!("{error}") };
    let mut state = *state;
    let call = state.pending()[0].key.clone();
    state.approve(&call).unwrap();
    let result = runner.resume(&clerk, state).await.unwrap();
    assert_eq!(result.output, "At 14:20.");
}

#[tokio::test]
async fn a_run_that_has_paused_goes_on_with_the_tools_of_its_source() {
    let model = ScriptedModel::new(
        "scripted",
        [Reply::call("high_water", json!({ "harbour": "Wells" })), Reply::text("At 14:20.")],
    );
    let clerk = |office| Agent::builder("Clerk", model.clone()).tool_source(office).build();
    let office = in_process(service()).approval_of_all(Approval::always()).connect().await.unwrap();
    let runner = Runner::new();
    let error = runner.run(&clerk(office.clone()), "When?").await.unwrap_err();
    let RunErrorKind::Paused(state) = error.kind else { panic!("{error}") };
    let mut state = *state;
    let call = state.pending()[0].key.clone();
    state.approve(&call).unwrap();

    let without = in_process(service()).except(["high_water"]).connect().await.unwrap();
    let error = runner.resume(&clerk(without), state.clone()).await.unwrap_err().to_string();
    assert!(error.contains("high_water"), "{error}");
    let result = runner.resume(&clerk(office), state).await.unwrap();
    assert_eq!(result.output, "At 14:20.");
}

#[tokio::test]
async fn a_tool_that_needs_approval_refuses_calls_of_clients() {
    let tool = raaf_agents::FunctionTool::infallible("sink", "Sinks.", |(): ()| async { "sunk" })
        .with_approval(Approval::always());
    let office = in_process(McpService::new("port-office").tool(tool)).connect().await.unwrap();
    let error = office.tools().await.unwrap()[0].call(json!({})).await.unwrap_err();
    assert!(error.to_string().contains("needs a person's approval"), "{error}");
}

#[tokio::test]
async fn a_service_listens_on_loopback_unless_it_is_exposed() {
    let error = service().serve_http("0.0.0.0:0").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot serve MCP: `0.0.0.0:0` is not a loopback address; `McpService::expose` allows others"
    );
    let server = service().expose(["office.example"]).serve_http("0.0.0.0:0").await.unwrap();
    assert!(server.address().ip().is_unspecified());
    server.shutdown().await;
}

#[tokio::test]
async fn settings_of_another_transport_are_errors() {
    let failed = |server: McpServer| async { server.connect().await.unwrap_err() };
    let error = failed(McpServer::stdio("true", [""; 0]).bearer("s3cr3t-token")).await;
    assert_eq!(
        error.to_string(),
        "the MCP server `true` is misconfigured: `.header` needs a server made by `McpServer::http`"
    );
    let error = failed(McpServer::http("http://localhost/mcp").env("A", "b")).await;
    assert!(matches!(error, McpError::Config { .. }), "{error}");
    let error = failed(McpServer::http("localhost:80")).await;
    assert!(error.to_string().contains("the URL is invalid"), "{error}");
    let error = failed(McpServer::http("http://localhost").header("x", "s3cr3t\ntoken")).await;
    assert!(error.to_string().contains("the header `x` is invalid"), "{error}");
    assert!(!error.to_string().contains("s3cr3t"), "{error}");
}

//! Servers and clients that others have written, from npm and `PyPI`.
//!
//! They are tested in CI, and wherever `RAAF_MCP_NPM` is set to a folder with the packages of `node.rs`,
//! and `RAAF_MCP_PYTHON` to a Python with `mcp` and `mcp-server-time`; or both to `install`.

#![allow(clippy::print_stderr, reason = "who reads the log has to see that nothing was tested")]

use std::{process::Stdio, time::Duration};

use raaf_agents::{
    Agent, Content, Part, Reply, Role, ScriptedModel, Tool as _,
    mcp::{McpConnection, McpError, McpServer},
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};
use tempfile::tempdir;
use tokio::process::Command;

use crate::{
    node::Packages,
    peer::{peer_command, service},
    python::{Program, comes_up, free_address},
};

const PYTHON: Program = Program {
    variable: "RAAF_MCP_PYTHON",
    package: "mcp==2.3.0 mcp-server-time==2026.10.19",
    file: "bin/python",
};

async fn call(server: &McpConnection, tool: &str, arguments: Json) -> Result<Content, String> {
    let tools = server.tools().await.unwrap();
    let tool = tools.iter().find(|it| it.remote_name() == tool).unwrap();
    tool.call(arguments).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn server_everything_works_over_pipes_and_http() {
    let packages = match Packages::find().await {
        Ok(packages) => packages,
        Err(reason) => return eprintln!("skipped, there are no packages of npm: {reason}"),
    };
    let program = packages.program("server-everything");
    let over_pipes = McpServer::stdio(packages.node(), [&program]).name("everything");
    everything(over_pipes.env("API_KEY", "s3cr3t-token"), true).await;

    let address = free_address().await.unwrap();
    let mut process = Command::new(packages.node());
    process.arg(&program).arg("streamableHttp").env("PORT", address.port().to_string());
    process.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut process = process.spawn().unwrap();
    comes_up(&mut process, || async { tokio::net::TcpStream::connect(address).await.is_ok() })
        .await
        .unwrap();
    let over_http = McpServer::http(format!("http://127.0.0.1:{}/mcp", address.port()));
    everything(over_http.name("everything"), false).await;
}

async fn everything(server: McpServer, has_key: bool) {
    let server = server.timeout(Duration::from_secs(20)).connect().await.unwrap();
    assert_eq!(server.protocol_version(), "2025-11-25");
    assert!(server.instructions().is_some());
    assert_eq!(call(&server, "echo", json!({ "message": "ahoy" })).await.unwrap(), "Echo: ahoy");
    let error = call(&server, "get-sum", json!({ "a": "one" })).await.unwrap_err();
    assert!(error.contains("Input validation error"), "{error}");
    let content = call(&server, "get-tiny-image", json!({})).await.unwrap();
    assert!(content.parts().iter().any(|part| matches!(part, Part::Image(_))), "{content:?}");
    let weather = call(&server, "get-structured-content", json!({ "location": "Chicago" })).await;
    let weather = weather.unwrap();
    let [Part::Json(weather)] = weather.parts() else { panic!("{weather:?}") };
    assert!(weather["temperature"].is_number(), "{weather}");
    let links = call(&server, "get-resource-links", json!({ "count": 1 })).await.unwrap();
    let links = format!("{links:?}");
    assert!(links.contains("demo://resource/dynamic"), "{links}");
    let embedded =
        call(&server, "get-resource-reference", json!({ "resourceType": "Blob", "resourceId": 1 }));
    assert!(embedded.await.unwrap().parts().len() > 1);
    let environment = format!("{:?}", call(&server, "get-env", json!({})).await.unwrap());
    assert!(!environment.contains("s3cr3t-token"), "{environment}");
    assert_eq!(environment.contains("[REDACTED]"), has_key, "{environment}");

    let resources = server.resources().await.unwrap();
    let page = resources.iter().find(|it| it.name == "features.md").unwrap();
    assert_eq!(page.media_type.as_deref(), Some("text/markdown"));
    let text = server.read_resource(&page.uri).await.unwrap();
    assert!(text.parts()[0].as_text().is_some_and(|text| text.contains('#')), "{text:?}");
    assert_eq!(server.resource_templates().await.unwrap().len(), 2);
    let error = server.read_resource("demo://no/such").await.unwrap_err();
    assert!(matches!(error, McpError::Refused { .. }), "{error:?}");

    let prompts = server.prompts().await.unwrap();
    let prompt = prompts.iter().find(|it| it.name == "args-prompt").unwrap();
    let required: Vec<_> = prompt.arguments.iter().filter(|it| it.required).collect();
    assert_eq!((&*required[0].name, required.len()), ("city", 1));
    let messages = server.prompt("args-prompt", [("city", "Oslo")]).await.unwrap();
    assert_eq!(messages[0].role, Role::User);
    assert!(messages[0].text().contains("Oslo"), "{messages:?}");
    server.close().await;
    assert!(server.is_closed());
}

#[tokio::test]
async fn a_long_operation_of_server_everything_is_cancelled() {
    let packages = match Packages::find().await {
        Ok(packages) => packages,
        Err(reason) => return eprintln!("skipped, there are no packages of npm: {reason}"),
    };
    let program = packages.program("server-everything");
    let server = McpServer::stdio(packages.node(), [&program]).timeout(Duration::from_millis(500));
    let server = server.connect_timeout(Duration::from_secs(60)).connect().await;
    let Ok(server) = server else { panic!("{server:?}") };
    let tools = loop {
        // The first listing may take longer than the limit on a busy machine.
        if let Ok(tools) = server.tools().await {
            break tools;
        }
    };
    let long =
        tools.iter().find(|it| it.remote_name() == "trigger-long-running-operation").unwrap();
    let error = long.call(json!({ "duration": 600, "steps": 2 })).await.unwrap_err().to_string();
    assert!(error.contains("did not answer `tools/call` within 0.5 s"), "{error}");
    server.close().await;
}

#[tokio::test]
async fn an_agent_reads_files_by_server_filesystem() {
    let packages = match Packages::find().await {
        Ok(packages) => packages,
        Err(reason) => return eprintln!("skipped, there are no packages of npm: {reason}"),
    };
    let folder = tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().join("tide.txt");
    std::fs::write(&path, "high at 14:20").unwrap();
    let program = packages.program("server-filesystem");
    let capture = Capture::new();
    capture
        .run_async(async {
            let files = McpServer::stdio(packages.node(), [program.as_path(), folder.path()])
                .name("files")
                .prefix("files_")
                .only(["read_text_file"])
                .connect()
                .await
                .unwrap();
            let model = ScriptedModel::new(
                "scripted",
                [
                    Reply::call("files_read_text_file", json!({ "path": path })),
                    Reply::call("files_read_text_file", json!({ "path": "/etc/passwd" })),
                    Reply::text("At 14:20."),
                ],
            );
            let clerk = Agent::builder("Clerk", model).tools(files.tools().await.unwrap()).build();
            let result = clerk.run("When is the tide high?").await.unwrap();
            let results = format!("{:?}", result.messages);
            assert!(results.contains("high at 14:20"), "{results}");
            assert!(results.contains("Access denied"), "{results}");
            files.close().await;
        })
        .await;
    assert_span_tree!(capture, {
        client "initialize"
        mcp_list_tools "files"
        runner "Runner" > agent "Clerk" {
            llm "scripted"
            tool "files_read_text_file" [ok] { client "tools/call read_text_file" [ok] }
            llm "scripted"
            tool "files_read_text_file" [error "tool_error"] {
                client "tools/call read_text_file" [error "tool_error"]
            }
            llm "scripted"
        }
    });
}

#[tokio::test]
async fn a_server_in_python_tells_the_time() {
    let python = match PYTHON.find().await {
        Ok(python) => python,
        Err(reason) => return eprintln!("skipped, there is no Python with MCP: {reason}"),
    };
    let server = McpServer::stdio(&python, ["-m", "mcp_server_time"]).connect().await.unwrap();
    let time = call(&server, "get_current_time", json!({ "timezone": "Europe/Oslo" })).await;
    assert!(format!("{time:?}").contains("Europe/Oslo"), "{time:?}");
    let error = call(&server, "get_current_time", json!({ "timezone": "Atlantis" })).await;
    assert!(error.unwrap_err().contains("Atlantis"));
    server.close().await;
}

/// A client of the official SDK, which lists and calls the tools of our service.
const CLIENT: &str = r#"
import asyncio, json, os, sys
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

async def use(streams):
    async with ClientSession(streams[0], streams[1]) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        print("tools", sorted(tool.name for tool in tools))
        for name, arguments in [
            ("high_water", {"harbour": "Wells"}), ("chart", {}), ("broken", {}), ("pilot", {"input": "?"}),
        ]:
            result = await session.call_tool(name, arguments)
            told = result.model_dump(mode="json", by_alias=True, exclude_none=True)
            print(name, json.dumps({key: told.get(key) for key in ["content", "structuredContent", "isError"]}))

async def main():
    if sys.argv[1] == "http":
        async with streamable_http_client(sys.argv[2]) as streams:
            await use(streams)
    else:
        parameters = StdioServerParameters(command=sys.argv[2], args=sys.argv[3:], env=dict(os.environ))
        async with stdio_client(parameters) as streams:
            await use(streams)

asyncio.run(main())
"#;

#[tokio::test]
async fn the_official_client_in_python_uses_our_service() {
    let python = match PYTHON.find().await {
        Ok(python) => python,
        Err(reason) => return eprintln!("skipped, there is no Python with MCP: {reason}"),
    };
    let folder = tempdir().unwrap();
    let (program, arguments, environment) = peer_command("service", folder.path());
    let mut over_pipes = Command::new(&python);
    over_pipes.args(["-c", CLIENT, "stdio"]).arg(program).args(arguments).envs(environment);
    let server = service().serve_http("127.0.0.1:0").await.unwrap();
    let mut over_http = Command::new(&python);
    over_http.args(["-c", CLIENT, "http"]).arg(server.url());
    for mut client in [over_pipes, over_http] {
        let output = client.kill_on_drop(true).output().await.unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<_> = told.lines().collect();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(lines.len(), 5, "{told}\n{errors}");
        assert_eq!(lines[0], "tools ['broken', 'chart', 'high_water', 'panics', 'pilot']");
        let result =
            |line: &str| -> Json { serde_json::from_str(line.split_once(' ').unwrap().1).unwrap() };
        assert_eq!(
            result(lines[1])["structuredContent"],
            json!({ "harbour": "Wells", "time": "14:20" })
        );
        assert_eq!(result(lines[2])["content"][1]["mimeType"], "image/png");
        assert_eq!(result(lines[3])["isError"], true);
        assert_eq!(result(lines[4])["content"][0]["text"], "At 14:20.");
    }
    server.shutdown().await;
}

//! The suite of conformance tests of the Model Context Protocol, for servers and clients.
//!
//! `conformance.yml` names the scenarios that fail, each with the reason.

#![allow(clippy::print_stderr, reason = "who reads the log has to see that nothing was tested")]

use std::{path::Path, time::Duration};

use raaf_agents::{
    Content, FunctionTool, Part, Tool as _,
    mcp::{McpServer, McpService},
};
use raaf_trace_core::{Component, Traceable};
use serde_json::{Value as Json, json};
use tempfile::tempdir;
use tokio::{process::Command, time::timeout};

use crate::{node::Packages, peer::peer_command};

const LIMIT: Duration = Duration::from_secs(300);

/// Runs the suite.
async fn passes(suite: &mut Command, folder: &Path) {
    let failing = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/conformance.yml");
    suite.arg("--expected-failures").arg(failing).current_dir(folder).kill_on_drop(true);
    let output = timeout(LIMIT, suite.output()).await.unwrap().unwrap();
    let (told, errors) = (output.stdout, output.stderr);
    let (told, errors) = (String::from_utf8_lossy(&told), String::from_utf8_lossy(&errors));
    assert!(output.status.success(), "{told}\n{errors}");
}

#[tokio::test]
async fn our_service_passes_the_suite_for_servers() {
    let packages = match Packages::find().await {
        Ok(packages) => packages,
        Err(reason) => return eprintln!("skipped, there are no packages of npm: {reason}"),
    };
    let folder = tempdir().unwrap();
    let server = service().serve_http("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/mcp", server.address().port());
    let mut suite = Command::new(packages.node());
    suite.arg(packages.program("conformance")).args(["server", "--url", &url]);
    passes(&mut suite, folder.path()).await;
    server.shutdown().await;
}

#[tokio::test]
async fn our_client_passes_the_suite_for_clients() {
    let packages = match Packages::find().await {
        Ok(packages) => packages,
        Err(reason) => return eprintln!("skipped, there are no packages of npm: {reason}"),
    };
    let folder = tempdir().unwrap();
    let (program, arguments, environment) = peer_command("conforming", folder.path());
    let client = format!("{} {}", program.display(), arguments.join(" "));
    let mut suite = Command::new(packages.node());
    suite.arg(packages.program("conformance")).args([
        "client",
        "--suite",
        "all",
        "--command",
        &client,
    ]);
    suite.envs(environment);
    passes(&mut suite, folder.path()).await;
}

/// A client that does what the scenarios for clients ask for.
pub(crate) async fn conform(url: &str) {
    let server = McpServer::http(url).connect().await.unwrap();
    for tool in server.tools().await.unwrap() {
        let arguments = match tool.remote_name() {
            "add_numbers" => json!({ "a": 2, "b": 3 }),
            _ => json!({}),
        };
        tool.call(arguments).await.unwrap();
    }
    server.close().await;
}

/// A service that has the tools of the scenarios for servers.
fn service() -> McpService {
    let image = || Part::image_bytes("image/png", b"\x89PNG\r\n\x1a\n");
    let text = |name: &str, text: &'static str| {
        FunctionTool::infallible(name, "Returns text.", move |(): ()| async move { text })
    };
    let parts = |name: &str, parts: Vec<Part>| Fixed {
        component: Component::tool(name),
        spec: raaf_agents::ToolSpec::new(name, "Returns parts.", json!({ "type": "object" })),
        content: parts.into(),
    };
    let audio = raaf_agents::Media::bytes("audio/wav", b"RIFF");
    let file = Part::file("example.txt", "text/plain", b"a file");
    let error = FunctionTool::new("test_error_handling", "Fails.", |(): ()| async {
        Err::<(), _>("This tool intentionally returns an error for testing")
    });
    let mixed = vec![Part::text("Multiple content types test:"), image(), file.clone()];
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": { "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" } },
        "additionalProperties": false,
    });
    let by_schema = Fixed {
        component: Component::tool("json_schema_2020_12_tool"),
        spec: raaf_agents::ToolSpec::new("json_schema_2020_12_tool", "Has a schema.", schema),
        content: "done".into(),
    };
    McpService::new("conformance")
        .tool(text("test_simple_text", "This is a simple text response for testing."))
        .tool(text("test_reconnection", "Reconnected."))
        .tool(parts("test_image_content", vec![image()]))
        .tool(parts("test_audio_content", vec![Part::Audio(audio)]))
        .tool(parts("test_embedded_resource", vec![file]))
        .tool(parts("test_multiple_content_types", mixed))
        .tool(error)
        .tool(by_schema)
}

/// A tool that returns the same content always.
#[derive(Traceable)]
struct Fixed {
    component: Component,
    spec: raaf_agents::ToolSpec,
    content: Content,
}

#[async_trait::async_trait]
impl raaf_agents::Tool for Fixed {
    fn spec(&self) -> &raaf_agents::ToolSpec {
        &self.spec
    }

    async fn invoke(&self, _: Json) -> Result<Content, raaf_agents::ToolError> {
        Ok(self.content.clone())
    }
}

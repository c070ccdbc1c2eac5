//! Servers and clients that exhaust, confuse or outlive the other side, and panics beside tools.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use raaf_agents::{
    Agent, Content, FunctionTool, Message, Reply, RunContext, ScriptedModel, Tool, ToolError,
    ToolResult, ToolSource, ToolSpec,
    mcp::{McpServer, McpService, McpTool},
};
use raaf_trace_core::{Component, Traceable};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::tools::in_process;

/// Returns a server of these tools, which answers each call with a result.
fn fake(tools: Json, result: Json) -> McpServer {
    let (here, there) = tokio::io::duplex(1 << 16);
    let (input, mut output) = tokio::io::split(there);
    tokio::spawn(async move {
        let mut lines = BufReader::new(input).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let message: Json = serde_json::from_str(&line).unwrap();
            let result = match message["method"].as_str().unwrap() {
                "initialize" => json!({
                    "protocolVersion": "2025-06-18",
                    "capabilities": { "tools": { "listChanged": true } },
                    "serverInfo": { "name": "fake", "version": "1" },
                }),
                "tools/list" => json!({ "tools": tools }),
                "tools/call" => result.clone(),
                _ => continue,
            };
            let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
            output.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
        }
    });
    let (output, input) = tokio::io::split(here);
    McpServer::io("fake", output, input)
}

fn tool(name: &str) -> Json {
    json!({ "name": name, "inputSchema": { "type": "object" } })
}

/// A tool that panics before it is called.
struct Panicking {
    spec: ToolSpec,
    component: Component,
    is_enabled: bool,
}

impl Panicking {
    fn new(name: &str, is_enabled: bool) -> Self {
        let spec = ToolSpec::new(name, "Panics.", json!({ "type": "object" }));
        Self { spec, component: Component::tool(name), is_enabled }
    }
}

impl Traceable for Panicking {
    fn component(&self) -> &Component {
        &self.component
    }
}

#[async_trait::async_trait]
impl Tool for Panicking {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn invoke(&self, _: Json) -> Result<Content, ToolError> {
        Ok("called".into())
    }

    fn is_enabled(&self, _: &RunContext) -> bool {
        assert!(self.is_enabled, "no lock");
        true
    }

    fn needs_approval(&self, _: &RunContext, _: &Json) -> bool {
        panic!("no approver");
    }
}

#[tokio::test]
async fn a_panic_beside_a_tool_is_an_answer() {
    let service = McpService::new("office").tool(Panicking::new("approved", true));
    let office = in_process(service).connect().await.unwrap();
    let tools = office.tools().await.unwrap();
    let error = tools[0].call(json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "`approved` failed: `approved` panicked: no approver");

    let service = McpService::new("office").tool(Panicking::new("enabled", false));
    let office = in_process(service).connect().await.unwrap();
    let error = office.tools().await.unwrap_err();
    assert!(error.to_string().ends_with("the server panicked: no lock (code -32603)"), "{error}");

    let service = McpService::new("office").context(|| panic!("no context"));
    let office = in_process(service).connect().await.unwrap();
    let error = office.tools().await.unwrap_err();
    assert!(
        error.to_string().ends_with("the server panicked: no context (code -32603)"),
        "{error}"
    );
}

#[test]
fn a_connection_ends_with_its_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let (office, tool) = first.block_on(async {
        let office = fake(json!([tool("act")]), json!({ "content": [] })).connect().await.unwrap();
        let tool = office.tools().await.unwrap().swap_remove(0);
        (office, tool)
    });
    drop(first);
    runtime().block_on(async {
        let error = tool.call(json!({})).await.unwrap_err();
        assert!(error.to_string().contains("is closed"), "{error}");
        assert!(office.is_closed());
        office.close().await;
    });
}

#[tokio::test]
async fn a_list_has_a_bound() {
    let tools: Vec<_> = (0..20_000).map(|number| tool(&number.to_string())).collect();
    let office = fake(tools.into(), json!({})).connect().await.unwrap();
    let error = office.tools().await.unwrap_err();
    assert!(error.to_string().ends_with("not a list of at most 10000 items"), "{error}");
}

#[tokio::test]
async fn tools_of_one_name_in_the_view_are_one_tool() {
    let office = fake(json!([tool("pay.out")]), json!({})).connect().await.unwrap();
    let shown = office.tools().await.unwrap()[0].spec().name.clone();
    // A second tool has the name that the first one is given.
    let office = fake(json!([tool("pay.out"), tool(&shown)]), json!({})).connect().await.unwrap();
    let tools = office.tools().await.unwrap();
    let remote: Vec<_> = tools.iter().map(McpTool::remote_name).collect();
    assert_eq!(remote, ["pay.out"]);
}

#[tokio::test]
async fn arguments_that_are_not_an_object_are_refused() {
    let office = fake(json!([tool("act")]), json!({ "content": [] })).connect().await.unwrap();
    let tool = office.tools().await.unwrap().swap_remove(0);
    for arguments in [json!("all"), json!([1]), json!(7)] {
        let error = tool.call(arguments).await.unwrap_err();
        assert!(error.to_string().contains("expected an object"), "{error}");
    }
    tool.call(Json::Null).await.unwrap();
}

/// A tool that is withdrawn, and back in the next list as another one.
struct Toggled(FunctionTool, Arc<AtomicBool>);

impl Traceable for Toggled {
    fn component(&self) -> &Component {
        self.0.component()
    }
}

#[async_trait::async_trait]
impl Tool for Toggled {
    fn spec(&self) -> &ToolSpec {
        self.0.spec()
    }

    async fn invoke(&self, arguments: Json) -> Result<Content, ToolError> {
        self.1.store(false, Ordering::Relaxed);
        self.0.invoke(arguments).await
    }

    fn is_enabled(&self, _: &RunContext) -> bool {
        self.1.load(Ordering::Relaxed)
    }
}

struct Toggling;

#[async_trait::async_trait]
impl ToolSource for Toggling {
    fn name(&self) -> &'static str {
        "toggling"
    }

    async fn tools(&self) -> Result<Vec<Arc<dyn Tool>>, Box<dyn Error + Send + Sync>> {
        let act = FunctionTool::infallible("act", "Acts.", |(): ()| async { "done" });
        Ok(vec![Arc::new(Toggled(act, Arc::new(true.into())))])
    }
}

#[tokio::test]
async fn a_tool_that_was_withdrawn_and_is_back_is_offered() {
    let replies = [Reply::call("act", json!({})), Reply::call("act", json!({})), "Done.".into()];
    let model = ScriptedModel::new("scripted", replies);
    let clerk = Agent::builder("Clerk", model).tool_source(Toggling).build();
    let result = clerk.run("Act twice.").await.unwrap();
    let results: Vec<_> =
        result.messages.iter().flat_map(Message::tool_results).map(ToolResult::text).collect();
    assert_eq!(results, ["done", "done"]);
}

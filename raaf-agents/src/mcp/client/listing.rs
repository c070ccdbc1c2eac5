//! List of a server's tools, kept until the server reports a change.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use raaf_trace_core::{Component, Kind, Value, call::SpanBuilder, current_span, keys};
use rmcp::model::{ClientRequest, ListToolsRequest, ServerResult, Tool};
use serde_json::Value as Json;
use tokio::sync::Mutex;

use super::{McpConnection, McpTool, connection::Inner};
use crate::{
    mcp::McpError,
    model::ToolSpec,
    tool::{Tool as AgentTool, ToolSource, name},
};

const METHOD: &str = "tools/list";

/// A tool in the list of a server.
pub(super) struct Listed {
    /// The name at the server.
    pub(super) name: String,
    pub(super) component: Component,
    pub(super) spec: ToolSpec,
    /// The latest list does not have the tool.
    pub(super) is_gone: AtomicBool,
}

/// The list, and the number of changes that the server has announced.
pub(super) struct Listing {
    changes: Arc<AtomicU64>,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    changes: u64,
    tools: Arc<[Arc<Listed>]>,
}

impl Listing {
    pub(super) fn new(changes: Arc<AtomicU64>) -> Self {
        Self { changes, known: Mutex::default() }
    }
}

impl McpConnection {
    /// Returns the server's tools that its settings select, as tools for agents. The list is fetched once,
    /// and again after the server reports a change.
    ///
    /// # Errors
    ///
    /// If the server does not answer with a list of tools, or does not have a tool that
    /// [`only`](crate::mcp::McpServer::only) names.
    pub async fn tools(&self) -> Result<Vec<McpTool>, McpError> {
        let listed = self.0.list().await?;
        for wanted in self.0.view.wanted() {
            if !listed.iter().any(|tool| tool.name == *wanted) {
                return Err(self.0.unknown(wanted, &listed));
            }
        }
        Ok(self.0.shown(&listed).map(|tool| McpTool::new(self.clone(), tool)).collect())
    }
}

#[async_trait]
impl ToolSource for McpConnection {
    fn name(&self) -> &str {
        Self::name(self)
    }

    async fn tools(&self) -> Result<Vec<Arc<dyn AgentTool>>, Box<dyn Error + Send + Sync>> {
        let listed = self.0.list().await?;
        let tools = self.0.shown(&listed).map(|tool| McpTool::new(self.clone(), tool));
        Ok(tools.map(|tool| Arc::new(tool) as Arc<dyn AgentTool>).collect())
    }
}

impl Inner {
    /// Returns the current list.
    pub(super) async fn list(&self) -> Result<Arc<[Arc<Listed>]>, McpError> {
        let mut known = self.listing.known.lock().await;
        let changes = self.listing.changes.load(Ordering::Acquire);
        if let Some(known) = known.as_ref().filter(|known| known.changes == changes) {
            return Ok(Arc::clone(&known.tools));
        }
        let mut tools = self.ask_for_tools().await?;
        if let Some(known) = known.as_ref() {
            let places: HashMap<_, _> =
                (0..).zip(&tools).map(|(at, tool)| (tool.name.clone(), at)).collect();
            for old in known.tools.iter() {
                match places.get(&old.name).and_then(|&at: &usize| tools.get_mut(at)) {
                    // An unchanged tool stays the same component.
                    Some(new) if new.spec == old.spec => *new = Arc::clone(old),
                    Some(_) => {}
                    None => old.is_gone.store(true, Ordering::Release),
                }
            }
        }
        let tools: Arc<[_]> = tools.into();
        *known = Some(Known { changes, tools: Arc::clone(&tools) });
        Ok(tools)
    }

    /// Iterates over the tools of the view, the first one of each name that they have there.
    pub(super) fn shown(&self, listed: &[Arc<Listed>]) -> impl Iterator<Item = Arc<Listed>> {
        let mut names = HashSet::new();
        let tools = listed.iter().filter(|tool| self.view.shows(&tool.name));
        tools.filter(move |tool| names.insert(&tool.spec.name)).cloned()
    }

    /// Returns an error if the list has changed and no longer has the tool.
    pub(super) async fn check(&self, tool: &str) -> Result<(), McpError> {
        let listed = self.list().await?;
        let has_it = listed.iter().any(|listed| listed.name == tool);
        if has_it { Ok(()) } else { Err(self.unknown(tool, &listed)) }
    }

    fn unknown(&self, tool: &str, listed: &[Arc<Listed>]) -> McpError {
        McpError::UnknownTool {
            server: self.name().to_owned(),
            tool: tool.to_owned(),
            available: self.shown(listed).map(|tool| tool.name.clone()).collect(),
        }
    }

    async fn ask_for_tools(&self) -> Result<Vec<Arc<Listed>>, McpError> {
        let span = |span: SpanBuilder| {
            span.kind(Kind::McpListTools).component_name(self.name().to_owned())
        };
        let request = |params| {
            let request = ListToolsRequest { params, ..ListToolsRequest::default() };
            ClientRequest::ListToolsRequest(request)
        };
        let read = |answer| match answer {
            ServerResult::ListToolsResult(page) => {
                record(&page.tools);
                Some((page.tools, page.next_cursor))
            }
            _ => None,
        };
        let tools = self.pages(METHOD, span, request, read).await?;
        let mut names = HashSet::new();
        let tools = tools.into_iter().filter(|tool| names.insert(tool.name.clone()));
        Ok(tools.map(|tool| Arc::new(self.listed(tool))).collect())
    }

    fn listed(&self, tool: Tool) -> Listed {
        let name = tool.name.into_owned();
        let shown = name::legal(format!("{}{name}", self.view.prefix));
        let description = tool.description.as_deref().unwrap_or_default();
        let parameters = Json::Object((*tool.input_schema).clone());
        let spec = ToolSpec::new(&shown, description, parameters);
        Listed { name, component: Component::tool(&shown), spec, is_gone: AtomicBool::new(false) }
    }
}

/// Records the names on the span of the listing.
fn record(tools: &[Tool]) {
    if let Some(span) = current_span() {
        let names: Vec<_> = tools.iter().map(|tool| &tool.name).collect();
        span.set_attribute(keys::MCP_TOOLS, Value::json(&names));
    }
}

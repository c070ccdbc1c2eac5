//! Servers of tools and agents.

mod content;
mod handler;
mod http;
mod running;

use std::{fmt, io, sync::Arc};

use raaf_trace_core::{TracerProvider, sink};
use rmcp::{
    model::{Implementation, ServerCapabilities, ServerConfig},
    service::ServerInitializeError,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
};

use super::{McpError, keys::Transport, quiet::quietly};
use crate::{
    agent::Agent,
    run::RunContext,
    tool::{Tool, name},
};
use handler::{Handler, Served};
pub use http::HttpService;
pub use running::HttpServer;

/// Default of [`McpService::max_calls`].
const MAX_CALLS: usize = 100;

/// Server of tools and agents, for programs that speak the Model Context Protocol.
///
/// Each request has a span of kind `server`, within the caller's trace if the caller sends its context. A
/// tool runs in a span of its own below it. A call of a tool that [needs an
/// approval](crate::Tool::needs_approval) is refused, because a service cannot ask anyone. If a tool
/// panics, its call fails.
///
/// # Examples
///
/// ```no_run
/// use raaf_agents::{Agent, FunctionTool, ScriptedModel, mcp::McpService};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let high_water = FunctionTool::infallible("high_water", "Returns when the tide is high.", |(): ()| async {
///     "14:20"
/// });
/// let pilot = Agent::builder("Pilot", ScriptedModel::new("scripted", ["Berth 4."])).build();
/// McpService::new("port-office").tool(high_water).agent(&pilot).serve_stdio().await?;
/// # Ok::<(), raaf_agents::mcp::McpError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a service serves nothing until `serve_stdio` or `serve_http` is called"]
pub struct McpService {
    name: String,
    version: String,
    instructions: Option<String>,
    tools: Vec<Arc<dyn Tool>>,
    context: Arc<dyn Fn() -> RunContext + Send + Sync>,
    provider: Option<TracerProvider>,
    links_callers: bool,
    max_calls: usize,
    hosts: Vec<String>,
}

impl McpService {
    /// Creates a service with this name and no tools.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instructions: None,
            tools: Vec::new(),
            context: Arc::new(RunContext::new),
            provider: None,
            links_callers: false,
            max_calls: MAX_CALLS,
            hosts: Vec::new(),
        }
    }

    /// Sets the version that the service reports; the default is the version of this crate.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the instructions for models that use the service.
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// Adds a tool, which replaces an earlier tool with the same name.
    pub fn tool(mut self, tool: impl Tool + 'static) -> Self {
        self.tools.retain(|other| other.spec().name != tool.spec().name);
        self.tools.push(Arc::new(tool));
        self
    }

    /// Adds tools of one type; see [`tool`](Self::tool).
    pub fn tools<T: Tool + 'static>(self, tools: impl IntoIterator<Item = T>) -> Self {
        tools.into_iter().fold(self, Self::tool)
    }

    /// Adds an agent as a tool, which has the agent's name in snake case and takes an `input`.
    ///
    /// To choose the name, the arguments, or a description by which models decide when to ask the agent,
    /// add [`Agent::as_tool`](crate::Agent::as_tool) as a [tool](Self::tool) instead.
    pub fn agent(self, agent: &Agent) -> Self {
        let description = format!("Asks the agent `{}`, and returns its answer.", agent.name());
        self.tool(agent.as_tool(name::of("", agent.name()), description))
    }

    /// Sets the function that creates the context of each call, such as one with
    /// [a value](crate::RunContext::with_value) that tools expect.
    pub fn context(mut self, context: impl Fn() -> RunContext + Send + Sync + 'static) -> Self {
        self.context = Arc::new(context);
        self
    }

    /// Sets the provider of the spans; the default is the global one.
    pub fn provider(mut self, provider: &TracerProvider) -> Self {
        self.provider = Some(provider.clone());
        self
    }

    /// Starts a new trace for each request, with a link to the caller's span, for callers that are not
    /// trusted. By default, a request continues the caller's trace.
    pub fn link_callers(mut self) -> Self {
        self.links_callers = true;
        self
    }

    /// Sets the maximum number of calls that run at the same time, at least 1; the default is 100. Others
    /// wait.
    pub fn max_calls(mut self, calls: usize) -> Self {
        self.max_calls = calls.max(1);
        self
    }

    /// Allows [`serve_http`](Self::serve_http) to bind to any address, and accepts requests for these host
    /// names. The service checks no credentials: put a check in front of it, such as a layer around
    /// [`http_service`](Self::http_service).
    pub fn expose<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.hosts.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// Serves over standard input and output until the input ends. Nothing else may write to standard output.
    /// It is [reserved](raaf_trace_core::sink::reserve_stdout), so that the console sink writes to standard
    /// error from then on.
    ///
    /// # Errors
    ///
    /// If the client does not begin with a valid handshake.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn serve_stdio(self) -> Result<(), McpError> {
        sink::reserve_stdout();
        Box::pin(self.serve_io(tokio::io::stdin(), tokio::io::stdout())).await
    }

    /// Serves over any pair of streams, such as the halves of a socket, until the input ends.
    ///
    /// # Errors
    ///
    /// See [`serve_stdio`](Self::serve_stdio).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn serve_io(
        self,
        input: impl AsyncRead + Send + Unpin + 'static,
        output: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), McpError> {
        let handler = self.into_handler(Transport::Pipe);
        let failed = |message: String| McpError::Serve { message };
        let running = match quietly(rmcp::serve_server(handler, (input, output))).await {
            Ok(running) => running,
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(failed(format!("the handshake failed: {error}"))),
        };
        let ended = running.waiting().await;
        ended.map(drop).map_err(|error| failed(error.to_string()))
    }

    /// Serves over HTTP at the path `/mcp` of an address, such as `127.0.0.1:0` for any free port, until
    /// the returned server is dropped or shut down.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound, or is not a loopback address and the service is not
    /// [exposed](Self::expose).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn serve_http(self, address: impl AsRef<str>) -> Result<HttpServer, McpError> {
        let address = address.as_ref();
        let failed =
            |error: io::Error| McpError::Serve { message: format!("`{address}`: {error}") };
        let found: Vec<_> = tokio::net::lookup_host(address).await.map_err(failed)?.collect();
        let is_exposed = !self.hosts.is_empty();
        if !is_exposed && found.iter().any(|address| !address.ip().is_loopback()) {
            let message = format!(
                "`{address}` is not a loopback address; `McpService::expose` allows others"
            );
            return Err(McpError::Serve { message });
        }
        let listener = tokio::net::TcpListener::bind(&*found).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(HttpServer::start(listener, address, self.http_service()))
    }

    /// Returns a service for HTTP servers such as axum's, which answers at any path that is routed to it.
    /// Requests must be for a loopback host, or for a host that was given to [`expose`](Self::expose).
    pub fn http_service(self) -> HttpService {
        let hosts = self.hosts.clone();
        HttpService::new(self.into_handler(Transport::Http), hosts)
    }

    fn into_handler(self, transport: Transport) -> Handler {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let mut config = ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(self.name, self.version));
        config.instructions = self.instructions;
        Handler::new(Served {
            config,
            tools: self.tools,
            context: self.context,
            provider: self.provider,
            links_callers: self.links_callers,
            calls: Semaphore::new(self.max_calls.min(Semaphore::MAX_PERMITS)),
            transport,
        })
    }
}

impl fmt::Debug for McpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools: Vec<_> = self.tools.iter().map(|tool| &*tool.spec().name).collect();
        f.debug_struct("McpService")
            .field("name", &self.name)
            .field("tools", &tools)
            .finish_non_exhaustive()
    }
}

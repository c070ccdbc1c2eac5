//! A connection to a server.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use raaf_trace_core::{Attributes, keys, set_attribute, tracer};
use rmcp::{
    ClientHandler, RoleClient,
    model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion, RequestMetaObject},
    service::{self, ClientInitializeError, NotificationContext, Peer, RunningService},
    transport::{IntoTransport, streamable_http_client::StreamableHttpError},
};
use tokio::{runtime::Handle, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    McpServer,
    fate::Fate,
    http::{self, Session},
    lines::LineTransport,
    listing::Listing,
    server::{Place, View},
};
use crate::{
    mcp::{
        McpError,
        keys::{METHOD, PROTOCOL_VERSION, SESSION_ID, Transport},
        propagation,
        quiet::quietly,
        secrets::Secrets,
    },
    web,
};

const INITIALIZE: &str = "initialize";

/// Connection to an MCP server; see [`McpServer::connect`]. Clones share the connection.
///
/// The connection closes when its last clone and its last tool are dropped. That takes up to 4 seconds in
/// the background; [`close`](Self::close) waits until it is done.
#[derive(Clone)]
pub struct McpConnection(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) peer: Peer<RoleClient>,
    pub(super) view: View,
    pub(super) timeout: Duration,
    pub(super) secrets: Secrets,
    pub(super) fate: Fate,
    pub(super) listing: Listing,
    pub(super) runtime: Handle,
    pub(super) closed: CancellationToken,
    facts: Facts,
    instructions: Option<String>,
    closing: CancellationToken,
    _closes_on_drop: DropGuard,
}

/// Facts of a connection that its spans show.
pub(super) struct Facts {
    name: String,
    transport: Transport,
    address: Option<(String, Option<u16>)>,
    session: Session,
    protocol: String,
}

impl Facts {
    fn of(server: &McpServer) -> Self {
        let (transport, address) = match &server.place {
            Place::Http { url, .. } => {
                let host = url.host_str().unwrap_or_default().to_owned();
                (Transport::Http, Some((host, url.port_or_known_default())))
            }
            Place::Process(_) | Place::Io(..) | Place::Nowhere => (Transport::Pipe, None),
        };
        let (name, session) = (server.name.clone(), Session::default());
        Self { name, transport, address, session, protocol: String::new() }
    }

    fn describe(&self, method: &str, attributes: &mut Attributes) {
        attributes.set(METHOD, method).set(keys::MCP_SERVER, &self.name);
        self.transport.describe(attributes);
        if !self.protocol.is_empty() {
            attributes.set(PROTOCOL_VERSION, &self.protocol);
        }
        if let Some((host, port)) = &self.address {
            attributes.set(keys::SERVER_ADDRESS, host).set(keys::SERVER_PORT, port.map(u64::from));
        }
        if let Some(id) = self.session.id() {
            attributes.set(SESSION_ID, &*id);
        }
    }
}

/// Receiver of the messages that a server sends unasked.
struct Handler {
    config: ClientConfig,
    changes: Arc<AtomicU64>,
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        self.config.clone()
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }
}

impl McpConnection {
    pub(super) async fn open(server: McpServer, secrets: Secrets) -> Result<Self, McpError> {
        let facts = Facts::of(&server);
        let work = Box::pin(Self::open_in_span(server, secrets, facts));
        tracer().span(INITIALIZE).kind("client").try_in_span(work).await
    }

    async fn open_in_span(
        server: McpServer,
        secrets: Secrets,
        mut facts: Facts,
    ) -> Result<Self, McpError> {
        if let Some(span) = raaf_trace_core::current_span() {
            span.set_attributes(|attributes| facts.describe(INITIALIZE, attributes));
        }
        let (fate, changes) = (Fate::default(), Arc::default());
        let mut config = ClientConfig::new(
            ClientCapabilities::default(),
            Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
        )
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE);
        let mut meta = RequestMetaObject::new();
        propagation::inject(&mut meta);
        config.meta = Some(meta).filter(|meta| !meta.is_empty());
        let handler = Handler { config, changes: Arc::clone(&changes) };
        let closing = CancellationToken::new();
        let opening = Opening { name: &facts.name, secrets: &secrets, fate: &fate };
        let after = server.connect_timeout;
        let started = match server.place {
            Place::Process(program) => {
                let (pipes, group) =
                    program.start(fate.clone(), secrets.clone()).map_err(|error| {
                        let program = program.path.to_string_lossy();
                        opening.failed(&format!("`{program}` does not start: {error}"))
                    })?;
                let (output, input) = (Box::new(pipes.output), Box::new(pipes.input));
                let transport =
                    LineTransport::new(output, input, Some(group), secrets.clone(), fate.clone());
                Box::pin(opening.start(handler, transport, closing.clone(), after)).await?
            }
            Place::Io(output, input) => {
                let transport =
                    LineTransport::new(output, input, None, secrets.clone(), fate.clone());
                Box::pin(opening.start(handler, transport, closing.clone(), after)).await?
            }
            Place::Http { url, headers } => {
                let transport =
                    http::transport(&url, headers, facts.session.clone(), secrets.clone());
                let transport = transport.map_err(|error| opening.failed(&error))?;
                let started = opening.start(handler, transport, closing.clone(), after);
                Box::pin(started).await.map_err(|error| through(web::proxy(&url), error))?
            }
            Place::Nowhere => return Err(opening.failed("it has no address")),
        };
        let info = started.peer().peer_info();
        let version = info.as_ref().map(|info| info.protocol_version.clone()).unwrap_or_default();
        if !ProtocolVersion::KNOWN_VERSIONS.contains(&version) {
            closing.cancel();
            return Err(opening.failed(&format!("it speaks an unknown version of MCP, {version}")));
        }
        version.as_str().clone_into(&mut facts.protocol);
        set_attribute(PROTOCOL_VERSION, &facts.protocol);
        set_attribute(SESSION_ID, facts.session.id().as_deref());
        let (peer, closed) = (started.peer().clone(), CancellationToken::new());
        let end = End { fate: fate.clone(), closed: closed.clone() };
        tokio::spawn(async move {
            let _ = started.waiting().await;
            end.fate.end("the server has closed it");
        });
        Ok(Self(Arc::new(Inner {
            peer,
            view: server.view,
            timeout: server.timeout,
            listing: Listing::new(changes),
            runtime: Handle::current(),
            closed,
            instructions: info.and_then(|info| info.instructions.clone()),
            facts,
            secrets,
            fate,
            _closes_on_drop: closing.clone().drop_guard(),
            closing,
        })))
    }

    /// Returns the name of the server.
    pub fn name(&self) -> &str {
        &self.0.facts.name
    }

    /// Returns the server's instructions for models, which can be added to the instructions of an agent
    /// that uses the tools. Use them only if you trust the server.
    pub fn instructions(&self) -> Option<&str> {
        self.0.instructions.as_deref()
    }

    /// Returns the version of the protocol, such as `2025-11-25`.
    pub fn protocol_version(&self) -> &str {
        &self.0.facts.protocol
    }

    /// Returns whether the connection is closed.
    pub fn is_closed(&self) -> bool {
        self.0.closed.is_cancelled() || self.0.peer.is_transport_closed()
    }

    /// Closes the connection, and waits until it is closed. A server that is a process has 2 seconds to
    /// exit by itself, and 2 more after it is asked to (SIGTERM, on Unix); then it is killed.
    pub async fn close(&self) {
        self.0.fate.end("this program has closed it");
        self.0.closing.cancel();
        self.0.closed.cancelled().await;
    }
}

impl Inner {
    pub(super) fn name(&self) -> &str {
        &self.facts.name
    }

    /// Sets the attributes of a request.
    pub(super) fn describe(&self, method: &str, attributes: &mut Attributes) {
        self.facts.describe(method, attributes);
    }
}

/// End of a connection, also if its runtime drops the task that waits for it.
struct End {
    fate: Fate,
    closed: CancellationToken,
}

impl Drop for End {
    fn drop(&mut self) {
        self.fate.end("the runtime that it was opened in has ended");
        self.closed.cancel();
    }
}

/// Adds the proxy to the error of a connection through one.
fn through(proxy: Option<String>, error: McpError) -> McpError {
    match (error, proxy) {
        (McpError::Connect { server, message }, Some(proxy)) => {
            McpError::Connect { server, message: format!("{message} (through the proxy {proxy})") }
        }
        (error, _) => error,
    }
}

/// Connection that is being established.
struct Opening<'a> {
    name: &'a str,
    secrets: &'a Secrets,
    fate: &'a Fate,
}

impl Opening<'_> {
    fn failed(&self, message: &str) -> McpError {
        McpError::Connect { server: self.name.to_owned(), message: self.secrets.hide(message) }
    }

    async fn start<T, E, A>(
        &self,
        handler: Handler,
        transport: T,
        closing: CancellationToken,
        after: Duration,
    ) -> Result<RunningService<RoleClient, Handler>, McpError>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let starting = quietly(service::serve_client_with_ct(handler, transport, closing));
        match timeout(after, starting).await {
            Ok(Ok(started)) => Ok(started),
            Ok(Err(error)) => Err(self.of(error)),
            Err(_) => Err(McpError::Timeout {
                server: self.name.to_owned(),
                method: INITIALIZE.to_owned(),
                after,
                instead: self.secrets.hide(&self.fate.instead()),
            }),
        }
    }

    fn of(&self, error: ClientInitializeError) -> McpError {
        if let Some(reason) = self.fate.reason() {
            return self.failed(&reason);
        }
        match error {
            ClientInitializeError::JsonRpcError(error) => McpError::Refused {
                server: self.name.to_owned(),
                method: INITIALIZE.to_owned(),
                code: error.code.0,
                message: self.secrets.hide(&error.message),
            },
            ClientInitializeError::TransportError { error, .. } => {
                self.failed(&http::described(&*error.error))
            }
            ClientInitializeError::ConnectionClosed(_) => self.failed("it closed the connection"),
            // Their texts have whole messages of the server.
            ClientInitializeError::ExpectedInitResponse(_)
            | ClientInitializeError::ExpectedInitResult(_) => {
                self.failed("it sent no valid answer to `initialize`")
            }
            other => self.failed(&other.to_string()),
        }
    }
}

/// Returns whether a request failed because the server is gone.
pub(super) fn is_unreachable(error: &(dyn std::error::Error + 'static)) -> bool {
    let failure = error.downcast_ref::<StreamableHttpError<reqwest::Error>>();
    failure.is_some_and(
        |failure| matches!(failure, StreamableHttpError::Client(error) if error.is_connect()),
    )
}

impl fmt::Debug for McpConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpConnection")
            .field("name", &self.name())
            .field("protocol_version", &self.protocol_version())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

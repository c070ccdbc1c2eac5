//! HTTP service of a server.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Empty, combinators::BoxBody};
use raaf_trace_core::Context;
use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService,
    streamable_http_server::session::local::LocalSessionManager,
};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::handler::Handler;

/// Bound on the number of sessions. They end after five minutes without a request.
const MAX_SESSIONS: usize = 1_000;

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Context in which a request reached the service.
#[derive(Clone)]
pub(super) struct AroundHttp(pub(super) Context);

/// HTTP service of an [`McpService`](crate::mcp::McpService), to be mounted in an HTTP server. Clones serve
/// the same sessions.
///
/// # Examples
///
/// ```
/// use raaf_agents::mcp::McpService;
///
/// # fn of(_: impl Clone + Send + 'static) {}
/// let service = McpService::new("port-office").http_service();
/// // axum::Router::new().route_service("/mcp", service)
/// # of(service);
/// ```
#[derive(Clone)]
pub struct HttpService {
    inner: StreamableHttpService<Handler, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    ending: CancellationToken,
}

impl HttpService {
    pub(super) fn new(handler: Handler, hosts: Vec<String>) -> Self {
        let ending = CancellationToken::new();
        let mut config =
            StreamableHttpServerConfig::default().with_cancellation_token(ending.clone());
        config.allowed_hosts.extend(hosts);
        // Pages of other sites must not reach a server on loopback through a browser.
        let origins = config.allowed_hosts.iter().flat_map(|host| {
            let host = if host.contains("::") { format!("[{host}]") } else { host.clone() };
            ["http", "https"].map(|scheme| format!("{scheme}://{host}:*"))
        });
        let origins: Vec<_> = origins.collect();
        let config = config.with_allowed_origins(origins);
        let sessions = Arc::new(LocalSessionManager::default());
        let kept = Arc::clone(&sessions);
        let inner = StreamableHttpService::new(move || Ok(handler.clone()), kept, config);
        Self { inner, sessions, ending }
    }

    /// Ends all sessions, and refuses further requests.
    pub fn end(&self) {
        self.ending.cancel();
    }

    /// Answers a request.
    pub(super) async fn answer<B>(&self, mut request: Request<B>) -> Answer
    where
        B: Body<Data: Send> + Send + 'static,
        B::Error: fmt::Display,
    {
        let is_first = !request.headers().contains_key("mcp-session-id");
        if is_first && self.sessions.sessions.read().await.len() >= MAX_SESSIONS {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        request.extensions_mut().insert(AroundHttp(Context::current()));
        self.inner.handle(request).await
    }
}

/// Returns an answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Empty::new().boxed());
    *answer.status_mut() = status;
    answer
}

impl<B> Service<Request<B>> for HttpService
where
    B: Body<Data: Send> + Send + 'static,
    B::Error: fmt::Display,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").finish_non_exhaustive()
    }
}

//! Traced servers.

mod body;
mod flush;
mod future;
mod hint;
mod settings;

use std::{
    borrow::Cow,
    fmt::Display,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, request::Parts};
use http_body::Body;
use raaf_trace_core::TracerProvider;
use tower_layer::Layer;
use tower_service::Service;

pub use body::TracedBody;
pub use future::ResponseFuture;
pub use settings::Callers;
use settings::Settings;

/// Layer that traces the requests of a server.
///
/// Each request is a span of kind `server`. What the handler does, in its future and in a streamed
/// body, is inside it; see [the crate's page](crate#servers).
///
/// # Examples
///
/// ```
/// use axum::{Router, extract::Path, routing::get};
/// use raaf_tower::ServerLayer;
///
/// let app: Router = Router::new()
///     .route("/orders/{id}", get(async |Path(id): Path<u32>| format!("order {id}")))
///     .layer(ServerLayer::new().skip(|request| request.uri.path() == "/health"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ServerLayer {
    settings: Settings,
}

impl ServerLayer {
    /// Creates a layer that continues the traces of callers.
    pub fn new() -> Self {
        Self { settings: Settings::new() }
    }

    /// Sets the provider of requests that have no parent in this process. Default: the provider of
    /// the context that is current at the request, or the global one.
    pub fn provider(mut self, provider: &TracerProvider) -> Self {
        self.settings.provider = Some(provider.clone());
        self
    }

    /// Sets how to treat the context that callers send.
    pub fn callers(mut self, callers: Callers) -> Self {
        self.settings.callers = callers;
        self
    }

    /// Sets whether the caller's `baggage` is accepted, for callers that are trusted with what depends
    /// on it; not by default, and whatever [`callers`](Self::callers) says of their context. It is
    /// the [baggage](raaf_trace_core::Context::baggage) of the request's context, with or without a span, up to W3C's
    /// limits of 64 entries and 8,192 bytes.
    ///
    /// [`TracerProviderBuilder::baggage_attributes`] makes entries attributes of the spans inside.
    ///
    /// [`TracerProviderBuilder::baggage_attributes`]: raaf_trace_core::TracerProviderBuilder::baggage_attributes
    pub fn accept_baggage(mut self, accept: bool) -> Self {
        self.settings.accepts_baggage = accept;
        self
    }

    /// Sets a function that returns the route of a request, such as `/orders/{id}`: the span's name
    /// and `http.route`. Without a route, the name is the method alone, since paths are too many for
    /// names.
    ///
    /// With the feature `axum`, requests to a [`Router`](https://docs.rs/axum) have a route without
    /// this, if the layer was added with `Router::layer`. Without the feature, or around the router,
    /// a warning says so once. If the function panics, the request has no route.
    pub fn route(
        mut self,
        route: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.settings.route = Some(Arc::new(route));
        self
    }

    /// Sets a function that returns the address of the client, as `client.address`. By default, none
    /// is recorded: it identifies a person.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use axum::extract::ConnectInfo;
    /// use raaf_tower::ServerLayer;
    ///
    /// // With `into_make_service_with_connect_info::<SocketAddr>()`:
    /// let layer = ServerLayer::new().client_address(|request| {
    ///     let ConnectInfo(address) = request.extensions.get::<ConnectInfo<SocketAddr>>()?;
    ///     Some(address.ip().to_string())
    /// });
    /// ```
    pub fn client_address(
        mut self,
        address: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.settings.client_address = Some(Arc::new(address));
        self
    }

    /// Sets a function that returns whether a request has no span, for health checks. What is traced
    /// inside is then below the caller's span.
    pub fn skip(mut self, skip: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.settings.skip = Some(Arc::new(skip));
        self
    }

    /// Sets `url.scheme` of requests that do not name it. Default: `http`. Set `https` for a server
    /// behind a proxy that handles TLS, which the server cannot detect.
    pub fn scheme(mut self, scheme: impl Into<Cow<'static, str>>) -> Self {
        self.settings.scheme = scheme.into();
        self
    }

    /// Holds the end of each response back until all spans are delivered, for at most this long: for
    /// functions as a service, which are frozen when the response has ended.
    ///
    /// Does not block the thread. A body of a known length is held back with its last part, any other
    /// at its end. Requests that are not recorded do not wait.
    pub fn flush_within(mut self, limit: Duration) -> Self {
        self.settings.flush = Some(limit);
        self
    }
}

impl Default for ServerLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        if self.settings.route.is_none() {
            hint::look_at::<S>();
        }
        Server { inner, settings: Arc::new(self.settings.clone()) }
    }
}

/// Service whose requests are traced; see [`ServerLayer`].
#[derive(Clone, Debug)]
pub struct Server<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, Q, B> Service<Request<Q>> for Server<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Error: Display + 'static,
    B: Body,
{
    type Response = Response<TracedBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, B>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let running = self.settings.start(&parts);
        let method = parts.method.clone();
        let request = Request::from_parts(parts, body);
        let Some(mut running) = running else {
            return ResponseFuture::untraced(self.inner.call(request));
        };
        let flush = self.settings.flush().filter(|_| running.is_recording());
        let future = running.run(|| self.inner.call(request));
        ResponseFuture::new(future, running, &method, flush)
    }
}

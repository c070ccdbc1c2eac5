//! Traced clients.

use std::{
    fmt::Display,
    pin::Pin,
    task::{Context as TaskContext, Poll, ready},
};

use http::{HeaderMap, Method, Request, Response, Uri};
use pin_project_lite::pin_project;
use raaf_trace_core::{Attributes, Component, Context, Key, TracerProvider, keys, tracer};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    facts, grpc,
    running::{self, Running, ServiceError, Side},
};

/// Layer that traces the requests of a client, and sends the context with them.
///
/// Each request is a span of kind `client`, from the call to the head of the response. Under a layer
/// that retries, each attempt is one; see [the crate's page](crate#clients).
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
/// use http::{Request, Response};
/// use raaf_tower::ClientLayer;
/// use tower::{ServiceBuilder, service_fn};
///
/// let client = ServiceBuilder::new().layer(ClientLayer::new()).service(service_fn(
///     async |request: Request<String>| Ok::<_, Infallible>(Response::new(request.into_body())),
/// ));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ClientLayer {
    settings: Settings,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) provider: Option<TracerProvider>,
    pub(crate) sends_baggage: bool,
    any: Component,
}

impl Settings {
    pub(crate) fn new() -> Self {
        Self { provider: None, sends_baggage: false, any: Component::new("request") }
    }

    /// Starts the span of a request, and writes its context into the headers, with the current baggage
    /// where asked.
    pub(crate) fn start(
        &self,
        name: Key,
        method: &Method,
        url: &str,
        headers: &mut HeaderMap,
        describe: impl FnOnce(&mut Attributes, &HeaderMap),
    ) -> Option<Running> {
        if self.sends_baggage {
            let context = Context::current();
            if !context.baggage().is_empty() {
                context.baggage().inject(headers);
            }
        }
        if !running::is_tracing(&self.any) {
            // The current context may be that of another process.
            Context::current().inject(headers);
            return None;
        }
        let tracer = self.provider.as_ref().map_or_else(tracer, TracerProvider::tracer);
        let span = tracer.span(name).kind("client");
        let running = Running::start(span, |attributes| {
            facts::set_method(attributes, method);
            attributes.set(keys::URL, url);
            describe(attributes, headers);
        });
        running.context().inject(headers);
        Some(running)
    }
}

impl ClientLayer {
    /// Creates a layer.
    pub fn new() -> Self {
        Self { settings: Settings::new() }
    }

    /// Sets the provider of requests outside of traces. Default: that of the current context, or the
    /// global one.
    pub fn provider(mut self, provider: &TracerProvider) -> Self {
        self.settings.provider = Some(provider.clone());
        self
    }

    /// Sets whether the current [baggage](Context::baggage) is sent as the header `baggage`, which
    /// everyone who receives the request can read; not by default. It replaces a header that the
    /// request has; without baggage, that header is sent.
    pub fn send_baggage(mut self, send: bool) -> Self {
        self.settings.sends_baggage = send;
        self
    }
}

impl Default for ClientLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Client<S> {
        Client { inner, settings: self.settings.clone() }
    }
}

/// Service whose outgoing requests are traced; see [`ClientLayer`].
#[derive(Clone, Debug)]
pub struct Client<S> {
    inner: S,
    settings: Settings,
}

impl<S, Q, B> Service<Request<Q>> for Client<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Error: Display + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ClientFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let (method, uri) = (&parts.method, &parts.uri);
        let url = url_of(uri, &parts.headers);
        let call = grpc::method(uri, &parts.headers);
        let name = call.map_or_else(
            || Key::from_static(facts::name_of(method)),
            |call| Key::from(call.to_owned()),
        );
        let running =
            self.settings.start(name, method, &url, &mut parts.headers, |attributes, headers| {
                facts::set_server(attributes, uri, headers);
                if let Some(call) = call {
                    grpc::set_method(attributes, call);
                }
            });
        let request = Request::from_parts(parts, body);
        let Some(mut running) = running else {
            return ClientFuture { future: Some(self.inner.call(request)), running: None };
        };
        let future = running.run(|| self.inner.call(request));
        ClientFuture { future: Some(future), running: Some(running) }
    }
}

/// Returns the URL of a request, which may name the server in `Host` only.
fn url_of(uri: &Uri, headers: &HeaderMap) -> String {
    match facts::host(headers) {
        Some(host) if uri.authority().is_none() => format!("http://{host}{uri}"),
        _ => uri.to_string(),
    }
}

pin_project! {
    /// Future of a traced request: its span is current at each poll.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ClientFuture<F> {
        #[pin]
        future: Option<F>,
        running: Option<Running>,
    }

    impl<F> PinnedDrop for ClientFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(running) = this.running {
                // Destructors of a cancelled request run inside the span.
                running.run(|| this.future.set(None));
            }
        }
    }
}

impl<F, B, E> Future for ClientFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Display + 'static,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            unreachable!("the future is taken out only by drop")
        };
        let Some(running) = this.running else { return future.poll(task) };
        let result = ready!(running.run(|| future.poll(task)));
        match &result {
            Ok(response) => {
                running.respond(Side::Client, response.status(), response.headers());
            }
            Err(error) => running.fail(&ServiceError(error)),
        }
        if let Some(running) = this.running.take() {
            running.end();
        }
        Poll::Ready(result)
    }
}

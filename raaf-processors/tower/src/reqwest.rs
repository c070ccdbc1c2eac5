//! Traced requests of reqwest.

use http::Extensions;
use raaf_trace_core::{Key, TracerProvider, keys};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};

use crate::{client::Settings, facts, keys::RESEND_COUNT, running::Side};

/// Middleware that traces the requests of a reqwest client, and sends the context with them.
///
/// Each request is a span of kind `client`, from the call to the head of the response. Add it after a
/// middleware that retries: then each attempt is a span, and all but the first have
/// `http.request.resend_count`.
///
/// # Examples
///
/// ```
/// use raaf_tower::ClientMiddleware;
/// use reqwest_middleware::ClientBuilder;
///
/// # fn client(client: reqwest::Client) {
/// let client = ClientBuilder::new(client)
///     // .with(RetryTransientMiddleware::new_with_policy(…))
///     .with(ClientMiddleware::new())
///     .build();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ClientMiddleware {
    settings: Settings,
}

impl ClientMiddleware {
    /// Creates a middleware.
    pub fn new() -> Self {
        Self { settings: Settings::new() }
    }

    /// Sets the provider of requests outside of traces. Default: that of the current context, or the
    /// global one.
    #[must_use]
    pub fn provider(mut self, provider: &TracerProvider) -> Self {
        self.settings.provider = Some(provider.clone());
        self
    }

    /// Sets whether the current [baggage](raaf_trace_core::Context::baggage) is sent; see
    /// [`ClientLayer::send_baggage`](crate::ClientLayer::send_baggage).
    #[must_use]
    pub fn send_baggage(mut self, send: bool) -> Self {
        self.settings.sends_baggage = send;
        self
    }
}

impl Default for ClientMiddleware {
    fn default() -> Self {
        Self::new()
    }
}

/// Number of attempts so far. Those of one request share their extensions.
#[derive(Clone, Copy, Debug, Default)]
struct Attempts(u32);

#[async_trait::async_trait]
impl Middleware for ClientMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let Attempts(before) = *extensions.get_or_insert_default();
        extensions.insert(Attempts(before.saturating_add(1)));
        let (method, url) = (request.method().clone(), request.url().clone());
        let (name, headers) = (Key::from_static(facts::name_of(&method)), request.headers_mut());
        let running = self.settings.start(name, &method, url.as_str(), headers, |attributes, _| {
            if let Some(host) = url.host_str() {
                attributes.set(keys::SERVER_ADDRESS, host);
            }
            if let Some(port) = url.port_or_known_default() {
                attributes.set(keys::SERVER_PORT, port);
            }
            if before > 0 {
                attributes.set(RESEND_COUNT, before);
            }
        });
        let Some(mut running) = running else { return next.run(request, extensions).await };
        let result = running.run_async(next.run(request, extensions)).await;
        match &result {
            Ok(response) => running.respond(Side::Client, response.status(), response.headers()),
            Err(error) => running.fail(error),
        }
        running.end();
        result
    }
}

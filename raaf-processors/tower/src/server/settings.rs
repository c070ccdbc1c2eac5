//! Settings of the layer for servers.

use std::{
    borrow::Cow,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use http::{Uri, header, request::Parts};
use raaf_trace_core::{
    Attributes, Component, Context, Key, TracerProvider, propagation::Baggage,
    provider::global_provider, tracer,
};

use super::flush::Flush;
use crate::{
    facts, grpc,
    keys::{CLIENT_ADDRESS, PATH, QUERY, ROUTE, SCHEME, USER_AGENT},
    running::{self, Running},
};

/// Treatment of the context that callers send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Callers {
    /// Continues the caller's trace, with the caller's sampling decision.
    #[default]
    Continue,
    /// Starts a trace of its own, with a link to the caller's span: for callers that are not trusted.
    Link,
    /// Starts a trace of its own.
    Ignore,
}

/// Function that takes the head of a request.
type OfRequest<T> = Arc<dyn Fn(&Parts) -> T + Send + Sync>;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) provider: Option<TracerProvider>,
    pub(super) callers: Callers,
    pub(super) route: Option<OfRequest<Option<String>>>,
    pub(super) client_address: Option<OfRequest<Option<String>>>,
    pub(super) skip: Option<OfRequest<bool>>,
    pub(super) accepts_baggage: bool,
    pub(super) scheme: Cow<'static, str>,
    pub(super) flush: Option<Duration>,
    any: Component,
}

impl Settings {
    pub(super) fn new() -> Self {
        Self {
            provider: None,
            callers: Callers::default(),
            route: None,
            client_address: None,
            skip: None,
            accepts_baggage: false,
            scheme: Cow::Borrowed("http"),
            flush: None,
            any: Component::new("request"),
        }
    }

    /// Starts the span of a request; `None` if neither the request nor its caller is traced, and it
    /// has no baggage.
    pub(super) fn start(&self, request: &Parts) -> Option<Running> {
        let caller = match self.callers {
            Callers::Ignore => None,
            Callers::Continue | Callers::Link => Context::extract(&request.headers).span_context(),
        };
        if !running::is_tracing(&self.any) || asked(self.skip.as_ref(), request).unwrap_or(false) {
            let caller = caller.filter(|_| self.callers == Callers::Continue).map(Context::remote);
            let inside = match self.baggage(request) {
                Some(baggage) => caller.unwrap_or_else(Context::current).with_baggage(baggage),
                None => caller?,
            };
            return Some(Running::without_span(inside));
        }
        let route = asked(self.route.as_ref(), request).flatten().or_else(|| matched(request));
        let method = facts::name_of(&request.method);
        let name = match (&route, grpc::method(&request.uri, &request.headers)) {
            (Some(route), _) => Key::from(format!("{method} {route}")),
            (None, Some(call)) => Key::from(call.to_owned()),
            (None, None) => Key::from_static(method),
        };
        let tracer = self.provider.as_ref().map_or_else(tracer, TracerProvider::tracer);
        let mut span = tracer.span(name).kind("server");
        match (self.callers, caller) {
            (Callers::Link, Some(caller)) => span = span.link(caller, |_| ()),
            (_, Some(caller)) => span = span.remote_parent(caller),
            (_, None) => {}
        }
        let around = self.baggage(request).map(|baggage| Context::current().with_baggage(baggage));
        let describe = |attributes: &mut _| self.describe(request, route, attributes);
        Some(Running::start_in(around, span, describe))
    }

    /// Returns the baggage that came with a request, if it is accepted.
    fn baggage(&self, request: &Parts) -> Option<Baggage> {
        let baggage = self.accepts_baggage.then(|| Baggage::extract(&request.headers))?;
        Some(baggage).filter(|baggage| !baggage.is_empty())
    }

    fn describe(&self, request: &Parts, route: Option<String>, attributes: &mut Attributes) {
        facts::set_method(attributes, &request.method);
        if let Some(route) = route {
            attributes.set(ROUTE, route);
        }
        let uri: &Uri = &request.uri;
        attributes.set(SCHEME, uri.scheme_str().unwrap_or(&self.scheme)).set(PATH, uri.path());
        if let Some(call) = grpc::method(uri, &request.headers) {
            grpc::set_method(attributes, call);
        }
        if let Some(query) = uri.query() {
            attributes.set(QUERY, query);
        }
        facts::set_server(attributes, uri, &request.headers);
        facts::set_version(attributes, request.version);
        let agent = request.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        if let Some(agent) = agent {
            attributes.set(USER_AGENT, agent);
        }
        if let Some(address) = asked(self.client_address.as_ref(), request).flatten() {
            attributes.set(CLIENT_ADDRESS, address);
        }
    }

    pub(super) fn flush(&self) -> Option<Flush> {
        let within = self.flush?;
        Some(Flush::new(self.provider.clone().unwrap_or_else(global_provider), within))
    }
}

/// Calls a function of the user. A panic counts as `None`: it must not fail the request.
fn asked<T>(function: Option<&OfRequest<T>>, request: &Parts) -> Option<T> {
    catch_unwind(AssertUnwindSafe(|| function.map(|function| function(request)))).ok()?
}

#[cfg(feature = "axum")]
fn matched(request: &Parts) -> Option<String> {
    let matched = request.extensions.get::<axum::extract::MatchedPath>()?;
    Some(matched.as_str().to_owned())
}

#[cfg(not(feature = "axum"))]
fn matched(_: &Parts) -> Option<String> {
    None
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("provider", &self.provider)
            .field("callers", &self.callers)
            .field("accepts_baggage", &self.accepts_baggage)
            .field("scheme", &self.scheme)
            .field("flush", &self.flush)
            .finish_non_exhaustive()
    }
}

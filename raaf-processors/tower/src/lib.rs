//! HTTP servers and clients in the traces of `raaf-trace-core`: layers for [tower], on which axum and
//! tonic are built, and a middleware for reqwest.
//!
//! [tower]: https://docs.rs/tower
//!
//! With both sides traced, a request is one tree from the caller's agent over the server to the agents
//! inside its handler:
//!
//! ```text
//! Agent:Clerk
//! └── Client:GET
//!     └── Server:GET /orders/{id}
//!         └── Agent:Shelf
//! ```
//!
//! # Servers
//!
//! [`ServerLayer`] makes a span of kind `server` for each request.
//!
//! | | |
//! | --- | --- |
//! | parent | the caller's span, by `traceparent`; see [`Callers`] for callers that are not trusted |
//! | name | method and route, `GET /orders/{id}`; the route is axum's with the feature `axum`, else from [`ServerLayer::route`] |
//! | attributes | OpenTelemetry's: `http.request.method`, `http.route`, `url.path`, `url.query`, `url.scheme`, `server.address`, `server.port`, `network.protocol.version`, `user_agent.original`, `http.response.status_code`, `http.response.body.size`; `client.address` [if asked](ServerLayer::client_address) |
//! | context | current while the handler is called, at each poll of its future, and while its body is polled |
//! | status | an error from 500 on, with the code as `error.type`, and if the handler panics or the body fails; cancelled if the client goes away before the body's end; else ok |
//! | end | with the body, so that the span of a stream lasts as long as the stream |
//!
//! A call of gRPC is named after its method, `shop.Stock/Count`, unless there is a route, and has `rpc.method` and
//! `rpc.response.status_code`. Codes that are the server's fault are errors, such as `INTERNAL`.
//!
//! Secrets in the query are redacted, as [everywhere](raaf_trace_core::Redactor).
//!
//! # Clients
//!
//! [`ClientLayer`] wraps any service of HTTP requests, such as hyper-util's client or a channel of
//! tonic, and `ClientMiddleware` (feature `reqwest-middleware`) a client of reqwest. Each request is a
//! span of kind `client` with the method as its name, `url.full`, `server.address`, `server.port` and
//! `http.response.status_code`. It ends with the head of the response, as an error from 400 on, and
//! sends `traceparent` and `tracestate`. Where errors of the service are not boxed, only their message
//! is known: map them to boxes below the layer to record their causes, too.
//!
//! A call of gRPC is named after its method here, too. Each code but `OK` is an error, if the head of the
//! response has it: that of a call which fails at once has, that of a stream which fails later has not.
//!
//! # Features
//!
//! - `axum`: names requests after axum's routes.
//! - `reqwest-middleware`: `ClientMiddleware`.

mod client;
mod facts;
mod grpc;
mod keys;
#[cfg(feature = "reqwest-middleware")]
mod reqwest;
mod running;
mod server;

#[cfg(feature = "reqwest-middleware")]
pub use crate::reqwest::ClientMiddleware;
pub use client::{Client, ClientFuture, ClientLayer};
pub use server::{Callers, ResponseFuture, Server, ServerLayer, TracedBody};

//! One tree from a client of reqwest over a server of axum to an agent in its handler.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![cfg(all(feature = "axum", feature = "reqwest-middleware"))]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use raaf_agents::{Agent, ScriptedModel};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_tower::{ClientMiddleware, ServerLayer};
use raaf_trace_core::{Component, Traceable as _};
use reqwest_middleware::ClientBuilder;
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
use support::{Serving, client};

mod support;

#[tokio::test]
async fn a_client_a_server_and_the_agent_in_its_handler_are_one_tree() {
    let capture = Capture::new();
    let agent = Agent::builder("Shelf", ScriptedModel::new("scripted", ["one lamp"])).build();
    let order = async move |Path(_): Path<u32>| {
        // In a task of its own, too.
        agent.run("what is in the order?").await.map(|run| run.output).unwrap_or_default()
    };
    let app = Router::new()
        .route("/orders/{id}", get(order))
        .layer(ServerLayer::new().provider(capture.provider()));
    let server = Serving::start(app).await;
    let http = ClientBuilder::new(client()).with(ClientMiddleware::new()).build();
    let work = async {
        let response = http.get(server.url("/orders/7")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "one lamp");
    };
    capture.run_async(Component::agent("Clerk").in_span("run", work)).await;

    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        agent "Clerk" {
            client "GET" [
                ok,
                "http.response.status_code" = 200,
                "server.address" = "127.0.0.1",
                "server.port" = i64::from(server.port()),
                "url.full" = server.url("/orders/7"),
                !"http.request.resend_count",
            ] {
                server "GET /orders/{id}" { agent "Shelf" { llm "scripted" } }
            }
        }
    });
}

#[tokio::test]
async fn each_attempt_of_a_request_is_a_span_with_its_number() {
    let capture = Capture::new();
    let status = Arc::new(AtomicU16::new(503));
    let answers = async move || StatusCode::from_u16(status.swap(200, Ordering::SeqCst)).unwrap();
    let app = Router::new()
        .route("/", get(answers))
        .layer(ServerLayer::new().provider(capture.provider()));
    let server = Serving::start(app).await;
    let at_once = ExponentialBackoff::builder().retry_bounds(Duration::ZERO, Duration::ZERO);
    let at_once = at_once.build_with_max_retries(1);
    let http = ClientBuilder::new(client())
        .with(RetryTransientMiddleware::new_with_policy(at_once))
        .with(ClientMiddleware::new())
        .build();
    let work = async { http.get(server.url("/")).send().await.unwrap().status() };
    let status = capture.run_async(Component::agent("Clerk").in_span("run", work)).await;
    assert_eq!(status, StatusCode::OK);
    assert_span_tree!(capture.spans_async().await, {
        agent "Clerk" {
            client "GET" [error "503", !"http.request.resend_count"] { server "GET /" [error] }
            client "GET" [ok, "http.request.resend_count" = 1] { server "GET /" [ok] }
        }
    });
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let capture = Capture::new();
    let http = ClientBuilder::new(client())
        .with(ClientMiddleware::new().provider(capture.provider()))
        .build();
    http.get("http://127.0.0.1:1/?token=SECRET").send().await.unwrap_err();
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, { client "GET" [error] });
    assert!(!format!("{spans:?}").contains("SECRET"), "{spans:?}");
}

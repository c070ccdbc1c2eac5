//! Requests of reqwest that are tried again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::get};
use raaf_one_tree::serve;
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_tower::{ClientMiddleware, ServerLayer};
use raaf_trace_core::{Component, Traceable as _};
use reqwest_middleware::ClientBuilder;
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};

mod support;

#[tokio::test]
async fn each_attempt_is_a_span_and_the_wait_an_event() {
    support::subscribe("");
    let capture = Capture::new();
    let status = Arc::new(AtomicU16::new(503));
    let answers = async move || StatusCode::from_u16(status.swap(200, Ordering::SeqCst)).unwrap();
    let layer = ServerLayer::new().provider(capture.provider());
    let url = serve(Router::new().route("/stock", get(answers)).layer(layer)).await.unwrap();

    let _ = rustls::crypto::ring::default_provider().install_default();
    let at_once = ExponentialBackoff::builder().retry_bounds(Duration::ZERO, Duration::ZERO);
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(RetryTransientMiddleware::new_with_policy(at_once.build_with_max_retries(1)))
        .with(ClientMiddleware::new())
        .build();
    let work = async { client.get(format!("{url}/stock")).send().await.unwrap().status() };
    let status = capture.run_async(Component::agent("Clerk").in_span("run", work)).await;
    assert_eq!(status, StatusCode::OK);
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        agent "Clerk" [event "log" ["target" = "reqwest_retry::middleware"]] {
            client "GET" [error "503", !"http.request.resend_count"] { server "GET /stock" [error] }
            client "GET" [ok, "http.request.resend_count" = 1] { server "GET /stock" [ok] }
        }
    });
    assert_coherent!(spans);
}

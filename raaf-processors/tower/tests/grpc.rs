//! Calls of gRPC, without its crates.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::convert::Infallible;

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use raaf_testkit::{Capture, Spans, assert_span_tree};
use raaf_tower::{ClientLayer, ServerLayer};
use raaf_trace_core::{Component, Traceable as _};
use tower::{Layer as _, ServiceExt as _, service_fn};

fn call(path: &str) -> Request<()> {
    let call = Request::post(path).header("content-type", "application/grpc+proto");
    call.body(()).expect("a request")
}

fn status(code: &'static str) -> HeaderMap {
    [("grpc-status", code), ("grpc-message", "no%20luck")]
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .into_iter()
        .collect()
}

/// Calls a method through both layers: its status is in the head of the response.
async fn called(path: &str, code: &'static str) -> Spans {
    let capture = Capture::new();
    let answers = service_fn(move |_: Request<()>| async move {
        let mut response = Response::new(Empty::<bytes::Bytes>::new());
        *response.headers_mut() = status(code);
        Ok::<_, Infallible>(response)
    });
    let server = ServerLayer::new().provider(capture.provider()).layer(answers);
    let client = ClientLayer::new().layer(server);
    let work = async { drop(client.oneshot(call(path)).await.unwrap()) };
    capture.run_async(Component::agent("Clerk").in_span("run", work)).await;
    capture.spans_async().await
}

#[tokio::test]
async fn a_call_is_named_after_its_method() {
    assert_span_tree!(called("/shop.Stock/Count", "0").await, {
        agent "Clerk" {
            client "shop.Stock/Count" [ok, "rpc.system.name" = "grpc", "rpc.method" = "shop.Stock/Count"] {
                server "shop.Stock/Count" [ok, "rpc.response.status_code" = "OK"]
            }
        }
    });
    assert_span_tree!(called("/no/method/of/grpc", "0").await, {
        agent "Clerk" { client "POST" [!"rpc.method"] { server "POST" [!"rpc.method"] } }
    });
}

#[tokio::test]
async fn a_code_is_an_error_for_the_client_and_for_the_server_if_it_is_at_fault() {
    assert_span_tree!(called("/shop.Stock/Count", "5").await, {
        agent "Clerk" {
            client "shop.Stock/Count" [error "NOT_FOUND"] {
                server "shop.Stock/Count" [ok, "rpc.response.status_code" = "NOT_FOUND"]
            }
        }
    });
    let spans = called("/shop.Stock/Count", "13").await;
    assert_span_tree!(spans, {
        agent "Clerk" {
            client "shop.Stock/Count" [error "INTERNAL"] { server "shop.Stock/Count" [error "INTERNAL"] }
        }
    });
    let mut messages = spans.iter().filter_map(|span| span.error()?.message());
    assert!(messages.all(|message| message == "no luck"));
    assert_span_tree!(called("/shop.Stock/Count", "luck").await, {
        agent "Clerk" { client "shop.Stock/Count" [error "UNKNOWN"] { .. } }
    });
}

#[tokio::test]
async fn a_code_in_the_trailers_is_an_error_of_the_server() {
    let capture = Capture::new();
    let answers = service_fn(async |_: Request<()>| {
        let trailers = Frame::<bytes::Bytes>::trailers(status("14"));
        let body = StreamBody::new(futures::stream::iter([Ok::<_, Infallible>(trailers)]));
        Ok::<_, Infallible>(Response::new(body))
    });
    let server = ServerLayer::new().provider(capture.provider()).layer(answers);
    let response = server.oneshot(call("/shop.Stock/Watch")).await.unwrap();
    response.into_body().collect().await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        server "shop.Stock/Watch" [error "UNAVAILABLE", "rpc.response.status_code" = "UNAVAILABLE"]
    });
}

//! Requests of a tower service.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{
    convert::Infallible,
    error::Error,
    future::pending,
    io,
    task::{Context as TaskContext, Poll, Waker},
};

use http::{Request, Response, StatusCode};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_tower::ClientLayer;
use raaf_trace_core::{
    Component, Context, InContext as _, Traceable as _, TracerProvider, current_span,
};
use tower::{Layer as _, ServiceExt as _, service_fn};

type BoxError = Box<dyn Error + Send + Sync>;

fn request(url: &str) -> Request<()> {
    Request::get(url).body(()).expect("a request")
}

#[tokio::test]
async fn a_request_is_a_span_and_carries_its_context() {
    let capture = Capture::new();
    let answers = service_fn(async |request: Request<()>| {
        let sent = Context::extract(request.headers()).span_id();
        assert_eq!(sent, current_span().map(|span| span.span_id()), "it is current, too");
        assert!(sent.is_some());
        let status =
            if request.uri().path() == "/" { StatusCode::OK } else { StatusCode::NOT_FOUND };
        Ok::<_, Infallible>(Response::builder().status(status).body(()).expect("a response"))
    });
    let client = ClientLayer::new().layer(answers);
    let work = async {
        let urls = ["https://ann:pw@shop.example/?api_key=SECRET", "http://shop.example:81/lost"];
        for url in urls {
            client.clone().oneshot(request(url)).await.unwrap();
        }
        let mut relative = request("/lost");
        relative.headers_mut().insert("host", "shop.example".parse().unwrap());
        client.clone().oneshot(relative).await.unwrap();
    };
    capture.run_async(Component::agent("Clerk").in_span("run", work)).await;
    assert_span_tree!(capture.spans_async().await, {
        agent "Clerk" {
            client "GET" [
                ok,
                "http.request.method" = "GET",
                "http.response.status_code" = 200,
                "server.address" = "shop.example",
                "server.port" = 443,
                "url.full" = "https://[REDACTED]@shop.example/?api_key=[REDACTED]",
            ]
            client "GET" [error "404", "server.port" = 81, "http.response.status_code" = 404]
            client "GET" [error, "server.address" = "shop.example", "url.full" = "http://shop.example/lost"]
        }
    });
}

#[tokio::test]
async fn an_error_of_the_service_is_the_errors_of_the_span() {
    let capture = Capture::new();
    let refuses = service_fn(async |_: Request<()>| {
        Err::<Response<()>, BoxError>(io::Error::from(io::ErrorKind::ConnectionRefused).into())
    });
    let client = ClientLayer::new().provider(capture.provider()).layer(refuses);
    client.oneshot(request("http://shop.example/")).await.unwrap_err();
    assert_span_tree!(capture.spans_async().await, {
        client "GET" [error "io::Error::ConnectionRefused", !"http.response.status_code"]
    });
}

#[test]
fn a_request_that_is_dropped_is_cancelled() {
    let capture = Capture::new();
    let hangs =
        service_fn(async |_: Request<()>| pending::<Result<Response<()>, Infallible>>().await);
    let client = ClientLayer::new().provider(capture.provider()).layer(hangs);
    let mut future = Box::pin(client.oneshot(request("http://shop.example/")));
    let polled = future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending));
    drop(future);
    assert_span_tree!(capture, { client "GET" [cancelled] });
}

#[tokio::test]
async fn retried_attempts_are_siblings() {
    let capture = Capture::new();
    let busy = service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::builder().status(503).body(()).expect("a response"))
    });
    let client = ClientLayer::new().layer(busy);
    let attempts = async {
        for _ in 0..3 {
            client.clone().oneshot(request("http://shop.example/")).await.unwrap();
        }
    };
    capture.run_async(Component::agent("Clerk").in_span("run", attempts)).await;
    assert_span_tree!(capture.spans_async().await, { agent "Clerk" { client "GET" [error "503"] x 3 } });
}

#[tokio::test]
async fn a_client_without_a_provider_passes_the_context_on() {
    let provider = TracerProvider::builder().enabled(false).build();
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let echo = service_fn(async |request: Request<()>| Ok::<_, Infallible>(Response::new(request)));
    let client = ClientLayer::new().provider(&provider).layer(echo);
    let context = Context::extract(&vec![("traceparent".to_owned(), header.to_owned())]);
    let sent = async { client.oneshot(request("http://shop.example/")).await };
    let sent = sent.in_context(context);
    let sent = sent.await.unwrap().into_body();
    assert_eq!(sent.headers()["traceparent"], header);
}

#[test]
fn the_metadata_of_tonic_is_a_carrier() {
    let capture = Capture::new();
    capture.run(|| {
        Component::agent("Clerk").in_span("run", || {
            let mut call = tonic::Request::new(());
            Context::current().inject(call.metadata_mut().as_mut());
            let sent = Context::extract(call.metadata().as_ref()).span_id();
            assert_eq!(sent, current_span().map(|span| span.span_id()));
        });
    });
}

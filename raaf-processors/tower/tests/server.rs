//! Requests to a server of axum, on loopback.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![cfg(feature = "axum")]

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::Path,
    http::{Request, StatusCode, header},
    response::Response,
    routing::get,
};
use futures::{FutureExt as _, StreamExt as _, stream};
use http_body_util::BodyExt as _;
use raaf_testkit::{Capture, assert_no_spans, assert_span_tree};
use raaf_tower::{Callers, ServerLayer};
use raaf_trace_core::{
    BatchConfig, Component, FinishedSpan, MemoryExporter, SpanExporter, Status, Traceable as _,
    TracerProvider, current_span,
    sink::{BatchProcessor, ExportError, SimpleProcessor},
};
use support::{Serving, client};
use tokio::sync::{Notify, mpsc};
use tower::ServiceExt as _;

mod support;

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

fn layer(capture: &Capture) -> ServerLayer {
    ServerLayer::new().provider(capture.provider())
}

fn shelf() -> Component {
    Component::tool("Shelf")
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

async fn answer(app: Router, request: Request<Body>) -> Response {
    app.oneshot(request).await.unwrap_or_else(|never| match never {})
}

#[tokio::test]
async fn a_request_is_a_span_by_the_conventions_for_http() {
    let capture = Capture::new();
    let order = async |Path(id): Path<u32>| shelf().in_span("find", async { id.to_string() }).await;
    let app = Router::new().route("/orders/{id}", get(order)).layer(layer(&capture));
    let server = Serving::start(app).await;
    let sent = client()
        .get(server.url("/orders/7?page=2&token=SECRET"))
        .header("traceparent", CALLER)
        .header("user-agent", "tests/1")
        .send();
    assert_eq!(sent.await.unwrap().text().await.unwrap(), "7");

    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        server "GET /orders/{id}" [
            ok,
            "http.request.method" = "GET",
            "http.response.body.size" = 1,
            "http.response.status_code" = 200,
            "http.route" = "/orders/{id}",
            "network.protocol.version" = "1.1",
            "server.address" = "127.0.0.1",
            "server.port" = i64::from(server.port()),
            "url.path" = "/orders/7",
            "url.query" = "page=2&token=[REDACTED]",
            "url.scheme" = "http",
            "user_agent.original" = "tests/1",
            !"client.address",
        ] { tool "Shelf".find }
    });
    let root = spans.iter().find(|span| span.kind() == "server").unwrap();
    assert_eq!(root.name(), "GET /orders/{id}");
    assert!(CALLER.contains(&root.trace_id().to_string()["trace_".len()..]));
    assert!(root.is_local_root() && root.parent_id().is_some());
}

#[tokio::test]
async fn without_a_route_the_name_is_the_method() {
    let capture = Capture::new();
    let app = Router::new().layer(layer(&capture));
    let odd = Request::builder().method("BREW").uri("/pot/1").body(Body::empty()).unwrap();
    answer(app.clone(), odd).await;
    let routed = app.layer(layer(&capture).route(|_| Some("/pot/{id}".to_owned())).scheme("https"));
    answer(routed, request("/pot/2")).await;
    assert_span_tree!(capture.spans_async().await, {
        server "HTTP" [
            ok, "http.response.status_code" = 404, "http.request.method" = "_OTHER",
            "http.request.method_original" = "BREW", !"http.route",
        ]
        server "GET /pot/{id}" ["http.route" = "/pot/{id}", "url.scheme" = "https"] {
            server "GET"
        }
    });
}

#[tokio::test]
async fn a_failure_of_the_server_is_an_error_and_one_of_the_client_is_not() {
    let capture = Capture::new();
    let answered = async |Path(code): Path<u16>| StatusCode::from_u16(code).unwrap();
    let app = Router::new().route("/{code}", get(answered)).layer(layer(&capture));
    for code in ["/404", "/503"] {
        answer(app.clone(), request(code)).await;
    }
    assert_span_tree!(capture.spans_async().await, {
        server "GET /{code}" [ok, "http.response.status_code" = 404]
        server "GET /{code}" [error "503", "http.response.status_code" = 503, !event "exception"]
    });
}

#[tokio::test]
async fn a_panic_of_the_handler_is_an_error() {
    let capture = Capture::new();
    let falls = async || -> &'static str { panic!("no such shelf") };
    let app = Router::new().route("/", get(falls)).layer(layer(&capture));
    let server = Serving::start(app).await;
    client().get(server.url("/")).send().await.expect_err("the connection is closed");
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, { server "GET /" [error "panic", "error.message" = "no such shelf"] });
}

#[tokio::test]
async fn the_span_lasts_as_long_as_a_streamed_body_which_is_inside_it() {
    let capture = Capture::new();
    let (send, receive) = mpsc::unbounded_channel::<String>();
    let receive = Arc::new(Mutex::new(Some(receive)));
    let streams = async move || {
        let receive = receive.lock().unwrap().take().expect("one request");
        let lines = stream::unfold(receive, async |mut receive| {
            let line = receive.recv().await?;
            let line = shelf().in_span("line", || line);
            Some((Ok::<_, Infallible>(line), receive))
        });
        Body::from_stream(lines)
    };
    let app = Router::new().route("/", get(streams)).layer(layer(&capture));
    let server = Serving::start(app).await;
    let mut response = client().get(server.url("/")).send().await.unwrap();
    for line in ["one", "two"] {
        send.send(line.to_owned()).unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), line);
        assert!(capture.spans_now().iter().all(|span| span.kind() != "server"), "it has not ended");
    }
    drop(send);
    assert_eq!(response.chunk().await.unwrap(), None);
    assert_span_tree!(capture.spans_async().await, {
        server "GET /" [ok, "http.response.body.size" = 6] { tool "Shelf".line x 2 }
    });
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_handler() {
    let capture = Capture::new();
    let waiting = Arc::new(Notify::new());
    let handler = Arc::clone(&waiting);
    let waits = async move || {
        shelf()
            .in_span("wait", async {
                handler.notify_one();
                std::future::pending::<&'static str>().await
            })
            .await
    };
    let app = Router::new().route("/", get(waits)).layer(layer(&capture));
    let server = Serving::start(app).await;
    let sent = tokio::spawn(client().get(server.url("/")).send());
    waiting.notified().await;
    sent.abort();
    assert_span_tree!(capture.spans_async().await, {
        server "GET /" [cancelled] { tool "Shelf".wait [cancelled] }
    });
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_a_streamed_body() {
    let capture = Capture::new();
    let streams = async || Body::from_stream(stream::repeat("x").map(Ok::<_, Infallible>));
    let app = Router::new().route("/", get(streams)).layer(layer(&capture));
    let server = Serving::start(app).await;
    let mut response = client().get(server.url("/")).send().await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    drop(response);
    assert_span_tree!(capture.spans_async().await, {
        server "GET /" [cancelled, "http.response.status_code" = 200]
    });
}

#[tokio::test]
async fn a_body_that_fails_is_an_error() {
    let capture = Capture::new();
    let fails = async || {
        let items = [Ok("a"), Err(std::io::Error::other("the disk is gone"))];
        Body::from_stream(stream::iter(items))
    };
    let app = Router::new().route("/", get(fails)).layer(layer(&capture));
    let response = answer(app, request("/")).await;
    response.into_body().collect().await.expect_err("it fails");
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, { server "GET /" [error, "error.message" = "the disk is gone"] });
}

#[tokio::test]
async fn a_body_that_nobody_polls_is_complete_where_none_is_sent() {
    let capture = Capture::new();
    let app = Router::new()
        .route("/none", get(async || StatusCode::NO_CONTENT))
        .route("/some", get(async || "some"))
        .layer(layer(&capture));
    drop(answer(app.clone(), request("/none")).await);
    let head = Request::head("/some").body(Body::empty()).unwrap();
    drop(answer(app.clone(), head).await);
    drop(answer(app, request("/some")).await);
    let status: Vec<_> = capture.spans_async().await.iter().map(FinishedSpan::status).collect();
    assert_eq!(status, [Status::Ok, Status::Ok, Status::Cancelled]);
}

#[tokio::test]
async fn an_unsampled_caller_has_unsampled_handlers() {
    let capture = Capture::new();
    let app = Router::new()
        .route("/", get(async || current_span().is_some_and(|span| span.is_sampled()).to_string()))
        .layer(layer(&capture));
    let mut request = request("/");
    request.headers_mut().insert("traceparent", UNSAMPLED.parse().unwrap());
    let body = answer(app, request).await.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "false");
    assert_no_spans!(capture.spans_async().await);
}

#[tokio::test]
async fn callers_that_are_not_trusted_are_linked_or_ignored() {
    let capture = Capture::new();
    for callers in [Callers::Link, Callers::Ignore] {
        let app = Router::new().layer(layer(&capture).callers(callers));
        let mut request = request("/");
        request.headers_mut().insert("traceparent", UNSAMPLED.parse().unwrap());
        answer(app, request).await;
    }
    let spans = capture.spans_async().await;
    let links: Vec<_> = spans.iter().map(|span| span.links().count()).collect();
    assert_eq!(links, [1, 0]);
    assert!(spans.iter().all(|span| span.parent_id().is_none()));
}

#[tokio::test]
async fn a_panic_of_the_body_is_an_error() {
    let capture = Capture::new();
    let falls = async || {
        let items = stream::iter(["a", "b"]);
        Body::from_stream(items.map(|item| {
            assert_eq!(item, "a", "no such page");
            Ok::<_, Infallible>(item)
        }))
    };
    let app = Router::new().route("/", get(falls)).layer(layer(&capture));
    let body = answer(app, request("/")).await.into_body();
    AssertUnwindSafe(body.collect()).catch_unwind().await.unwrap_err();
    assert_span_tree!(capture.spans_async().await, { server "GET /" [error "panic"] });
}

#[tokio::test]
async fn skipped_requests_and_failing_functions_do_no_harm() {
    let capture = Capture::new();
    let layer = layer(&capture)
        .skip(|request| request.uri.path() == "/health")
        .route(|_| panic!("no route"))
        .client_address(|request| {
            Some(request.headers.get(header::FORWARDED)?.to_str().ok()?.to_owned())
        });
    let app = Router::new().layer(layer);
    answer(app.clone(), request("/health")).await;
    let mut request = request("/");
    request.headers_mut().insert(header::FORWARDED, "192.0.2.1".parse().unwrap());
    answer(app, request).await;
    assert_span_tree!(capture.spans_async().await, {
        server "GET" ["client.address" = "192.0.2.1"]
    });
}

#[tokio::test]
async fn a_request_without_a_span_is_in_the_callers_context() {
    let capture = Capture::new();
    let app = Router::new()
        .route("/", get(async || shelf().in_span("find", || "found")))
        .layer(layer(&capture).skip(|_| true));
    let mut request = request("/");
    request.headers_mut().insert("traceparent", CALLER.parse().unwrap());
    capture.run_async(answer(app, request)).await;
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, { tool "Shelf".find });
    assert!(CALLER.contains(&spans.only("Shelf").trace_id().to_string()["trace_".len()..]));
}

#[tokio::test]
async fn a_panic_that_is_caught_is_an_error_and_not_cancelled() {
    let capture = Capture::new();
    let falls = async || -> &'static str { panic!("no such shelf") };
    let app = Router::new().route("/", get(falls)).layer(layer(&capture));
    // Drops the future when the panic is over.
    AssertUnwindSafe(answer(app, request("/"))).catch_unwind().await.unwrap_err();
    assert_span_tree!(capture.spans_async().await, { server "GET /" [error "panic"] });
}

#[tokio::test]
async fn a_server_whose_provider_is_disabled_answers() {
    let provider = TracerProvider::builder().with(MemoryExporter::new()).enabled(false).build();
    let app = Router::new()
        .route("/", get(async || current_span().is_none().to_string()))
        .layer(ServerLayer::new().provider(&provider));
    let body = answer(app, request("/")).await.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "true");
    assert_eq!(provider.stats().started, 0);
}

#[tokio::test]
async fn spans_are_delivered_before_the_response_ends_where_asked() {
    let memory = MemoryExporter::new();
    let seen = || memory.len();
    let hour = Duration::from_secs(3600);
    let batch = BatchConfig::default().with_flush_interval(hour);
    let batch = BatchProcessor::with_config(memory.clone(), batch);
    let provider = TracerProvider::builder().with(batch).build();
    let whole = async || shelf().in_span("find", || "whole");
    let parts = async || {
        let items = ["a", "b"].map(Ok::<_, Infallible>);
        Body::from_stream(stream::iter(items))
    };
    let app = Router::new()
        .route("/whole", get(whole))
        .route("/parts", get(parts))
        .route("/none", get(async || StatusCode::NO_CONTENT))
        .layer(ServerLayer::new().provider(&provider).flush_within(hour));

    let mut body = answer(app.clone(), request("/whole")).await.into_body();
    assert_eq!(seen(), 0);
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "whole");
    assert_eq!(seen(), 2, "the last part waits for the flush");

    let mut body = answer(app.clone(), request("/parts")).await.into_body();
    for _ in 0..2 {
        assert!(body.frame().await.unwrap().is_ok());
        assert_eq!(seen(), 2);
    }
    assert!(body.frame().await.is_none());
    assert_eq!(seen(), 3, "the end waits for the flush");

    answer(app, request("/none")).await;
    assert_eq!(seen(), 4, "a response without a body waits for the flush");
}

/// Holds each batch until it is told to go on.
struct Waits(Mutex<std::sync::mpsc::Receiver<()>>);

impl SpanExporter for Waits {
    fn name(&self) -> &'static str {
        "waits"
    }

    fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
        let _ = self.0.lock().unwrap().recv();
        Ok(())
    }
}

#[tokio::test]
async fn a_body_whose_last_part_waits_is_not_at_its_end() {
    let (go_on, waits) = std::sync::mpsc::channel();
    let provider = TracerProvider::builder().with(Waits(Mutex::new(waits))).build();
    let layer = ServerLayer::new().provider(&provider).flush_within(Duration::from_secs(3600));
    let app = Router::new().route("/", get(async || "whole")).layer(layer);
    let mut body = answer(app, request("/")).await.into_body();
    assert_eq!(body.size_hint().exact(), Some(5));
    assert!(body.frame().now_or_never().is_none(), "the flush waits");
    assert!(!body.is_end_stream() && body.size_hint().upper() != Some(0));
    go_on.send(()).unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "whole");
    assert!(body.is_end_stream());
    drop(go_on);
}

#[tokio::test]
async fn an_end_that_nobody_reads_is_known_by_its_length() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    let counted = async || {
        let parts = stream::iter(["ab", "cd"].map(Ok::<_, Infallible>)).chain(stream::pending());
        ([(header::CONTENT_LENGTH, "4")], Body::from_stream(parts))
    };
    let app = Router::new().route("/", get(counted)).layer(ServerLayer::new().provider(&provider));
    let server = Serving::start(app).await;
    let body = client().get(server.url("/")).send().await.unwrap().text().await.unwrap();
    assert_eq!(body, "abcd");
    assert_eq!(memory.spans()[0].status(), Status::Ok);
}

//! Baggage of requests, accepted and sent where asked.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![cfg(all(feature = "axum", feature = "reqwest-middleware"))]

use std::convert::Infallible;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, Response},
    response::Response as AxumResponse,
    routing::get,
};
use futures::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use raaf_testkit::{Spans, assert_span_tree};
use raaf_tower::{Callers, ClientLayer, ClientMiddleware, ServerLayer};
use raaf_trace_core::{
    Component, Context, InContext as _, MemoryExporter, Traceable as _, TracerProvider,
    propagation::Baggage, sink::SimpleProcessor,
};
use reqwest_middleware::ClientBuilder;
use support::{Serving, client};
use tower::{Layer as _, ServiceExt as _, service_fn};

mod support;

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn provider() -> (TracerProvider, MemoryExporter) {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .baggage_attributes(["tenant"])
        .build();
    (provider, memory)
}

fn baggage() -> String {
    Context::current().baggage().to_string()
}

/// Answers with the baggage that the handler has, and each part of its body.
async fn handler() -> Body {
    let before = Component::tool("Shelf").in_span("find", async { baggage() }).await;
    tokio::task::yield_now().await;
    let parts = stream::iter([before, String::new()]);
    Body::from_stream(parts.map(|part| Ok::<_, Infallible>(format!("{part}|{}|", baggage()))))
}

fn request(headers: &[(&'static str, &str)]) -> Request<Body> {
    let mut request = Request::get("/").body(Body::empty()).expect("a request");
    for (key, value) in headers {
        request.headers_mut().append(*key, value.parse().expect("a value"));
    }
    request
}

async fn text(response: AxumResponse) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

async fn answer(layer: ServerLayer, request: Request<Body>) -> String {
    let app: Router = Router::new().route("/", get(handler)).layer(layer);
    text(app.oneshot(request).await.unwrap_or_else(|never| match never {})).await
}

#[tokio::test]
async fn a_server_accepts_baggage_only_where_asked() {
    let (provider, memory) = provider();
    let layer = || ServerLayer::new().provider(&provider);
    let sent = [("traceparent", CALLER), ("baggage", "tenant=acme"), ("baggage", "user=7")];
    assert_eq!(answer(layer(), request(&sent)).await, "||||");
    assert!(memory.spans().iter().all(|span| span.attributes().get("tenant").is_none()));
    memory.take();

    let accepting = layer().accept_baggage(true);
    let all = "tenant=acme,user=7";
    assert_eq!(answer(accepting, request(&sent)).await, format!("{all}|{all}||{all}|"));
    assert_span_tree!(Spans::new(memory.spans()), {
        server "GET /" ["tenant" = "acme", !"user"] { tool "Shelf".find ["tenant" = "acme"] }
    });
    assert_eq!(baggage(), "", "it stays inside");
}

#[tokio::test]
async fn accepted_baggage_needs_no_span_and_no_trusted_context() {
    let (provider, _) = provider();
    let disabled = TracerProvider::builder().enabled(false).build();
    for layer in [
        ServerLayer::new().provider(&provider).skip(|_| true),
        ServerLayer::new().provider(&disabled),
        ServerLayer::new().provider(&provider).callers(Callers::Link),
        ServerLayer::new().provider(&provider).callers(Callers::Ignore),
    ] {
        for sent in [&[("traceparent", CALLER), ("baggage", "a=1")][..], &[("baggage", "a=1")]] {
            let layer = layer.clone().accept_baggage(true);
            assert_eq!(answer(layer, request(sent)).await, "a=1|a=1||a=1|");
        }
    }
}

#[tokio::test]
async fn what_exceeds_the_limits_of_w3c_is_left_out() {
    let (provider, _) = provider();
    let layer = ServerLayer::new().provider(&provider).accept_baggage(true);
    let many: Vec<_> = (0..70).map(|number| format!("k{number}=v")).collect();
    let seen = answer(layer.clone(), request(&[("baggage", &many.join(","))])).await;
    assert!(seen.starts_with(&many[..64].join(",")) && !seen.contains("k64"), "{seen}");
    let long = format!("a=1,b={},bad key=2,c=3", "x".repeat(8_192));
    assert_eq!(answer(layer, request(&[("baggage", &long)])).await, "a=1,c=3|a=1,c=3||a=1,c=3|");
}

/// The header that a client sends for a request with these headers.
async fn sent(client: ClientLayer, headers: &[(&'static str, &str)]) -> Option<String> {
    let echo = service_fn(async |request: Request<Body>| {
        let headers: &HeaderMap = request.headers();
        let values = headers.get_all("baggage").iter().map(|value| value.to_str().unwrap());
        Ok::<_, Infallible>(Response::new(values.collect::<Vec<_>>().join(";")))
    });
    let response = client.layer(echo).oneshot(request(headers)).await;
    let sent = response.unwrap_or_else(|never| match never {}).into_body();
    Some(sent).filter(|sent| !sent.is_empty())
}

#[tokio::test]
async fn a_client_sends_baggage_only_where_asked() {
    let (provider, _) = provider();
    let disabled = TracerProvider::builder().enabled(false).build();
    for provider in [provider, disabled] {
        let client = || ClientLayer::new().provider(&provider);
        let context = Context::empty().with_provider(&provider);
        let acme = context.clone().with_baggage(Baggage::parse("tenant=acme"));
        let acme = || acme.clone();
        let sending = || client().send_baggage(true);
        let own = [("baggage", "mine=1"), ("baggage", "other=2")];
        assert_eq!(sent(client(), &[]).in_context(acme()).await, None);
        let both = sent(sending(), &[]).in_context(acme()).await;
        assert_eq!(both.as_deref(), Some("tenant=acme"));
        let replaced = sent(sending(), &own).in_context(acme()).await;
        assert_eq!(replaced.as_deref(), Some("tenant=acme"));
        let kept = sent(sending(), &own).in_context(context).await;
        assert_eq!(kept.as_deref(), Some("mine=1;other=2"));
    }
}

#[tokio::test]
async fn baggage_goes_from_a_client_of_reqwest_to_the_attributes_of_a_server() {
    let (provider, memory) = provider();
    let layer = ServerLayer::new().provider(&provider).accept_baggage(true);
    let server = Serving::start(Router::new().route("/", get(handler)).layer(layer)).await;
    let context = Context::empty().with_provider(&provider);
    let context = context.with_baggage(Baggage::parse("tenant=acme"));
    for (sends, expected) in [(true, "tenant=acme|tenant=acme||tenant=acme|"), (false, "||||")] {
        let middleware = ClientMiddleware::new().send_baggage(sends);
        let client = ClientBuilder::new(client()).with(middleware).build();
        let work = async { client.get(server.url("/")).send().await.unwrap().text().await };
        let seen = work.in_context(context.clone()).await;
        assert_eq!(seen.unwrap(), expected);
    }
    let with = |kind: &str| {
        let spans = memory.spans();
        let of_kind = spans.iter().filter(|span| span.kind().as_str() == kind);
        of_kind.filter(|span| span.attributes().get("tenant").is_some()).count()
    };
    assert_eq!((with("client"), with("server"), with("tool")), (2, 1, 1));
}

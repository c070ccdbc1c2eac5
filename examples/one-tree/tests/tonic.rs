//! A client and a server of tonic.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures::{
    StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use http::uri::PathAndQuery;
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_tower::{Client, ClientLayer, ServerLayer};
use raaf_trace_core::{Component, Traceable as _};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    client, server,
    server::{NamedService, ServerStreamingService, UnaryService},
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use tower::{Layer as _, Service};

/// A service with the methods `Count` and `Watch`, as tonic's code generator would make it.
#[derive(Clone)]
struct Stock;

impl NamedService for Stock {
    const NAME: &'static str = "shop.Stock";
}

impl UnaryService<String> for Stock {
    type Response = i32;
    type Future = Ready<Result<Response<i32>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let count = || match request.get_ref().as_str() {
            "lamps" => Ok(Response::new(2)),
            "kettles" => Err(Status::not_found("no kettles here")),
            _ => Err(Status::internal("the shelf fell down")),
        };
        ready(Component::tool("Shelf").try_in_span("count", count))
    }
}

impl ServerStreamingService<String> for Stock {
    type Response = i32;
    type ResponseStream = BoxStream<'static, Result<i32, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<String>) -> Self::Future {
        let counts = stream::iter([Ok(2), Err(Status::data_loss("lost count"))]);
        ready(Ok(Response::new(counts.boxed())))
    }
}

impl Service<http::Request<Body>> for Stock {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut server = server::Grpc::new(ProstCodec::<i32, String>::default());
            Ok(match request.uri().path() {
                "/shop.Stock/Count" => server.unary(Stock, request).await,
                _ => server.server_streaming(Stock, request).await,
            })
        })
    }
}

/// Serves [`Stock`], and returns a client.
async fn client(capture: &Capture) -> client::Grpc<Client<Channel>> {
    let layer = ServerLayer::new().provider(capture.provider());
    let incoming = TcpIncoming::from(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = incoming.local_addr().unwrap();
    let server = Server::builder().layer(layer).add_service(Stock);
    tokio::spawn(server.serve_with_incoming(incoming));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap();
    client::Grpc::new(ClientLayer::new().layer(channel.connect().await.unwrap()))
}

async fn count(client: &mut client::Grpc<Client<Channel>>, item: &str) -> Result<i32, Status> {
    client.ready().await.unwrap();
    let method = PathAndQuery::from_static("/shop.Stock/Count");
    let counted = client.unary(Request::new(item.to_owned()), method, ProstCodec::default());
    counted.await.map(Response::into_inner)
}

#[tokio::test]
async fn a_call_of_tonic_is_one_tree() {
    let capture = Capture::new();
    let mut client = client(&capture).await;
    let clerk = Component::agent("Clerk");
    let work = clerk.try_in_span("run", count(&mut client, "lamps"));
    assert_eq!(capture.run_async(work).await.unwrap(), 2);
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        agent "Clerk" {
            client "shop.Stock/Count" [
                ok, "rpc.system.name" = "grpc", "rpc.method" = "shop.Stock/Count",
                "http.response.status_code" = 200,
            ] {
                server "shop.Stock/Count" [
                    ok, "rpc.method" = "shop.Stock/Count", "rpc.response.status_code" = "OK",
                ] {
                    tool "Shelf".count
                }
            }
        }
    });
    assert_coherent!(spans);
}

#[tokio::test]
async fn a_call_that_fails_is_an_error_where_it_is_one() {
    let capture = Capture::new();
    let mut client = client(&capture).await;
    let clerk = Component::agent("Clerk");
    for item in ["kettles", "pots"] {
        let work = clerk.try_in_span("run", count(&mut client, item));
        capture.run_async(work).await.unwrap_err();
    }
    let spans = capture.spans_async().await;
    let mut messages = spans.iter().filter_map(|span| span.error()?.message());
    assert!(messages.any(|message| message == "no kettles here"), "{spans}");
    assert_span_tree!(spans, {
        agent "Clerk" {
            client "shop.Stock/Count" [error "NOT_FOUND", "rpc.response.status_code" = "NOT_FOUND"] {
                server "shop.Stock/Count" [ok, "rpc.response.status_code" = "NOT_FOUND"] { .. }
            }
        }
        agent "Clerk" {
            client "shop.Stock/Count" [error "INTERNAL"] {
                server "shop.Stock/Count" [error "INTERNAL"] { .. }
            }
        }
    });
}

#[tokio::test]
async fn a_stream_that_fails_is_an_error_of_the_server() {
    let capture = Capture::new();
    let mut client = client(&capture).await;
    let clerk = Component::agent("Clerk");
    let work = clerk.in_span("run", async {
        client.ready().await.unwrap();
        let method = PathAndQuery::from_static("/shop.Stock/Watch");
        let codec = ProstCodec::<String, i32>::default();
        let counts = client.server_streaming(Request::new(String::new()), method, codec).await;
        let mut counts = counts.unwrap().into_inner();
        assert_eq!(counts.message().await.unwrap(), Some(2));
        counts.message().await.unwrap_err();
    });
    capture.run_async(work).await;
    assert_span_tree!(capture.spans_async().await, {
        agent "Clerk" {
            client "shop.Stock/Watch" [ok] { server "shop.Stock/Watch" [error "DATA_LOSS"] }
        }
    });
}

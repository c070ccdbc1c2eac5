//! The exporter of `opentelemetry-otlp`.

use std::{
    error::Error,
    pin::pin,
    task::{Context, Poll, Waker},
};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};

/// Exporter with the HTTP client of ours.
pub(crate) struct Theirs(SpanExporter);

impl Theirs {
    pub(crate) fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(ureq::Agent::new_with_defaults()))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(url)
            .build()?;
        exporter.set_resource(&Resource::builder().with_service_name("bench").build());
        Ok(Self(exporter))
    }

    pub(crate) fn export(&self, batch: Vec<SpanData>) -> Result<(), String> {
        // The client blocks, so the future is ready at the first poll.
        match pin!(self.0.export(batch)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result.map_err(|error| error.to_string()),
            Poll::Pending => Err("the exporter did not finish".to_owned()),
        }
    }
}

#[derive(Debug)]
struct Client(ureq::Agent);

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let mut post = self.0.post(head.uri.to_string());
        for (name, value) in &head.headers {
            post = post.header(name, value);
        }
        let mut answer = post.send(&body[..])?;
        let body = answer.body_mut().read_to_vec()?;
        Ok(Response::builder().status(answer.status()).body(body.into())?)
    }
}

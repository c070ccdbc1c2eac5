//! Sends encoded requests by a form of the protocol.

use std::time::Duration;

use ureq::http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use super::{OtlpProtocol, answer};
#[cfg(feature = "otlp-grpc")]
use crate::http::grpc;
use crate::http::{Client, Network, Refusal, Secret};

/// Client for a form of the protocol.
#[derive(Debug)]
pub(super) enum Transport {
    Http(Client),
    #[cfg(feature = "otlp-grpc")]
    Grpc(grpc::Client),
}

impl Transport {
    pub(super) fn new(
        protocol: OtlpProtocol,
        url: &str,
        timeout: Duration,
        network: &Network,
    ) -> Self {
        match protocol {
            OtlpProtocol::HttpProtobuf => {
                Self::Http(Client::new(url, timeout, answer::HTTP, network))
            }
            #[cfg(feature = "otlp-grpc")]
            OtlpProtocol::Grpc => {
                Self::Grpc(grpc::Client::new(url, timeout, answer::GRPC, network))
            }
        }
    }

    /// Adds the headers that describe the body.
    pub(super) fn describe(&self, headers: &mut HeaderMap, gzip: bool) {
        match self {
            Self::Http(_) => {
                let protobuf = HeaderValue::from_static("application/x-protobuf");
                headers.insert(CONTENT_TYPE, protobuf);
                if gzip {
                    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                }
            }
            // The client describes each call.
            #[cfg(feature = "otlp-grpc")]
            Self::Grpc(_) => {}
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        match self {
            Self::Http(client) => client.timeout(),
            #[cfg(feature = "otlp-grpc")]
            Self::Grpc(client) => client.timeout(),
        }
    }

    /// Sends a request, and returns the reply to one that was accepted.
    #[cfg_attr(
        not(feature = "otlp-grpc"),
        allow(clippy::needless_pass_by_value, reason = "gRPC keeps the body")
    )]
    pub(super) fn send(
        &self,
        headers: &HeaderMap,
        body: Vec<u8>,
        #[cfg_attr(not(feature = "otlp-grpc"), allow(unused_variables))] gzip: bool,
        secrets: &[&Secret],
    ) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Http(client) => Ok(client.post(headers, &body, secrets)?.body),
            #[cfg(feature = "otlp-grpc")]
            Self::Grpc(client) => client.call(headers, body, gzip, secrets),
        }
    }
}

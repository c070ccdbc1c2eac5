//! Facts about calls of gRPC, by OpenTelemetry's conventions for RPC.

use http::{HeaderMap, Uri, header::CONTENT_TYPE};
use raaf_trace_core::{
    Attributes,
    call::ErrorReport,
    grpc::{code_name, decode_message},
};

use crate::keys::{RPC_METHOD, RPC_SYSTEM};

/// Status of a call that ended.
pub(crate) struct GrpcStatus<'a> {
    name: &'static str,
    headers: &'a HeaderMap,
}

const OK: &str = "OK";
const UNKNOWN: &str = "UNKNOWN";
/// Codes that are failures of the server. Others are answers to what the client did.
const OF_SERVER: [&str; 6] =
    [UNKNOWN, "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];

impl<'a> GrpcStatus<'a> {
    /// Reads the status from trailers, or from the headers of a response without a body.
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok().and_then(|code| code.parse().ok());
        Some(Self { name: code.and_then(code_name).unwrap_or(UNKNOWN), headers })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.name == OK
    }

    pub(crate) fn is_failure_of_server(&self) -> bool {
        OF_SERVER.contains(&self.name)
    }

    pub(crate) fn error(&self) -> ErrorReport {
        let message = self.headers.get("grpc-message").map_or(&[][..], |text| text.as_bytes());
        let message = decode_message(message);
        ErrorReport::from_message(self.name, String::from_utf8_lossy(&message).into_owned())
    }
}

/// Returns the method of a call, such as `shop.Stock/Count`: a request of gRPC has it as its path.
pub(crate) fn method<'a>(uri: &'a Uri, headers: &HeaderMap) -> Option<&'a str> {
    let content = headers.get(CONTENT_TYPE)?.as_bytes();
    let method =
        uri.path().strip_prefix('/').filter(|_| content.starts_with(b"application/grpc"))?;
    (method.matches('/').count() == 1).then_some(method)
}

pub(crate) fn set_method(attributes: &mut Attributes, method: &str) {
    attributes.set(RPC_SYSTEM, "grpc").set(RPC_METHOD, method);
}

//! Facts about calls of gRPC, by OpenTelemetry's conventions for RPC.

use http::{HeaderMap, Uri, header::CONTENT_TYPE};
use raaf_trace_core::{Attributes, call::ErrorReport};

use crate::keys::{RPC_METHOD, RPC_SYSTEM};

/// Status of a call that ended.
pub(crate) struct GrpcStatus<'a> {
    code: usize,
    headers: &'a HeaderMap,
}

const OK: usize = 0;
const UNKNOWN: usize = 2;
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
/// Codes that are failures of the server. Others are answers to what the client did.
const OF_SERVER: [&str; 6] =
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];

impl<'a> GrpcStatus<'a> {
    /// Reads the status from trailers, or from the headers of a response without a body.
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok().and_then(|code| code.parse().ok());
        let code = code.filter(|code| *code < CODES.len()).unwrap_or(UNKNOWN);
        Some(Self { code, headers })
    }

    pub(crate) fn name(&self) -> &'static str {
        CODES.get(self.code).copied().unwrap_or("UNKNOWN")
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.code == OK
    }

    pub(crate) fn is_failure_of_server(&self) -> bool {
        OF_SERVER.contains(&self.name())
    }

    pub(crate) fn error(&self) -> ErrorReport {
        let message = self.headers.get("grpc-message").map_or(&[][..], |text| text.as_bytes());
        ErrorReport::from_message(self.name(), decoded(message))
    }
}

/// Decodes `%20` and the like, which gRPC uses in messages.
fn decoded(message: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%');
        let hex = hex.filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
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

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn messages_are_decoded() {
        assert_eq!(decoded(b"no%20such%20thing"), "no such thing");
        assert_eq!(decoded(b"100% or %2"), "100% or %2");
        assert_eq!(decoded(b"%C3%A4%+1%zz"), "ä%+1%zz");
    }
}

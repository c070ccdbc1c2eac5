//! Facts about requests and responses, by OpenTelemetry's conventions for HTTP.

use http::{HeaderMap, Method, Uri, Version, header, uri::Authority};
use raaf_trace_core::{Attributes, keys};

use crate::keys::{METHOD_ORIGINAL, PROTOCOL_VERSION};

/// Returns the method in a span's name, of which there are few.
pub(crate) fn name_of(method: &Method) -> &'static str {
    known(method).unwrap_or("HTTP")
}

fn known(method: &Method) -> Option<&'static str> {
    const KNOWN: [&str; 9] =
        ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str())
}

pub(crate) fn set_method(attributes: &mut Attributes, method: &Method) {
    attributes.set(keys::HTTP_METHOD, known(method).unwrap_or("_OTHER"));
    if known(method).is_none() {
        attributes.set(METHOD_ORIGINAL, method.as_str());
    }
}

/// Sets host and port of the server: those of the URI, or of the header `Host`.
pub(crate) fn set_server(attributes: &mut Attributes, uri: &Uri, headers: &HeaderMap) {
    let named = uri.authority().cloned().or_else(|| host(headers)?.parse::<Authority>().ok());
    let Some(server) = named else { return };
    attributes.set(keys::SERVER_ADDRESS, server.host());
    let by_scheme = || match uri.scheme_str()? {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    if let Some(port) = server.port_u16().or_else(by_scheme) {
        attributes.set(keys::SERVER_PORT, port);
    }
}

pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

pub(crate) fn set_version(attributes: &mut Attributes, version: Version) {
    let version = match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => return,
    };
    attributes.set(PROTOCOL_VERSION, version);
}

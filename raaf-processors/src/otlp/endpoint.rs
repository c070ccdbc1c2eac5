//! Address of requests.

use std::{borrow::Cow, fmt};

use raaf_trace_core::diagnostics::{self, Category};
use ureq::http::Uri;

use super::{OtlpProtocol, OtlpSink};
use crate::http::{Secret, origin};

/// Description of a valid address.
pub(super) const EXPECTED: &str =
    "an address such as http://localhost:4318, without a user; send keys in headers";

/// Path for traces below a base address.
const TRACES: &str = "/v1/traces";

/// Path of the method that takes traces.
#[cfg(feature = "otlp-grpc")]
const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Address given by a setting.
#[derive(Clone)]
pub(super) enum Address {
    Base(String),
    Traces(String),
}

impl Address {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Base(text) | Self::Traces(text) => text,
        }
    }

    /// Returns the address of requests; `None` if it cannot be used.
    pub(super) fn endpoint(&self, protocol: OtlpProtocol) -> Option<Endpoint> {
        match (protocol, self) {
            (OtlpProtocol::HttpProtobuf, Self::Base(base)) => Endpoint::below(base),
            (OtlpProtocol::HttpProtobuf, Self::Traces(url)) => Endpoint::exactly(url),
            #[cfg(feature = "otlp-grpc")]
            (OtlpProtocol::Grpc, _) => Endpoint::method(self.text()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&origin(self.text()), f)
    }
}

/// Address that receives traces. All but its origin may be secret.
#[derive(Clone)]
pub(super) struct Endpoint {
    url: String,
    oddity: Option<Oddity>,
    secrets: Vec<Secret>,
}

/// Part of an address that is not used as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oddity {
    /// The base address has the path for traces already.
    IsWhole,
    /// gRPC has no use for the path.
    #[cfg(feature = "otlp-grpc")]
    HasPath,
}

impl Endpoint {
    /// Returns the default address.
    pub(super) fn by_default(protocol: OtlpProtocol) -> Self {
        let url = match protocol {
            OtlpProtocol::HttpProtobuf => format!("{}{TRACES}", OtlpSink::DEFAULT_ENDPOINT),
            #[cfg(feature = "otlp-grpc")]
            OtlpProtocol::Grpc => format!("{}{METHOD}", OtlpSink::DEFAULT_GRPC_ENDPOINT),
        };
        Self { url, oddity: None, secrets: Vec::new() }
    }

    /// Parses a base address, and appends the path for traces unless it has it already.
    fn below(base: &str) -> Option<Self> {
        let mut endpoint = Self::read(base, |path| {
            let path = path.trim_end_matches('/');
            let path = path.strip_suffix(TRACES).unwrap_or(path);
            (format!("{path}{TRACES}"), path.to_owned())
        })?;
        let path = base.split(['?', '#']).next().unwrap_or_default();
        let is_whole = path.trim().trim_end_matches('/').ends_with(TRACES);
        endpoint.oddity = is_whole.then_some(Oddity::IsWhole);
        Some(endpoint)
    }

    /// Parses the address of a gRPC server, of which only the origin is used.
    #[cfg(feature = "otlp-grpc")]
    fn method(url: &str) -> Option<Self> {
        let exact = Self::exactly(url)?;
        let origin = origin(&exact.url);
        let has_path = !["", "/"].contains(&&exact.url[origin.len()..]);
        let url = format!("{origin}{METHOD}");
        Some(Self { url, oddity: has_path.then_some(Oddity::HasPath), secrets: Vec::new() })
    }

    /// Parses a full address; a missing path means `/`.
    fn exactly(url: &str) -> Option<Self> {
        Self::read(url, |path| (path.to_owned(), path.to_owned()))
    }

    /// Parses an address. `path` returns the path of requests, and what may be secret in it.
    fn read(url: &str, path: impl FnOnce(&str) -> (String, String)) -> Option<Self> {
        let uri: Uri = url.trim().parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
        let authority = uri.authority()?.as_str();
        if authority.contains('@') || uri.host().is_none_or(str::is_empty) {
            return None;
        }
        let (path, secret) = path(uri.path());
        let mut secrets = Vec::new();
        if !["", "/", TRACES].contains(&&*secret) {
            secrets.push(Secret::new(secret));
        }
        let mut url = format!("{scheme}://{authority}{path}");
        if let Some(query) = uri.query() {
            url = format!("{url}?{query}");
            secrets.push(Secret::new(query));
            let values = query.split('&').filter_map(|pair| pair.split_once('='));
            secrets.extend(values.map(|(_, value)| Secret::new(value)));
        }
        Some(Self { url, oddity: None, secrets })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Warns about an address that is not used as it was given.
    pub(super) fn warn_if_odd(&self) {
        let at = origin(&self.url);
        let warning = match self.oddity {
            None => return,
            Some(Oddity::IsWhole) => format!(
                "the base address of OTLP at {at} already ends in {TRACES}, which is not appended \
                 again; set a full address as OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or in code by \
                 `traces_endpoint`"
            ),
            #[cfg(feature = "otlp-grpc")]
            Some(Oddity::HasPath) => format!(
                "the address of OTLP at {at} has a path, which gRPC does not use; expected an \
                 address such as {}",
                OtlpSink::DEFAULT_GRPC_ENDPOINT
            ),
        };
        diagnostics::warn(Category::Export, format_args!("{warning}"));
    }

    /// Returns the secrets that no error may repeat.
    pub(super) fn secrets(&self) -> &[Secret] {
        &self.secrets
    }
}

/// Formats an invalid address for an error: a typing error should be visible, but never a key.
pub(super) fn shown(url: &str) -> Cow<'_, str> {
    if url.contains(['@', '?', '%']) { Cow::Borrowed("not shown") } else { Cow::Borrowed(url) }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&origin(&self.url), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_have_a_path_of_their_own_below_a_base() {
        for (base, url) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            (" https://host/api/otel/ ", "https://host/api/otel/v1/traces"),
            ("http://[::1]:1?key=1", "http://[::1]:1/v1/traces?key=1"),
        ] {
            assert_eq!(Endpoint::below(base).unwrap().url(), url);
        }
        let default = Endpoint::by_default(OtlpProtocol::HttpProtobuf);
        assert_eq!(default.url(), "http://localhost:4318/v1/traces");
    }

    #[test]
    fn a_base_that_has_the_path_for_traces_is_not_given_it_again() {
        for (base, url) in [
            ("http://h/v1/traces", "http://h/v1/traces"),
            ("http://h/api/v1/traces/?key=1", "http://h/api/v1/traces?key=1"),
        ] {
            let endpoint = Endpoint::below(base).unwrap();
            assert_eq!((endpoint.url(), endpoint.oddity), (url, Some(Oddity::IsWhole)));
        }
        assert_eq!(Endpoint::below("http://h/v1/tracest").unwrap().oddity, None);
        assert_eq!(Endpoint::exactly("http://h/v1/traces").unwrap().oddity, None);
    }

    #[cfg(feature = "otlp-grpc")]
    #[test]
    fn grpc_has_a_method_in_place_of_a_path() {
        for (given, oddity) in [
            ("https://h:4317", None),
            (" https://h:4317/ ", None),
            ("https://h:4317/v1/traces?key=1", Some(Oddity::HasPath)),
        ] {
            for address in [Address::Base(given.into()), Address::Traces(given.into())] {
                let endpoint = address.endpoint(OtlpProtocol::Grpc).unwrap();
                assert_eq!(endpoint.url(), format!("https://h:4317{METHOD}"));
                assert_eq!((endpoint.oddity, endpoint.secrets().len()), (oddity, 0));
            }
        }
        let default = Endpoint::by_default(OtlpProtocol::Grpc);
        assert_eq!(default.url(), format!("http://localhost:4317{METHOD}"));
    }

    #[test]
    fn an_address_for_traces_is_used_as_it_is() {
        for (given, url) in [
            ("http://localhost:4318", "http://localhost:4318/"),
            ("http://localhost:4318/mine/", "http://localhost:4318/mine/"),
        ] {
            assert_eq!(Endpoint::exactly(given).unwrap().url(), url);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in
            ["", "localhost:4318", "grpc://host", "http://", "http:///path", "http://me:key@host"]
        {
            assert!(Endpoint::below(wrong).is_none(), "{wrong}");
        }
        assert_eq!(shown("http://me:key@host"), "not shown");
        assert_eq!(shown("localhost:4318"), "localhost:4318");
    }

    #[test]
    fn only_the_origin_is_shown() {
        let endpoint = Endpoint::below("http://host:1/token/x?key=k1").unwrap();
        assert_eq!(format!("{endpoint:?}"), "\"http://host:1\"");
        let secrets: Vec<_> = endpoint.secrets().iter().map(Secret::reveal).collect();
        assert_eq!(secrets, ["/token/x", "key=k1", "k1"]);
    }
}

//! Address of requests.

use std::{borrow::Cow, fmt};

use raaf_trace_core::diagnostics::{self, Category};
use ureq::http::Uri;

use super::OtlpSink;
use crate::http::{Secret, origin};

/// Description of a valid address.
pub(super) const EXPECTED: &str =
    "an address such as http://localhost:4318, without a user; send keys in headers";

/// Path for traces below a base address.
const TRACES: &str = "/v1/traces";

/// Address that receives traces. All but its origin may be secret.
#[derive(Clone)]
pub(super) struct Endpoint {
    url: String,
    /// The base address has the path for traces already.
    is_whole: bool,
    secrets: Vec<Secret>,
}

impl Endpoint {
    /// Parses a base address, and appends the path for traces unless it has it already.
    pub(super) fn below(base: &str) -> Option<Self> {
        let mut endpoint = Self::read(base, |path| {
            let path = path.trim_end_matches('/');
            let path = path.strip_suffix(TRACES).unwrap_or(path);
            (format!("{path}{TRACES}"), path.to_owned())
        })?;
        let path = base.split(['?', '#']).next().unwrap_or_default();
        endpoint.is_whole = path.trim().trim_end_matches('/').ends_with(TRACES);
        Some(endpoint)
    }

    /// Parses a full address; a missing path means `/`.
    pub(super) fn exactly(url: &str) -> Option<Self> {
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
        Some(Self { url, is_whole: false, secrets })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Warns about a base address that has the path for traces already.
    pub(super) fn warn_if_whole(&self) {
        if self.is_whole {
            let warning = format_args!(
                "the base address of OTLP at {} already ends in {TRACES}, which is not appended \
                 again; set a full address as OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, or in code by \
                 `traces_endpoint`",
                origin(&self.url)
            );
            diagnostics::warn(Category::Tracing, warning);
        }
    }

    /// Returns the secrets that no error may repeat.
    pub(super) fn secrets(&self) -> &[Secret] {
        &self.secrets
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        let url = format!("{}{TRACES}", OtlpSink::DEFAULT_ENDPOINT);
        Self { url, is_whole: false, secrets: Vec::new() }
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
        assert_eq!(Endpoint::default().url(), "http://localhost:4318/v1/traces");
    }

    #[test]
    fn a_base_that_has_the_path_for_traces_is_not_given_it_again() {
        for (base, url) in [
            ("http://h/v1/traces", "http://h/v1/traces"),
            ("http://h/api/v1/traces/?key=1", "http://h/api/v1/traces?key=1"),
        ] {
            let endpoint = Endpoint::below(base).unwrap();
            assert_eq!((endpoint.url(), endpoint.is_whole), (url, true));
        }
        assert!(!Endpoint::below("http://h/v1/tracest").unwrap().is_whole);
        assert!(!Endpoint::exactly("http://h/v1/traces").unwrap().is_whole);
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

//! Address of requests.

use std::{borrow::Cow, fmt};

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
    secrets: Vec<Secret>,
}

impl Endpoint {
    /// Parses a base address, and appends the path for traces.
    pub(super) fn below(base: &str) -> Option<Self> {
        Self::read(base, |path| format!("{}{TRACES}", path.trim_end_matches('/')))
    }

    /// Parses a full address; a missing path means `/`.
    pub(super) fn exactly(url: &str) -> Option<Self> {
        Self::read(url, str::to_owned)
    }

    fn read(url: &str, path: impl FnOnce(&str) -> String) -> Option<Self> {
        let uri: Uri = url.trim().parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
        let authority = uri.authority()?.as_str();
        if authority.contains('@') || uri.host().is_none_or(str::is_empty) {
            return None;
        }
        let path = path(uri.path());
        let mut secrets = Vec::new();
        if ![TRACES, "/"].contains(&&*path) {
            secrets.push(Secret::new(&*path));
        }
        let mut url = format!("{scheme}://{authority}{path}");
        if let Some(query) = uri.query() {
            url = format!("{url}?{query}");
            secrets.push(Secret::new(query));
            let values = query.split('&').filter_map(|pair| pair.split_once('='));
            secrets.extend(values.map(|(_, value)| Secret::new(value)));
        }
        Some(Self { url, secrets })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the secrets that no error may repeat.
    pub(super) fn secrets(&self) -> &[Secret] {
        &self.secrets
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self { url: format!("{}{TRACES}", OtlpSink::DEFAULT_ENDPOINT), secrets: Vec::new() }
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
        assert_eq!(secrets, ["/token/x/v1/traces", "key=k1", "k1"]);
    }
}

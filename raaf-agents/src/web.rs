//! HTTP clients with one TLS stack.

use std::sync::Arc;

use reqwest::{Client, Url, header::HeaderMap, redirect};
use rustls::{ClientConfig, crypto};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::errors::with_causes;

const MAX_REDIRECTS: usize = 5;

/// Creates a client that trusts the system's certificate authorities, and sends these headers. Its
/// cryptography is the one that the program has installed, otherwise `ring`, which the sinks use as well.
/// The error is the cause.
pub(crate) fn client(headers: HeaderMap) -> Result<Client, String> {
    let provider = crypto::CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(crypto::ring::default_provider()));
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| error.to_string())?
        .with_no_client_auth();
    let redirects = redirect::Policy::custom(|attempt| {
        let from = attempt.previous().last();
        if from.is_some_and(|from| stays(from, attempt.url()))
            && attempt.previous().len() <= MAX_REDIRECTS
        {
            attempt.follow()
        } else {
            attempt.stop()
        }
    });
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirects)
        .default_headers(headers)
        .build();
    client.map_err(|error| with_causes(&error))
}

/// Returns whether a redirection stays at the server, or encrypts the connection to it. Another server
/// must receive neither the conversation nor the headers, which may have keys.
fn stays(from: &Url, to: &Url) -> bool {
    let encrypts = from.scheme() == "http" && to.scheme() == "https";
    from.origin() == to.origin() || (encrypts && from.host() == to.host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_stay_at_the_server() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (from, to, expected) in [
            ("http://a/v1", "http://a/v2", true),
            ("http://a/v1", "https://a/v1", true),
            ("https://a/v1", "http://a/v1", false),
            ("https://a/v1", "https://b/v1", false),
            ("http://a:1/v1", "http://a:2/v1", false),
        ] {
            assert_eq!(stays(&url(from), &url(to)), expected, "{from} {to}");
        }
    }
}

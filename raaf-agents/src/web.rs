//! HTTP clients with one TLS stack.

use std::{net::IpAddr, sync::Arc};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Client, Url, header::HeaderMap, redirect};
use rustls::{ClientConfig, crypto};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::errors::with_causes;

const MAX_REDIRECTS: usize = 5;

/// Creates a client for a server that trusts the system's certificate authorities and sends these
/// headers. Its cryptography is the provider that the program has installed, otherwise `ring`, which the
/// sinks use as well. The proxies of the environment are not used for this machine. The error is the cause.
pub(crate) fn client(server: &Url, headers: HeaderMap) -> Result<Client, String> {
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
    let mut client = Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirects)
        .default_headers(headers);
    if is_this_machine(server) {
        client = client.no_proxy();
    }
    client.build().map_err(|error| with_causes(&error))
}

/// Returns the proxy of the environment for a server, without its user.
pub(crate) fn proxy(server: &Url) -> Option<String> {
    if is_this_machine(server) {
        return None;
    }
    let proxy = Matcher::from_env().intercept(&server.as_str().parse().ok()?)?;
    let uri = proxy.uri();
    let port = uri.port().map_or(String::new(), |port| format!(":{port}"));
    Some(format!("{}://{}{port}", uri.scheme_str()?, uri.host()?))
}

fn is_this_machine(server: &Url) -> bool {
    let host = server.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let address: Option<IpAddr> = host.parse().ok();
    address.is_some_and(|address| address.to_canonical().is_loopback())
        || host == "localhost"
        || host.ends_with(".localhost")
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
    fn this_machine_is_known_by_name_and_address() {
        let url = |host: &str| Url::parse(&format!("http://{host}/v1")).unwrap();
        for host in
            ["localhost:1", "LOCALHOST.", "a.localhost", "127.8.0.1", "[::1]", "[::ffff:127.0.0.1]"]
        {
            assert!(is_this_machine(&url(host)), "{host}");
        }
        for host in ["localhost.example", "10.0.0.1", "[::2]"] {
            assert!(!is_this_machine(&url(host)), "{host}");
        }
    }

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

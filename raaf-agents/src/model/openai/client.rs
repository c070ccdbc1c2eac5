//! HTTP client with one TLS stack.

use std::sync::Arc;

use reqwest::Client;
use rustls::{ClientConfig, crypto};
use rustls_platform_verifier::BuilderVerifierExt;

use super::ConfigError;
use crate::errors::with_causes;

/// Creates a client that trusts the system's certificate authorities. Its cryptography is the one
/// that the program has installed, otherwise `ring`, which the sinks use as well.
pub(super) fn new() -> Result<Client, ConfigError> {
    let provider = crypto::CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(crypto::ring::default_provider()));
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| ConfigError::Tls { message: error.to_string() })?
        .with_no_client_auth();
    let client = Client::builder().tls_backend_preconfigured(tls).build();
    client.map_err(|error| ConfigError::Tls { message: with_causes(&error) })
}

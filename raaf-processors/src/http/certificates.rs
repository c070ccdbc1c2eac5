//! Certificates: those of trusted authorities, and that of this program.

use std::{fmt, path::PathBuf, sync::Arc};

use raaf_trace_core::diagnostics::{self, Category};
use raaf_trace_model::environment::Environment;
use rustls::{ClientConfig, RootCertStore, crypto, pki_types::PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

/// Certificates of trusted authorities, by default those of the system, and of this program.
#[derive(Clone, Default)]
pub(crate) struct Certificates {
    authorities: Option<Vec<Certificate<'static>>>,
    identity: Option<ClientCert>,
    /// File and directory with the system's authorities, in place of the usual ones.
    file: Option<PathBuf>,
    directory: Option<PathBuf>,
}

impl Certificates {
    /// Reads `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    pub(crate) fn read(environment: &Environment) -> Self {
        let path = |variable| environment.get_os(variable).map(PathBuf::from);
        let (file, directory) = (path("SSL_CERT_FILE"), path("SSL_CERT_DIR"));
        Self { authorities: None, identity: None, file, directory }
    }

    /// Trusts these authorities instead of the system's.
    pub(crate) fn trust(&mut self, authorities: Vec<Certificate<'static>>) {
        self.authorities = Some(authorities);
    }

    /// Sets the certificate that servers may ask for.
    pub(crate) fn identify(&mut self, identity: ClientCert) {
        self.identity = Some(identity);
    }

    /// Returns the configuration of a client. The system's authorities are read now.
    pub(super) fn tls_config(&self) -> TlsConfig {
        let authorities = self.authorities.clone().or_else(|| self.of_system());
        let roots = authorities.map_or(RootCerts::WebPki, |found| found.into_iter().into());
        TlsConfig::builder().root_certs(roots).client_cert(self.identity.clone()).build()
    }

    /// Returns the configuration of a client that speaks another protocol than HTTP/1.1. The system's
    /// authorities are read now; `None` if the client's certificate cannot be used.
    #[cfg(feature = "otlp-grpc")]
    pub(super) fn rustls_config(&self) -> Option<ClientConfig> {
        let mut roots = RootCertStore::empty();
        match self.authorities.clone().or_else(|| self.of_system()) {
            Some(found) => {
                roots.add_parsable_certificates(found.iter().map(|found| found.der().into()));
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        rustls_config(roots, self.identity.as_ref())
    }

    /// Reads the system's authorities; `None`, so that Mozilla's apply, if there are none.
    fn of_system(&self) -> Option<Vec<Certificate<'static>>> {
        let result = if self.file.is_some() || self.directory.is_some() {
            let (file, directory) = (self.file.as_deref(), self.directory.as_deref());
            rustls_native_certs::load_certs_from_paths(file, directory)
        } else {
            rustls_native_certs::load_native_certs()
        };
        for error in &result.errors {
            let warning = format_args!("some certificates of authorities cannot be read: {error}");
            diagnostics::warn(Category::Http, warning);
        }
        let found: Vec<_> =
            result.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        Some(found).filter(|found| !found.is_empty())
    }
}

/// Parses certificates of authorities, in PEM; `None` if there are none, or one cannot be used.
pub(crate) fn authorities(pem: &[u8]) -> Option<Vec<Certificate<'static>>> {
    let found = chain(pem)?;
    let mut roots = RootCertStore::empty();
    found.iter().all(|found| roots.add(found.der().into()).is_ok()).then_some(found)
}

/// Parses a certificate, with those between it and an authority, and its key, in PEM; `None` if they
/// cannot be used or do not belong together.
pub(crate) fn identity(certificate: &[u8], key: &[u8]) -> Option<ClientCert> {
    let chain = chain(certificate)?;
    let key = PrivateKey::from_pem(key).ok()?;
    let identity = ClientCert::new_with_certs(&chain, key);
    // Checked now, because the client panics.
    rustls_config(RootCertStore::empty(), Some(&identity))?;
    Some(identity)
}

fn rustls_config(roots: RootCertStore, identity: Option<&ClientCert>) -> Option<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots);
    let Some(identity) = identity else { return Some(config.with_no_client_auth()) };
    let key = PrivateKeyDer::try_from(identity.private_key().der()).ok()?.clone_key();
    let chain = identity.certs().iter().map(|found| found.der().to_vec().into()).collect();
    config.with_client_auth_cert(chain, key).ok()
}

fn chain(pem: &[u8]) -> Option<Vec<Certificate<'static>>> {
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Some(certificate)),
        Ok(_) => None,
        Err(_) => Some(None),
    };
    let found: Option<Vec<_>> = parse_pem(pem).filter_map(certificate).collect();
    found.filter(|found| !found.is_empty())
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("authorities", &self.authorities.as_ref().map(Vec::len))
            .field("has_identity", &self.identity.is_some())
            .finish_non_exhaustive()
    }
}

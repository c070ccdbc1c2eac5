//! Builder for [`OtlpSink`](super::OtlpSink).

use std::{fmt, time::Duration};

use raaf_trace_model::{
    attributes::{IntoValue, Value},
    environment::{Environment, SettingsError},
};
use ureq::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use super::{
    OtlpError, OtlpSink, answer,
    endpoint::{self, Endpoint},
    names::OtlpNames,
    request, resource,
    variables::Variables,
};
use crate::http::{Client, Deliveries, Network, Secret, certificates, check_timeout, header};

/// Default timeout of a request, as OpenTelemetry defines it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Builder for [`OtlpSink`]; [`OtlpSink::builder`] returns one.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct OtlpBuilder {
    endpoint: Option<Given>,
    headers: Vec<(String, Secret)>,
    timeout: Option<Duration>,
    gzip: Option<bool>,
    names: Option<OtlpNames>,
    resource: Vec<(String, Value)>,
    variables: Variables,
    authorities: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    network: Option<Network>,
}

/// Address given in code.
#[derive(Clone)]
enum Given {
    Base(String),
    Traces(String),
}

impl OtlpBuilder {
    /// Sets the base address of the server, such as `http://localhost:4318`. Traces go to
    /// `/v1/traces` below it; if it ends in that already, to the address itself, with a warning.
    pub fn endpoint(mut self, base: impl Into<String>) -> Self {
        self.endpoint = Some(Given::Base(base.into()));
        self
    }

    /// Sets the full address that requests go to.
    pub fn traces_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(Given::Traces(url.into()));
        self
    }

    /// Adds a header to every request, such as a key. Its value is never shown. Replaces a header
    /// of the same name.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), Secret::new(value)));
        self
    }

    /// Sets the timeout of a request, from name resolution to the last byte of the reply; at least a
    /// millisecond. Keep it below the batch's
    /// [`export_timeout`](raaf_trace_core::sink::BatchConfig::export_timeout). Default: 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Compresses requests. Default: false.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = Some(gzip);
        self
    }

    /// Sets the certificates of the authorities that are trusted, in PEM, instead of the system's: for
    /// a server whose certificate is from a private authority.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities = Some(pem.into());
        self
    }

    /// Sets the certificate by which this program identifies itself, with those between it and an
    /// authority, and its key, both in PEM. The key is never shown.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Sets the naming of spans. Default: [their own names](OtlpNames::Component).
    pub fn names(mut self, names: OtlpNames) -> Self {
        self.names = Some(names);
        self
    }

    /// Sets `service.name`. Default: `unknown_service` with the name of the executable.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.resource_attribute(resource::SERVICE_NAME, name.into())
    }

    /// Adds a resource attribute, a fact about this program that is sent with every request.
    pub fn resource_attribute(mut self, key: impl Into<String>, value: impl IntoValue) -> Self {
        if let Some(value) = value.into_value() {
            self.resource.push((key.into(), value));
        }
        self
    }

    /// Reads settings that the code has not set from these variables, as OpenTelemetry defines
    /// them:
    ///
    /// | variable | setting |
    /// | --- | --- |
    /// | `OTEL_EXPORTER_OTLP_ENDPOINT` | [`endpoint`](Self::endpoint); `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` [`traces_endpoint`](Self::traces_endpoint) |
    /// | `OTEL_EXPORTER_OTLP_HEADERS` | [`header`](Self::header)s: `name=value,name=value`, percent-encoded |
    /// | `OTEL_EXPORTER_OTLP_PROTOCOL` | must be `http/protobuf` |
    /// | `OTEL_EXPORTER_OTLP_TIMEOUT` | [`timeout`](Self::timeout), in milliseconds |
    /// | `OTEL_EXPORTER_OTLP_COMPRESSION` | `gzip` or `none` |
    /// | `OTEL_EXPORTER_OTLP_CERTIFICATE` | [`root_certificates`](Self::root_certificates), as the path of a file |
    /// | `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`, `OTEL_EXPORTER_OTLP_CLIENT_KEY` | [`client_certificate`](Self::client_certificate), as paths of files |
    /// | `OTEL_SERVICE_NAME` | [`service_name`](Self::service_name) |
    /// | `OTEL_RESOURCE_ATTRIBUTES` | [`resource_attribute`](Self::resource_attribute)s: `key=value,key=value`, percent-encoded |
    /// | `RAAF_TRACE_OTLP_NAMES` | [`names`](Self::names): `component` or `gen_ai` |
    ///
    /// Proxies are those of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or their lower-case
    /// forms. Trusted authorities are those in `SSL_CERT_FILE` and `SSL_CERT_DIR`, otherwise the
    /// system's. Without a call of this method, both are those of the process.
    ///
    /// Variables that begin with `OTEL_EXPORTER_OTLP_` have a form for traces alone, which takes
    /// precedence: `OTEL_EXPORTER_OTLP_TRACES_…`.
    ///
    /// A variable of OpenTelemetry that cannot be used counts as not set, and of a list only the pairs
    /// that cannot; each is reported once, with the expected form.
    ///
    /// # Errors
    ///
    /// If `RAAF_TRACE_OTLP_NAMES` cannot be used; the error names the expected form.
    pub fn environment(mut self, environment: &Environment) -> Result<Self, SettingsError> {
        self.variables = Variables::read(environment)?;
        self.network = Some(Network::read(environment));
        Ok(self)
    }

    /// Builds the sink. It connects when it receives the first spans.
    ///
    /// # Errors
    ///
    /// If the address, a header, a certificate or the timeout cannot be used.
    pub fn build(self) -> Result<OtlpSink, OtlpError> {
        let Self { endpoint, headers, timeout, gzip, names, resource, variables, .. } = self;
        let mut network = self.network.unwrap_or_else(|| Network::read(&Environment::process()));
        let wrong = |what| move || OtlpError::Certificate { what };
        let authorities = self.authorities.map(|pem| {
            certificates::authorities(&pem).ok_or_else(wrong("certificates of authorities"))
        });
        if let Some(authorities) = authorities.transpose()?.or(variables.authorities) {
            network.certificates.trust(authorities);
        }
        let identity = self.identity.map(|(certificate, key)| {
            certificates::identity(&certificate, &key)
                .ok_or_else(wrong("client's certificate and key"))
        });
        if let Some(identity) = identity.transpose()?.or(variables.identity) {
            network.certificates.identify(identity);
        }
        if let Some(timeout) = timeout {
            check_timeout("OtlpBuilder::timeout", timeout)?;
        }
        let gzip = gzip.or(variables.gzip).unwrap_or_default();
        let (headers, secrets) = all_headers(variables.headers, &headers, gzip)?;
        let endpoint = match &endpoint {
            None => variables.endpoint.unwrap_or_default(),
            Some(Given::Base(url)) => usable(Endpoint::below(url), url)?,
            Some(Given::Traces(url)) => usable(Endpoint::exactly(url), url)?,
        };
        endpoint.warn_if_whole();
        let timeout = timeout.or(variables.timeout).unwrap_or(TIMEOUT);
        Ok(OtlpSink {
            client: Client::new(endpoint.url(), timeout, answer::PROTOCOL, &network),
            endpoint,
            headers,
            secrets,
            resource: resource::of(variables.resource, resource),
            names: names.or(variables.names).unwrap_or_default(),
            gzip,
            deliveries: Deliveries::default(),
            warnings: raaf_trace_core::diagnostics::Repeated::new(),
        })
    }
}

fn usable(endpoint: Option<Endpoint>, url: &str) -> Result<Endpoint, OtlpError> {
    endpoint.ok_or_else(|| OtlpError::Endpoint { shown: endpoint::shown(url).into_owned() })
}

/// Headers of every request, and the secrets among them.
fn all_headers(
    variables: Vec<(HeaderName, HeaderValue)>,
    given: &[(String, Secret)],
    gzip: bool,
) -> Result<(HeaderMap, Vec<Secret>), OtlpError> {
    let mut all: HeaderMap = variables.into_iter().collect();
    for (name, value) in given {
        let wrong = || OtlpError::Header { name: name.escape_debug().to_string() };
        let name = header::name(name).ok_or_else(wrong)?;
        all.insert(name, header::value(value.reveal()).ok_or_else(wrong)?);
    }
    let shown = all.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let secrets = shown.flat_map(|value| secrets_in(&value)).collect();
    all.insert(CONTENT_TYPE, HeaderValue::from_static(request::CONTENT_TYPE));
    if gzip {
        all.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok((all, secrets))
}

/// Returns the value and, after a word such as `Bearer`, the key alone, because a server may repeat
/// either.
fn secrets_in(value: &str) -> Vec<Secret> {
    let key = value.split_once(' ').map(|(_, key)| key.trim());
    [Some(value), key].into_iter().flatten().map(Secret::new).collect()
}

impl fmt::Debug for OtlpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("OtlpBuilder")
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("gzip", &self.gzip)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

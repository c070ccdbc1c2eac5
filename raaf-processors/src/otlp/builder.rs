//! Builder for [`OtlpSink`](super::OtlpSink).

use std::{fmt, time::Duration};

use raaf_trace_model::{
    attributes::{IntoValue, Value},
    environment::{Environment, SettingsError},
};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    OtlpError, OtlpProtocol, OtlpSink,
    endpoint::{self, Address, Endpoint},
    resource,
    span::Form,
    transport::Transport,
    variables::Variables,
};
use crate::conventions::OtlpNames;
use crate::http::{Deliveries, Network, Secret, certificates, check_timeout, header};

/// Header of requests to `MLflow`.
const MLFLOW: &str = "x-mlflow-experiment-id";

/// Default timeout of a request, as OpenTelemetry defines it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Builder for [`OtlpSink`]; [`OtlpSink::builder`] returns one.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct OtlpBuilder {
    protocol: Option<OtlpProtocol>,
    endpoint: Option<Address>,
    headers: Vec<(String, Secret)>,
    timeout: Option<Duration>,
    gzip: Option<bool>,
    names: Option<OtlpNames>,
    texts: Option<bool>,
    resource: Vec<(String, Value)>,
    variables: Variables,
    authorities: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    network: Option<Network>,
}

impl OtlpBuilder {
    /// Sets the form of the protocol. Default: [`HttpProtobuf`](OtlpProtocol::HttpProtobuf).
    pub fn protocol(mut self, protocol: OtlpProtocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Sets the base address of the server, such as `http://localhost:4318`. Traces go to
    /// `/v1/traces` below it; if it ends in that already, to the address itself, with a warning. gRPC
    /// uses scheme, host and port alone, and warns about a path.
    pub fn endpoint(mut self, base: impl Into<String>) -> Self {
        self.endpoint = Some(Address::Base(base.into()));
        self
    }

    /// Sets the full address that requests go to. For gRPC, this is the same as
    /// [`endpoint`](Self::endpoint).
    pub fn traces_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(Address::Traces(url.into()));
        self
    }

    /// Adds a header to every request, such as a key; in gRPC, metadata. Its value is never shown.
    /// Replaces a header of the same name.
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

    /// Sets the naming of spans. Default: [by the conventions](OtlpNames::GenAi).
    pub fn names(mut self, names: OtlpNames) -> Self {
        self.names = Some(names);
        self
    }

    /// Sets whether model calls carry the texts of their last message and of their answer beside their
    /// messages. Phoenix shows these in its lists; `MLflow` shows them instead of the messages. Default:
    /// true, unless there is a header `x-mlflow-experiment-id`.
    pub fn model_texts(mut self, texts: bool) -> Self {
        self.texts = Some(texts);
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
    /// | `OTEL_EXPORTER_OTLP_PROTOCOL` | [`protocol`](Self::protocol): `http/protobuf`, or `grpc` with the feature `otlp-grpc` |
    /// | `OTEL_EXPORTER_OTLP_TIMEOUT` | [`timeout`](Self::timeout), in milliseconds |
    /// | `OTEL_EXPORTER_OTLP_COMPRESSION` | `gzip` or `none` |
    /// | `OTEL_EXPORTER_OTLP_CERTIFICATE` | [`root_certificates`](Self::root_certificates), as the path of a file |
    /// | `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`, `OTEL_EXPORTER_OTLP_CLIENT_KEY` | [`client_certificate`](Self::client_certificate), as paths of files |
    /// | `OTEL_SERVICE_NAME` | [`service_name`](Self::service_name) |
    /// | `OTEL_RESOURCE_ATTRIBUTES` | [`resource_attribute`](Self::resource_attribute)s: `key=value,key=value`, percent-encoded |
    /// | `RAAF_TRACE_OTLP_NAMES` | [`names`](Self::names): `gen_ai` or `component` |
    /// | `RAAF_TRACE_OTLP_MODEL_TEXTS` | [`model_texts`](Self::model_texts): `true` or `false` |
    ///
    /// Proxies are those of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or their lower-case
    /// forms; gRPC goes through a tunnel of the proxy, whose address must begin with `http://`. Trusted
    /// authorities are those in `SSL_CERT_FILE` and `SSL_CERT_DIR`, otherwise the system's. Without a call
    /// of this method, both are those of the process.
    ///
    /// Variables that begin with `OTEL_EXPORTER_OTLP_` have a form for traces alone, which takes
    /// precedence: `OTEL_EXPORTER_OTLP_TRACES_…`.
    ///
    /// A variable of OpenTelemetry that cannot be used counts as not set, and of a list only the pairs
    /// that cannot; each is reported once, with the expected form.
    ///
    /// # Errors
    ///
    /// If a `RAAF_*` variable cannot be used; the error names the expected form.
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
        let Self { endpoint, headers, timeout, gzip, names, texts, resource, variables, .. } = self;
        let protocol = self.protocol.or(variables.protocol).unwrap_or_default();
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
        let (mut headers, secrets) = all_headers(variables.headers, &headers)?;
        let is_mlflow = headers.contains_key(MLFLOW);
        let address = endpoint.or(variables.endpoint);
        let endpoint = match &address {
            None => Endpoint::by_default(protocol),
            Some(address) => address.endpoint(protocol).ok_or_else(|| OtlpError::Endpoint {
                shown: endpoint::shown(address.text()).into_owned(),
            })?,
        };
        endpoint.warn_if_odd();
        let timeout = timeout.or(variables.timeout).unwrap_or(TIMEOUT);
        let transport = Transport::new(protocol, endpoint.url(), timeout, &network);
        transport.describe(&mut headers, gzip);
        Ok(OtlpSink {
            transport,
            endpoint,
            headers,
            secrets,
            resource: resource::of(variables.resource, resource),
            form: Form {
                names: names.or(variables.names).unwrap_or_default(),
                texts: texts.or(variables.texts).unwrap_or(!is_mlflow),
            },
            gzip,
            deliveries: Deliveries::default(),
            warnings: raaf_trace_core::diagnostics::Repeated::new(),
        })
    }
}

/// Headers of every request, and the secrets among them.
fn all_headers(
    variables: Vec<(HeaderName, HeaderValue)>,
    given: &[(String, Secret)],
) -> Result<(HeaderMap, Vec<Secret>), OtlpError> {
    let mut all: HeaderMap = variables.into_iter().collect();
    for (name, value) in given {
        let wrong = || OtlpError::Header { name: name.escape_debug().to_string() };
        let name = header::name(name).ok_or_else(wrong)?;
        all.insert(name, header::value(value.reveal()).ok_or_else(wrong)?);
    }
    let shown = all.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let secrets = shown.flat_map(|value| secrets_in(&value)).collect();
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
            .field("protocol", &self.protocol)
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("gzip", &self.gzip)
            .field("names", &self.names)
            .field("model_texts", &self.texts)
            .finish_non_exhaustive()
    }
}

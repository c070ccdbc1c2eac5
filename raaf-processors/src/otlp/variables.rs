//! Reads OpenTelemetry's environment variables.

use std::{fs, time::Duration};

use raaf_trace_core::diagnostics::{self, Category};
use raaf_trace_model::environment::{Environment, SettingsError};
use ureq::{
    http::{HeaderName, HeaderValue},
    tls::{Certificate, ClientCert},
};

use crate::resource;

use super::{
    OtlpProtocol,
    endpoint::{self, Address},
};
use crate::conventions::OtlpNames;
use crate::http::{certificates, header};

const NAMES: &str = "RAAF_TRACE_OTLP_NAMES";
const TEXTS: &str = "RAAF_TRACE_OTLP_MODEL_TEXTS";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// Prefixes of the protocol's variables. Those for traces take precedence.
const PREFIX: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"];

const PEM: &str = "the path of a readable file with certificates in PEM";
const LIST: &str = "percent-encoded pairs such as key=value,other=value";

/// Settings read from the variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    pub(super) protocol: Option<OtlpProtocol>,
    pub(super) endpoint: Option<Address>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) timeout: Option<Duration>,
    pub(super) gzip: Option<bool>,
    pub(super) names: Option<OtlpNames>,
    pub(super) texts: Option<bool>,
    pub(super) authorities: Option<Vec<Certificate<'static>>>,
    pub(super) identity: Option<ClientCert>,
    /// Resource attributes; `service.name` from its own variable is last.
    pub(super) resource: Vec<(String, String)>,
}

impl Variables {
    /// Reads the variables. Those of OpenTelemetry, which a whole cluster may share, count as not set
    /// where they cannot be used, with a warning.
    pub(super) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let protocol = first(environment, "PROTOCOL", OtlpProtocol::EXPECTED, OtlpProtocol::parse);
        Ok(Self {
            protocol,
            endpoint: read_endpoint(environment, protocol),
            headers: read_headers(environment),
            timeout: first(
                environment,
                "TIMEOUT",
                "a whole number of milliseconds of at least 1",
                read_millis,
            ),
            gzip: first(environment, "COMPRESSION", "`gzip` or `none`", |word| {
                let is = |name: &str| word.eq_ignore_ascii_case(name);
                (is("gzip") || is("none")).then(|| is("gzip"))
            }),
            names: read_names(environment)?,
            texts: read_texts(environment)?,
            authorities: first(environment, "CERTIFICATE", PEM, |path| {
                certificates::authorities(&fs::read(path).ok()?)
            }),
            identity: read_identity(environment),
            resource: read_resource(environment),
        })
    }
}

/// Reads the naming of spans.
pub(super) fn read_names(environment: &Environment) -> Result<Option<OtlpNames>, SettingsError> {
    environment.read(NAMES, OtlpNames::EXPECTED, OtlpNames::parse)
}

/// Reads whether model calls carry texts.
pub(super) fn read_texts(environment: &Environment) -> Result<Option<bool>, SettingsError> {
    environment.flag(TEXTS)
}

/// Reports a variable that cannot be used; it counts as not set.
fn warned<T>(read: Result<Option<T>, SettingsError>) -> Option<T> {
    read.unwrap_or_else(|error| {
        let warning = format_args!("{error}; the variable is ignored");
        diagnostics::warn(Category::Export, warning);
        None
    })
}

/// Reads the variable for traces, otherwise the general one.
fn first<T>(
    environment: &Environment,
    name: &str,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let read = |prefix| warned(environment.read(&format!("{prefix}{name}"), expected, &parse));
    PREFIX.into_iter().find_map(read)
}

/// Reads the client's certificate and its key, of which one alone is of no use.
fn read_identity(environment: &Environment) -> Option<ClientCert> {
    let file =
        |name| first(environment, name, "the path of a readable file", |path| fs::read(path).ok());
    let (certificate, key) = (file("CLIENT_CERTIFICATE"), file("CLIENT_KEY"));
    if certificate.is_none() && key.is_none() {
        return None;
    }
    let identity = certificate
        .zip(key)
        .and_then(|(certificate, key)| certificates::identity(&certificate, &key));
    if identity.is_none() {
        let warning = format_args!(
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY cannot be used; \
             expected paths of a certificate and its key, in PEM; the variables are ignored"
        );
        diagnostics::warn(Category::Export, warning);
    }
    identity
}

/// Returns the scheme for an address that has none, which OpenTelemetry allows for gRPC.
#[cfg(feature = "otlp-grpc")]
fn scheme(environment: &Environment, protocol: Option<OtlpProtocol>) -> Option<&'static str> {
    let is = |word: &str, expected: &str| word.eq_ignore_ascii_case(expected);
    let insecure = || {
        first(environment, "INSECURE", "`true` or `false`", |word| {
            (is(word, "true") || is(word, "false")).then(|| is(word, "true"))
        })
    };
    let is_grpc = protocol == Some(OtlpProtocol::Grpc);
    is_grpc.then(|| if insecure() == Some(true) { "http" } else { "https" })
}

#[cfg(not(feature = "otlp-grpc"))]
fn scheme(_: &Environment, _: Option<OtlpProtocol>) -> Option<&'static str> {
    None
}

fn read_endpoint(environment: &Environment, protocol: Option<OtlpProtocol>) -> Option<Address> {
    let kinds: [fn(String) -> Address; 2] = [Address::Traces, Address::Base];
    PREFIX.into_iter().zip(kinds).find_map(|(prefix, kind)| {
        let variable = format!("{prefix}ENDPOINT");
        let mut text = warned(environment.get(&variable))?;
        if !text.contains("://")
            && let Some(scheme) = scheme(environment, protocol)
        {
            text = format!("{scheme}://{}", text.trim());
        }
        let address = kind(text);
        // What can be used does not depend on the form of the protocol.
        let is_usable = address.endpoint(OtlpProtocol::default()).is_some();
        let wrong = || {
            let shown = endpoint::shown(address.text());
            SettingsError::invalid(&variable, &shown, endpoint::EXPECTED)
        };
        warned(if is_usable { Ok(Some(address)) } else { Err(wrong()) })
    })
}

/// Reads a list of pairs. Those that cannot be used are left out, with one warning.
fn read_pairs<T>(
    environment: &Environment,
    variable: &str,
    convert: impl Fn((String, String)) -> Option<T>,
) -> Option<Vec<T>> {
    let text = warned(environment.get(variable))?;
    let (usable, malformed): (Vec<_>, Vec<_>) = resource::members(&text)
        .map(|member| resource::read(member).and_then(&convert).ok_or(member))
        .partition(Result::is_ok);
    let malformed: Vec<_> = malformed.into_iter().filter_map(Result::err).collect();
    if !malformed.is_empty() {
        let error = SettingsError::invalid(variable, &malformed.join(","), LIST);
        let rest =
            if usable.is_empty() { "the variable is ignored" } else { "the other pairs apply" };
        diagnostics::warn(Category::Export, format_args!("{error}; {rest}"));
    }
    let usable: Vec<_> = usable.into_iter().filter_map(Result::ok).collect();
    Some(usable).filter(|usable| !usable.is_empty())
}

fn read_headers(environment: &Environment) -> Vec<(HeaderName, HeaderValue)> {
    let header =
        |(name, value): (String, String)| Some((header::name(&name)?, header::value(&value)?));
    let read = |prefix| read_pairs(environment, &format!("{prefix}HEADERS"), header);
    PREFIX.into_iter().find_map(read).unwrap_or_default()
}

fn read_millis(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|millis| *millis > 0).map(Duration::from_millis)
}

fn read_resource(environment: &Environment) -> Vec<(String, String)> {
    let mut resource = read_pairs(environment, RESOURCE, Some).unwrap_or_default();
    let name = warned(environment.get(SERVICE_NAME));
    if let Some(name) = name.filter(|name| !name.trim().is_empty()) {
        resource.push(("service.name".to_owned(), name));
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Variables, SettingsError> {
        Variables::read(&Environment::from_pairs(pairs.iter().copied()))
    }

    fn url(pairs: &[(&str, &str)]) -> String {
        let address = read(pairs).unwrap().endpoint.unwrap();
        address.endpoint(OtlpProtocol::HttpProtobuf).unwrap().url().to_owned()
    }

    #[test]
    fn a_variable_for_traces_wins_and_its_address_is_exact() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces/mine");
        assert_eq!(url(&[all]), "http://all/v1/traces");
        assert_eq!(url(&[all, traces]), "http://traces/mine");
        let found = read(&[
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=%20x%3D"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ]);
        let found = found.unwrap();
        assert_eq!((found.timeout, found.gzip), (Some(Duration::from_millis(2500)), Some(false)));
        assert!(!format!("{found:?}").contains("x="), "headers are not shown");
        assert_eq!(found.headers.len(), 1);
        assert_eq!(
            (found.headers[0].0.as_str(), found.headers[0].1.as_bytes()),
            ("b", &b" x="[..])
        );
    }

    #[test]
    fn the_service_has_a_variable_of_its_own() {
        let found = read(&[
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=theirs,deployment.environment.name=a%2Cb"),
            ("OTEL_SERVICE_NAME", "ours"),
        ]);
        let resource = found.unwrap().resource;
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(resource[1], pair("deployment.environment.name", "a,b"));
        assert_eq!(resource.last(), Some(&pair("service.name", "ours")));
    }

    #[test]
    fn a_blank_name_of_the_service_is_none() {
        let found = read(&[("OTEL_RESOURCE_ATTRIBUTES", "a=1"), ("OTEL_SERVICE_NAME", "  ")]);
        assert_eq!(found.unwrap().resource.len(), 1);
    }

    #[test]
    fn an_own_variable_is_strict() {
        let error = read(&[("RAAF_TRACE_OTLP_NAMES", "short")]).unwrap_err().to_string();
        assert_eq!(error, "RAAF_TRACE_OTLP_NAMES is `short`; expected `component` or `gen_ai`");
    }

    #[test]
    fn what_a_cluster_shares_counts_as_unset_where_it_cannot_be_used() {
        let found = read(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization: Bearer sk-1"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz"),
        ]);
        let found = found.unwrap();
        assert!(found.endpoint.is_none() && found.headers.is_empty() && found.resource.is_empty());
        assert_eq!((found.timeout, found.gzip, found.protocol), (None, None, None));
    }

    #[test]
    fn grpc_is_a_protocol_with_its_feature() {
        let protocol = |pairs: &[(&str, &str)]| read(pairs).unwrap().protocol;
        let grpc = protocol(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "gRPC")]);
        #[cfg(feature = "otlp-grpc")]
        assert_eq!(grpc, Some(OtlpProtocol::Grpc));
        #[cfg(not(feature = "otlp-grpc"))]
        {
            assert_eq!(grpc, None);
            assert!(OtlpProtocol::EXPECTED.contains("feature `otlp-grpc`"));
        }
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
        let both = protocol(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), traces]);
        assert_eq!(both, Some(OtlpProtocol::HttpProtobuf));
    }

    #[cfg(feature = "otlp-grpc")]
    #[test]
    fn an_address_for_grpc_needs_no_scheme() {
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317");
        let address = |pairs: &[(&str, &str)]| {
            read(pairs).unwrap().endpoint.map(|address| address.text().to_owned())
        };
        let insecure = |word| ("OTEL_EXPORTER_OTLP_INSECURE", word);
        assert_eq!(address(&[grpc, endpoint]).as_deref(), Some("https://collector:4317"));
        let plain = address(&[grpc, endpoint, insecure("True")]);
        assert_eq!(plain.as_deref(), Some("http://collector:4317"));
        let unclear = address(&[grpc, endpoint, insecure("maybe")]);
        assert_eq!(unclear.as_deref(), Some("https://collector:4317"));
        assert_eq!(address(&[endpoint]), None);
    }

    #[test]
    fn a_bad_variable_for_traces_leaves_the_general_one() {
        let found = read(&[
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "7"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "GZip"),
        ]);
        let found = found.unwrap();
        assert_eq!((found.timeout, found.gzip), (Some(Duration::from_millis(7)), Some(true)));
    }

    #[test]
    fn a_bad_pair_leaves_its_neighbours() {
        let found = read(&[
            ("OTEL_RESOURCE_ATTRIBUTES", "a=1,b,c=%zz,d=2"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "x=1,no header=2,authorization=t%C3%A9,content-length=1",
            ),
        ]);
        let found = found.unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(found.resource, [pair("a", "1"), pair("d", "2")]);
        assert_eq!(found.headers.len(), 1);
    }
}

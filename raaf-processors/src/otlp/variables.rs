//! Reads OpenTelemetry's environment variables.

use std::time::Duration;

use raaf_trace_model::environment::{Environment, SettingsError};
use ureq::http::{HeaderName, HeaderValue};

use super::{
    endpoint::{self, Endpoint},
    names::OtlpNames,
    pairs,
};

const NAMES: &str = "RAAF_TRACE_OTLP_NAMES";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// Prefixes of the protocol's variables. Those for traces take precedence.
const PREFIX: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"];

const LIST: &str = "percent-encoded pairs such as key=value,other=value";

/// Settings read from the variables.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    pub(super) endpoint: Option<Endpoint>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) timeout: Option<Duration>,
    pub(super) gzip: Option<bool>,
    pub(super) names: Option<OtlpNames>,
    /// Resource attributes; `service.name` from its own variable is last.
    pub(super) resource: Vec<(String, String)>,
}

impl Variables {
    pub(super) fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let protocol = |word: &str| (word == "http/protobuf").then_some(());
        let expected = "http/protobuf, the only supported protocol";
        first(environment, "PROTOCOL", expected, protocol)?;
        Ok(Self {
            endpoint: read_endpoint(environment)?,
            headers: first(environment, "HEADERS", LIST, read_headers)?.unwrap_or_default(),
            timeout: first(
                environment,
                "TIMEOUT",
                "a whole number of milliseconds of at least 1",
                read_millis,
            )?,
            gzip: first(environment, "COMPRESSION", "`gzip` or `none`", |word| match word {
                "gzip" => Some(true),
                "none" => Some(false),
                _ => None,
            })?,
            names: environment.read(NAMES, OtlpNames::EXPECTED, OtlpNames::parse)?,
            resource: read_resource(environment)?,
        })
    }
}

/// Reads the variable for traces, otherwise the general one.
fn first<T>(
    environment: &Environment,
    name: &str,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, SettingsError> {
    for prefix in PREFIX {
        let found = environment.read(&format!("{prefix}{name}"), expected, &parse)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn read_endpoint(environment: &Environment) -> Result<Option<Endpoint>, SettingsError> {
    let readers: [fn(&str) -> Option<Endpoint>; 2] = [Endpoint::exactly, Endpoint::below];
    for (prefix, read) in PREFIX.into_iter().zip(readers) {
        let variable = format!("{prefix}ENDPOINT");
        let Some(url) = environment.get(&variable)? else { continue };
        let wrong =
            || SettingsError::invalid(&variable, &endpoint::shown(&url), endpoint::EXPECTED);
        return read(&url).ok_or_else(wrong).map(Some);
    }
    Ok(None)
}

fn read_headers(text: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let pairs = pairs::read(text)?.into_iter();
    let header = |(name, value): (String, String)| {
        let mut value: HeaderValue = value.parse().ok()?;
        value.set_sensitive(true);
        Some((name.parse().ok()?, value))
    };
    pairs.map(header).collect()
}

fn read_millis(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|millis| *millis > 0).map(Duration::from_millis)
}

fn read_resource(environment: &Environment) -> Result<Vec<(String, String)>, SettingsError> {
    let mut resource = environment.read(RESOURCE, LIST, pairs::read)?.unwrap_or_default();
    if let Some(name) = environment.get(SERVICE_NAME)? {
        resource.push(("service.name".to_owned(), name));
    }
    Ok(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Variables, SettingsError> {
        Variables::read(&Environment::from_pairs(pairs.iter().copied()))
    }

    fn url(pairs: &[(&str, &str)]) -> String {
        read(pairs).unwrap().endpoint.unwrap().url().to_owned()
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
    fn what_cannot_be_used_is_named() {
        for (variable, value, text) in [
            (
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                "grpc",
                "is `grpc`; expected http/protobuf, the only supported protocol",
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                "http/json",
                "is `http/json`; expected http/protobuf, the only supported protocol",
            ),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "localhost:4318",
                "is `localhost:4318`; expected an address such as http://localhost:4318, without a \
                 user; send keys in headers",
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                "http://me:pass@host",
                "is `not shown`; expected an address such as http://localhost:4318, without a \
                 user; send keys in headers",
            ),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization: Bearer sk-1",
                "is set (not shown); expected percent-encoded pairs such as key=value,other=value",
            ),
            (
                "OTEL_EXPORTER_OTLP_TIMEOUT",
                "10s",
                "is `10s`; expected a whole number of milliseconds of at least 1",
            ),
            (
                "OTEL_EXPORTER_OTLP_TIMEOUT",
                "0",
                "is `0`; expected a whole number of milliseconds of at least 1",
            ),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "is `zstd`; expected `gzip` or `none`"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "a=%zz",
                "is `a=%zz`; expected percent-encoded pairs such as key=value,other=value",
            ),
            ("RAAF_TRACE_OTLP_NAMES", "short", "is `short`; expected `component` or `gen_ai`"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert_eq!(error.to_string(), format!("{variable} {text}"));
        }
    }
}

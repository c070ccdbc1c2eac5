//! Resource attributes: the description of the sending program.

use opentelemetry_proto::tonic::{common::v1::KeyValue, resource::v1::Resource};
use raaf_trace_model::attributes::Value;

use super::value;
use crate::resource::unknown_service;

pub(super) const SERVICE_NAME: &str = "service.name";

/// Returns the attributes that need no configuration; the service's name is a fallback.
fn by_itself() -> [(String, Value); 4] {
    let pair = |key: &str, value: &str| (key.to_owned(), Value::from(value));
    [
        pair("telemetry.sdk.name", "raaf"),
        pair("telemetry.sdk.language", "rust"),
        pair("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        (SERVICE_NAME.to_owned(), Value::from(unknown_service())),
    ]
}

/// Merges the attributes, each key once: those set in code precede variables, which precede the
/// attributes that need no configuration.
pub(super) fn of(variables: Vec<(String, String)>, given: Vec<(String, Value)>) -> Resource {
    let mut all: Vec<(String, Value)> = Vec::new();
    let variables = variables.into_iter().map(|(key, value)| (key, Value::from(value)));
    for (key, value) in by_itself().into_iter().chain(variables).chain(given) {
        match all.iter_mut().find(|(held, _)| *held == key) {
            Some(pair) => pair.1 = value,
            None => all.push((key, value)),
        }
    }
    let attributes = all.into_iter().map(|(key, value)| {
        let value = Some(value::any(value.as_ref()));
        KeyValue { key, value, ..KeyValue::default() }
    });
    Resource { attributes: attributes.collect(), ..Resource::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(variables: &[(&str, &str)], given: &[(&str, &str)]) -> Vec<String> {
        let variables = variables.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        let given = given.iter().map(|(key, value)| ((*key).into(), Value::from(*value)));
        let resource = of(variables.collect(), given.collect());
        let names = resource.attributes.into_iter().filter(|pair| pair.key == SERVICE_NAME);
        names.map(|pair| format!("{:?}", pair.value.unwrap().value.unwrap())).collect()
    }

    #[test]
    fn code_beats_variables_beats_what_is_known() {
        let (theirs, ours) = ((SERVICE_NAME, "theirs"), (SERVICE_NAME, "ours"));
        assert!(named(&[], &[])[0].contains("unknown_service:"));
        assert_eq!(named(&[theirs, ours], &[]), [r#"StringValue("ours")"#]);
        assert_eq!(named(&[theirs], &[ours]), [r#"StringValue("ours")"#]);
    }
}

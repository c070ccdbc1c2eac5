//! Resource attributes: the description of the sending program.

use raaf_trace_model::attributes::Value;

use super::value;
use crate::{conventions::any, protobuf::Writer, resource::unknown_service};

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

/// Encodes the merged attributes, each key once: those set in code precede variables, which precede the
/// attributes that need no configuration.
pub(super) fn of(variables: Vec<(String, String)>, given: Vec<(String, Value)>) -> Vec<u8> {
    let mut all: Vec<(String, Value)> = Vec::new();
    let variables = variables.into_iter().map(|(key, value)| (key, Value::from(value)));
    for (key, value) in by_itself().into_iter().chain(variables).chain(given) {
        match all.iter_mut().find(|(held, _)| *held == key) {
            Some(pair) => pair.1 = value,
            None => all.push((key, value)),
        }
    }
    let mut out = Writer::default();
    for (key, value) in &all {
        value::pair(&mut out, 1, key, &any(value.as_ref()));
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use prost::Message as _;

    use super::*;

    fn named(variables: &[(&str, &str)], given: &[(&str, &str)]) -> Vec<String> {
        let variables = variables.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        let given = given.iter().map(|(key, value)| ((*key).into(), Value::from(*value)));
        let resource = Resource::decode(&*of(variables.collect(), given.collect())).unwrap();
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

//! Descriptions of the program in OpenTelemetry's form: lists `key=value,key=value`,
//! percent-encoded, and the name of a service.

use std::{env, path::Path};

/// Returns the members of a list.
pub(crate) fn members(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|member| !member.is_empty())
}

/// Reads `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`; members that cannot be used are left
/// out.
#[cfg(feature = "prometheus")]
pub(crate) fn read_environment(
    environment: &raaf_trace_model::environment::Environment,
) -> Vec<(String, String)> {
    let text = |name| environment.get(name).ok().flatten();
    let list = text("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let mut all: Vec<_> = members(&list).filter_map(read).collect();
    let name = text("OTEL_SERVICE_NAME").filter(|name| !name.trim().is_empty());
    all.extend(name.map(|name| ("service.name".to_owned(), name)));
    all
}

/// Parses a member; `None` if it is not a pair.
pub(crate) fn read(member: &str) -> Option<(String, String)> {
    let (key, value) = member.split_once('=')?;
    let key = decode(key.trim())?;
    Some((key, decode(value.trim())?)).filter(|(key, _)| !key.is_empty())
}

/// Returns OpenTelemetry's name for a program without a configured name.
pub(crate) fn unknown_service() -> String {
    let program = env::current_exe().ok();
    let name = program.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy());
    name.map_or_else(|| "unknown_service".to_owned(), |name| format!("unknown_service:{name}"))
}

/// Decodes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        decoded.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_read(text: &str, expected: &[(&str, &str)]) {
        let read: Vec<_> = members(text).map(|member| read(member).unwrap()).collect();
        let read: Vec<_> = read.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn pairs_are_split_trimmed_and_decoded() {
        assert_read("", &[]);
        assert_read(" a = 1 ,, b=2=,c=", &[("a", "1"), ("b", "2="), ("c", "")]);
        assert_read(
            "authorization=Basic%20eA%3D%3D,%C3%A4=%25,x=a b",
            &[("authorization", "Basic eA=="), ("ä", "%"), ("x", "a b")],
        );
    }

    #[test]
    fn what_is_malformed_is_nothing() {
        for wrong in ["a", "=1", "a=%", "a=%2", "a=%zz", "a=%+1", "a=%ff", "a=%ä"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}

//! Parses `key=value,key=value`, percent-encoded, as OpenTelemetry's variables use it.

/// Returns the members of a list.
pub(super) fn members(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|member| !member.is_empty())
}

/// Parses a member; `None` if it is not a pair.
pub(super) fn read(member: &str) -> Option<(String, String)> {
    let (key, value) = member.split_once('=')?;
    let key = decode(key.trim())?;
    Some((key, decode(value.trim())?)).filter(|(key, _)| !key.is_empty())
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

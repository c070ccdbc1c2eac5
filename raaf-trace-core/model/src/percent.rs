//! Percent-encoding.

/// Decodes escapes such as `%41` to `A`. Bytes that are not an escape stay as they are.
pub(crate) fn decoded(encoded: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let [first, after @ ..] = rest {
        let escaped = if *first == b'%' { escaped(after) } else { None };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn escaped(after: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let [high, low, ..] = *after else { return None };
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

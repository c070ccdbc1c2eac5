//! JSON text, written without an intermediate form.

use serde::Serialize;

use crate::attributes::ValueRef;

/// Appends text that is JSON.
#[inline]
pub(super) fn push(out: &mut Vec<u8>, json: &str) {
    out.extend_from_slice(json.as_bytes());
}

/// Appends anything that serialises.
pub(super) fn push_any(out: &mut Vec<u8>, value: &impl Serialize) -> serde_json::Result<()> {
    serde_json::to_writer(out, value)
}

/// Appends an attribute's value.
pub(super) fn push_value(out: &mut Vec<u8>, value: ValueRef<'_>) -> serde_json::Result<()> {
    match value {
        ValueRef::Bool(value) => push(out, if value { "true" } else { "false" }),
        ValueRef::Str(text) => push_string(out, text),
        other => push_any(out, &other)?,
    }
    Ok(())
}

/// Appends a string with its quotes.
pub(super) fn push_string(out: &mut Vec<u8>, text: &str) {
    if has_special(text.as_bytes()) {
        // Writing to memory does not fail.
        let _ = push_any(out, &text);
    } else {
        push(out, "\"");
        push(out, text);
        push(out, "\"");
    }
}

/// Appends the contents of a string in the parts that `push` appends, each of them UTF-8.
pub(super) fn push_parts(out: &mut Vec<u8>, push: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    push(out);
    // Few strings have something to escape, and several parts are searched faster at once.
    if has_special(&out[start..]) {
        let text = out.split_off(start);
        push_escaped(out, &String::from_utf8_lossy(&text));
    }
}

/// Appends the contents of a string.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    if has_special(text.as_bytes()) {
        let quoted = serde_json::Value::from(text).to_string();
        push(out, &quoted[1..quoted.len() - 1]);
    } else {
        push(out, text);
    }
}

#[inline]
fn has_special(bytes: &[u8]) -> bool {
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    // Without an early return within a block, its bytes are compared all at once.
    bytes.chunks(32).any(|block| block.iter().fold(false, |any, byte| any | special(byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a1_strings_are_escaped_as_serde_json_does(
            parts in prop::collection::vec("[a-zé]{0,20}|[\u{0}-\u{7f}]", 0..8),
        ) {
            let (mut whole, mut in_parts) = (Vec::new(), Vec::new());
            push_string(&mut whole, &parts.concat());
            push_parts(&mut in_parts, |out| parts.iter().for_each(|part| push(out, part)));
            let expected = serde_json::to_string(&parts.concat()).unwrap();
            prop_assert_eq!(str::from_utf8(&whole), Ok(&*expected));
            prop_assert_eq!(str::from_utf8(&in_parts), Ok(&expected[1..expected.len() - 1]));
        }
    }
}

//! JSON text, written without an intermediate form.

use serde::Serialize;

use crate::{attributes::ValueRef, id::hex};

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
    push(out, "\"");
    push_escaped(out, text);
    push(out, "\"");
}

/// Appends the contents of a string in the parts that `push` appends.
pub(super) fn push_parts(out: &mut Vec<u8>, push: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    push(out);
    // Few strings have something to escape, and several parts are searched faster at once.
    if has_special(&out[start..]) {
        let text = out.split_off(start);
        push_bytes(out, &text);
    }
}

/// Appends the contents of a string.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let (blocks, rest) = text.as_bytes().as_chunks::<8>();
    for block in blocks {
        push_block(out, block);
    }
    push_block(out, rest);
}

#[inline]
fn push_block(out: &mut Vec<u8>, block: &[u8]) {
    if has_special(block) {
        push_bytes(out, block);
    } else {
        out.extend_from_slice(block);
    }
}

#[inline]
fn has_special(bytes: &[u8]) -> bool {
    // Without an early return, the bytes of a block are compared all at once.
    bytes.iter().fold(false, |any, byte| any | is_special(*byte))
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        if is_special(byte) {
            push_escape(out, byte);
        } else {
            out.push(byte);
        }
    }
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    let letter = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        0..0x20 => {
            push(out, "\\u00");
            return out.extend_from_slice(hex([byte]).as_flattened());
        }
        _ => byte,
    };
    out.extend_from_slice(&[b'\\', letter]);
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

//! Text form of an id, on the stack.

use std::{fmt, ops::Deref};

const LONGEST: usize = "trace_".len() + 32;

/// Text form of an id, stored on the stack. Dereferences to `str`.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; LONGEST],
    len: u8,
}

/// Returns the hex digits of each byte.
pub(crate) fn hex<const N: usize>(bytes: [u8; N]) -> [[u8; 2]; N] {
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    bytes.map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
}

impl IdText {
    pub(super) fn new<const N: usize>(prefix: &str, id: [u8; N]) -> Self {
        let mut bytes = [0; LONGEST];
        let len = prefix.len() + 2 * N;
        bytes[..prefix.len()].copy_from_slice(prefix.as_bytes());
        bytes[prefix.len()..len].copy_from_slice(hex(id).as_flattened());
        Self { bytes, len: len as u8 }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        // The bytes are ASCII by construction.
        str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for IdText {
    fn as_ref(&self) -> &str {
        self
    }
}

impl fmt::Display for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

//! Text form of an id, on the stack.

use std::{fmt, ops::Deref};

const LONGEST: usize = "trace_".len() + 32;

/// Text form of an id, stored on the stack. Dereferences to `str`.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; LONGEST],
    len: u8,
}

impl IdText {
    pub(super) fn new(prefix: &str, value: u128, digits: usize) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let len = prefix.len() + digits;
        let mut bytes = [0; LONGEST];
        bytes[..prefix.len()].copy_from_slice(prefix.as_bytes());
        let mut rest = value;
        for byte in bytes[prefix.len()..len].iter_mut().rev() {
            *byte = HEX[(rest & 0xf) as usize];
            rest >>= 4;
        }
        Self { bytes, len: len as u8 }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        // The bytes are ASCII by construction.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
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

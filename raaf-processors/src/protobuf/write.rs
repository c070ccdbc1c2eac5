//! Writes protobuf messages.

/// Writer of a message, which appends fields to a buffer. Fields with default values are the caller's
/// to leave out.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes an integer, an enumeration or a bool.
    pub(crate) fn varint(&mut self, field: u32, value: u64) {
        self.tag(field, 0);
        self.raw(value);
    }

    /// Writes a number of eight bytes.
    pub(crate) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes a number of four bytes.
    pub(crate) fn fixed32(&mut self, field: u32, value: u32) {
        self.tag(field, 5);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes a string, bytes, or a message that is encoded already.
    pub(crate) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.head(field, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Begins a message of this length, whose fields come next.
    pub(crate) fn head(&mut self, field: u32, length: usize) {
        self.tag(field, 2);
        self.raw(length as u64);
    }

    /// Writes a message whose length is known only when `write` returns. The message is moved unless
    /// its length takes `expected` bytes.
    pub(crate) fn message(&mut self, field: u32, expected: usize, write: impl FnOnce(&mut Self)) {
        self.tag(field, 2);
        let at = self.0.len();
        self.0.resize(at + expected, 0);
        write(self);
        let (start, end) = (at + expected, self.0.len());
        let length = end - start;
        let needed = length_of(length as u64);
        if needed > expected {
            self.0.resize(at + needed + length, 0);
        }
        if needed != expected {
            self.0.copy_within(start..end, at + needed);
        }
        self.0.truncate(at + needed + length);
        let mut rest = length;
        for byte in &mut self.0[at..at + needed] {
            *byte = rest as u8 | 0x80;
            rest >>= 7;
        }
        self.0[at + needed - 1] &= 0x7f;
    }

    fn tag(&mut self, field: u32, kind: u32) {
        self.raw(u64::from(field << 3 | kind));
    }

    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// Returns the number of bytes of an integer.
pub(crate) fn length_of(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::{Field, Fields};

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer.varint(1, 300);
        writer.bytes(2, b"ab");
        writer.fixed64(16, 1);
        writer.fixed32(4, 1);
        let message = writer.into_bytes();
        let fields: Result<Vec<_>, _> = Fields::of(&message).collect();
        let (text, fixed) = (Field::Bytes(b"ab"), Field::Fixed);
        let expected = [(1, Field::Varint(300)), (2, text), (16, fixed), (4, fixed)];
        assert_eq!(fields, Ok(expected.to_vec()));
    }

    #[test]
    fn a_message_of_any_length_has_the_shortest_length_before_it() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            for expected in 1..=3 {
                let mut writer = Writer::default();
                let bytes = vec![7; length];
                writer.message(1, expected, |inner| inner.0.extend(&bytes));
                let message = writer.into_bytes();
                let field = Fields::of(&message).next();
                assert_eq!(field, Some(Ok((1, Field::Bytes(&bytes)))), "{length}");
                assert_eq!(message.len(), 1 + length_of(length as u64) + length);
            }
        }
        assert_eq!([0, 127, 128, u64::MAX].map(length_of), [1, 1, 2, 10]);
    }
}

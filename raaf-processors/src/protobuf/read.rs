//! Reads protobuf messages field by field.

/// Fields of a message, in order. Ends early with [`Malformed`] if the bytes are not a message.
pub(crate) struct Fields<'a>(&'a [u8]);

/// Value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// An integer, an enumeration or a bool.
    Varint(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// A number of four or eight bytes.
    Fixed,
}

/// Error of bytes that are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a protobuf message")]
pub(crate) struct Malformed;

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => self.take(8).map(|_| Field::Fixed)?,
            2 => {
                let length = self.varint()?;
                Field::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Field::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, value)).filter(|(number, _)| *number > 0)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_order() {
        // 1: 300, 2: "ab", 3: a double, 4: a float.
        let message = [8, 0xac, 2, 18, 2, b'a', b'b', 25, 0, 0, 0, 0, 0, 0, 0, 0, 37, 0, 0, 0, 0];
        let fields: Result<Vec<_>, _> = Fields::of(&message).collect();
        let expected = [
            (1, Field::Varint(300)),
            (2, Field::Bytes(b"ab")),
            (3, Field::Fixed),
            (4, Field::Fixed),
        ];
        assert_eq!(fields, Ok(expected.to_vec()));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for wrong in [&[8][..], &[18, 3, 1], &[0, 0], &[15, 0], &[8, 0xff], b"<html>", &[0xff; 99]]
        {
            assert_eq!(Fields::of(wrong).last(), Some(Err(Malformed)), "{wrong:?}");
        }
    }
}

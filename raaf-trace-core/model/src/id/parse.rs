//! Parsing of ids.

use thiserror::Error;

/// Error of parsing a trace or span id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a {id} id: {fault}")]
pub struct ParseIdError {
    id: &'static str,
    fault: IdFault,
}

/// Fault in the text of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdFault {
    /// The number of digits, without the prefix, is wrong.
    #[error("{found} characters instead of {expected} hex digits")]
    Length {
        /// Number of characters.
        found: usize,
        /// Number of digits of such an id.
        expected: usize,
    },
    /// A character is not a hex digit.
    #[error("`{}` at digit {position} is not a hex digit", found.escape_default())]
    Digit {
        /// The character.
        found: char,
        /// Position of the character, from 1 and without the prefix.
        position: usize,
    },
    /// All digits are zero, which means "no id" in headers.
    #[error("all digits are zero")]
    Zero,
}

impl ParseIdError {
    pub(super) const fn new(id: &'static str, fault: IdFault) -> Self {
        Self { id, fault }
    }

    /// Returns the fault in the text.
    pub fn fault(&self) -> IdFault {
        self.fault
    }
}

/// Parses exactly `digits` hex digits, with or without the prefix `{id}_`.
pub(super) fn hex(text: &str, id: &'static str, digits: usize) -> Result<u128, ParseIdError> {
    let bare = text.strip_prefix(id).and_then(|rest| rest.strip_prefix('_')).unwrap_or(text);
    let found = bare.chars().count();
    if found != digits {
        return Err(ParseIdError::new(id, IdFault::Length { found, expected: digits }));
    }
    let mut value = 0;
    for (index, found) in bare.chars().enumerate() {
        let fault = IdFault::Digit { found, position: index + 1 };
        let digit = found.to_digit(16).ok_or(ParseIdError::new(id, fault))?;
        value = value << 4 | u128::from(digit);
    }
    Ok(value)
}

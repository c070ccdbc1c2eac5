//! Reading ids from text.

use thiserror::Error;

/// Why a text is not a trace or span id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a {id} id: {fault}")]
pub struct ParseIdError {
    id: &'static str,
    fault: IdFault,
}

/// What is wrong with the text of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdFault {
    /// Too many or too few digits, counted without the prefix.
    #[error("{found} characters instead of {expected} hex digits")]
    Length {
        /// How many characters there are.
        found: usize,
        /// How many digits such an id has.
        expected: usize,
    },
    /// A character that is not a hex digit.
    #[error("`{}` at digit {position} is not a hex digit", found.escape_default())]
    Digit {
        /// The character.
        found: char,
        /// Its place, counted from 1 and without the prefix.
        position: usize,
    },
    /// All digits are zero, which stands for "no id" on the wire.
    #[error("all digits are zero")]
    Zero,
}

impl ParseIdError {
    pub(super) const fn new(id: &'static str, fault: IdFault) -> Self {
        Self { id, fault }
    }

    /// What is wrong with the text.
    pub fn fault(&self) -> IdFault {
        self.fault
    }
}

/// The value of exactly `digits` hex digits, which `{id}_` may precede.
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

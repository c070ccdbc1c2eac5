//! Wire format of Chat Completions. Parsing is lenient, because compatible servers omit fields.

mod delta;
mod request;
mod response;

pub(super) use delta::Assembly;
pub(super) use request::{Dialect, Request};
pub(super) use response::read;

use super::transport::MAX_MESSAGE;
use crate::model::ModelError;

/// Creates an error with a bounded message: parse errors contain values of any length.
fn malformed(message: &str) -> ModelError {
    ModelError::Malformed { message: message.chars().take(MAX_MESSAGE).collect() }
}

//! Wire format of Chat Completions. Parsing is lenient, because compatible servers omit fields, add
//! fields and rename fields.

mod answer;
mod assembly;
mod calls;
mod error_words;
mod fault;
pub(super) mod finish;
mod lenient;
mod messages;
pub(super) mod parts;
mod pieces;
mod reasoning;
mod rejected;
mod request;
pub(super) mod settings;
pub(super) mod surrogates;
pub(super) mod typed;
mod usage;

pub(super) use assembly::Assembly;
pub(super) use fault::Fault;
pub(super) use rejected::{Rejected, fault_in, is_error, page, unexpected_json};
pub(super) use request::{Request, Target};
pub(super) use usage::UsageBody;

use crate::model::ModelError;

/// Bound on the length of a server's message in an error, in characters.
const MAX_MESSAGE: usize = 500;

/// Creates an error with a bounded message: parse errors contain values of any length.
pub(super) fn malformed(message: &str) -> ModelError {
    ModelError::Malformed { message: message.chars().take(MAX_MESSAGE).collect() }
}

//! Chat Completions on the wire. Reading is lenient: compatible servers leave things out.

mod answer;
mod pieces;
mod request;

pub(super) use answer::read;
pub(super) use pieces::Assembly;
pub(super) use request::{Dialect, Request};

use super::transport::TOLD;
use crate::model::ModelError;

/// A value that does not fit is part of the error's text, and can be of any length.
fn malformed(message: &str) -> ModelError {
    ModelError::Malformed { message: message.chars().take(TOLD).collect() }
}

//! Protobuf messages, written and read field by field.

mod read;
mod write;

pub(crate) use read::{Field, Fields, Malformed};
pub(crate) use write::{Writer, length_of};

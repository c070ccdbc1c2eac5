#![doc = include_str!("../README.md")]

mod approval;
mod durable;
mod engine;
mod failure;
mod journal;
mod listen;
mod parts;
mod promises;
mod root;
mod runs;
mod steps;

pub use approval::{ApprovalRequest, Decision};
pub use durable::Durable;
pub use engine::HandlerContext;
pub use failure::Failure;
pub use journal::StepJournal;
pub use listen::listen;

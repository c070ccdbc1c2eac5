//! Durable runs.
mod approval;
mod durable;
mod engine;
mod failure;
mod root;
mod steps;

pub use approval::{ApprovalRequest, Decision};
pub use durable::Durable;
pub use engine::HandlerContext;
pub use failure::Failure;
pub use steps::StepJournal;

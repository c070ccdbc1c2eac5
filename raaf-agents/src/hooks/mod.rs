//! Ready-made hooks.

mod guard;
mod requests;
mod trim;

pub use guard::ToolGuardrail;
pub use requests::{InputFilter, RedactRequests};
pub use trim::TrimHistory;

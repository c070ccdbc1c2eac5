//! The span: its record, the handle for running code, and what sinks see of it.

pub(crate) mod body;
mod builder;
mod error;
pub(crate) mod event;
pub(crate) mod finish;
mod finished;
mod handle;
pub(crate) mod head;
mod manual;
mod name;
pub(crate) mod pool;
pub(crate) mod record;
pub(crate) mod start;
mod status;
mod view;

pub use builder::FinishedSpanBuilder;
pub use error::SpanError;
pub use event::Event;
pub use finished::FinishedSpan;
pub use handle::Span;
pub use manual::ManualSpan;
pub use status::Status;
pub use view::SpanAttributes;

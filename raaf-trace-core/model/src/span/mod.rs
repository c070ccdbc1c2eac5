//! Spans as data: started and finished spans, span trees, and the line format.

mod body;
mod builder;
mod error;
mod event;
mod extras;
mod finished;
mod head;
mod line;
mod link;
mod packed;
mod record;
mod score;
mod started;
mod status;
mod trace;
mod tree;
mod view;

pub use body::{PANICKED, SpanBody};
pub use builder::FinishedSpanBuilder;
pub use error::{SpanError, with_causes};
pub use event::Event;
pub use extras::{HeadChanges, SpanExtras};
pub use finished::FinishedSpan;
pub use head::{ComponentInfo, SpanHead};
pub use line::{FORMAT_VERSION, LineError, OLDEST_VERSION, append_line};
pub use link::Link;
pub use packed::{PackedSpans, SpanFacts};
pub use record::Record;
pub use score::Score;
pub use started::StartedSpan;
pub use status::{Status, UnknownStatus};
pub use trace::{LocalRoot, TraceData, TraceInfo, TraceSource};
pub use tree::{SpanTree, TreeProblem, TreeSpan, traces};
pub use view::SpanAttributes;

//! Spans: the handle for running code, and the data that sinks receive.

// # The hot path
//
// The steps of every traced call, in order. "Counts" are atomic read-modify-writes, the main cost
// of a span; a lock is two.
//
// | step | code | counts | invariant |
// | --- | --- | --- | --- |
// | check whether tracing is enabled | `gate`, `Call::new` | 0 | disabled tracing costs one load, and builds nothing |
// | check for a span to reuse | `flow::same` | 0 | only a span that this flow opened is reused |
// | choose the parent, write the frame | `stack::place` | 0 | no user code runs while the thread's context is borrowed |
// | add attributes | `call::open` | 0 | hooks run without a lock and with the context around the span |
// | start, publish and push the frame | `stack::push`, `published` | 0 | other threads find each frame that is open |
// | pop the frame | `stack::pop` | 0 | the previous context is always restored |
// | add the outcome, read the clock | `finish_frame` | 0 | no user code runs from here on |
// | pack into the thread's shard | `stack::finish`, `PackedSpans::push` | 2 | with exactly one queue that has room; otherwise each processor in turn, and the thread's context is free |
// | forget the frame, return it | `stack::forget`, `pool` | 0 | a trace is dropped while nothing is borrowed |
//
// That is the path of a synchronous call whose span nothing else refers to. A span that is taken
// elsewhere (a captured context, a handle, a future) has a shared record, with a head, in the list of
// its component's active spans (12 counts more): from the start if it is asynchronous, else once its
// frame is settled. `benches/counts.sh` counts instructions and atomic read-modify-writes.
//
// Two effects are slower than these counts suggest, and shaped this path. Memory that another core
// has read: frames therefore stay in their thread, and a finished span moves to another in few
// bytes, as rows of a list (see `PackedSpans`). Moving values that were just written in smaller
// parts: parts are therefore written in place, and read by reference (see `Attributes`,
// `start_here` and `PackedAttributes`).

mod baggage;
pub(crate) mod finish;
pub(crate) mod frame;
mod handle;
pub(crate) mod head;
mod ignored;
pub(crate) mod origin;
pub(crate) mod pool;
pub(crate) mod record;
pub(crate) mod start;
mod stray;

pub use handle::Span;
pub use raaf_trace_model::span::{
    ComponentInfo, Event, FORMAT_VERSION, FinishedSpan, FinishedSpanBuilder, HeadChanges,
    LineError, Link, LocalRoot, OLDEST_VERSION, Record, Score, SpanAttributes, SpanBody, SpanError,
    SpanExtras, SpanHead, SpanTree, StartedSpan, Status, TraceData, TraceInfo, TreeProblem,
    TreeSpan, append_line, traces, with_causes,
};

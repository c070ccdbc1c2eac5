//! Spans: the handle for running code, and the data that sinks receive.

// # The hot path
//
// The steps of every traced call, in order. "Counts" are atomic read-modify-writes, the main cost
// of a span; a lock is two.
//
// | step | code | counts | invariant |
// | --- | --- | --- | --- |
// | check whether tracing is enabled | `gate`, `Call::new` | 0 | disabled tracing costs one load, and builds nothing |
// | check for a span to reuse | `call::open` | 0 | only a span that this flow opened is reused |
// | choose the parent | `parent::nearby`, else `parent::choose` | 2 | no user code runs while the thread's context is borrowed |
// | fill a record in place | `pool`, `start` | 1 | the record is not shared before it is complete |
// | add to the component's active spans | `component::active` | 3 | a span is in that list exactly while it runs |
// | make current while the work runs | `context::flow` | 0 | the previous context is always restored |
// | remove from the active spans | `component::active` | 3 | |
// | move out of the record | `finish`, `record` | 1 | the first end counts; a shared record keeps its head |
// | move into the thread's shard | `provider::dispatch`, `batch::shards` | 8 | with exactly one queue, over a delivered span, whose attribute list the record gets; otherwise each processor in turn |
// | return the record | `pool` | 0 | only if it is not shared |
// | return delivered spans | `batch::shared` | 0 | emptied in the thread that overwrites them, a chunk at a time, without a lock |
//
// Two effects are slower than these counts suggest, and shaped this path. Memory that another core
// has read: records therefore stay in their thread, and only finished spans move to another, in
// batches. Moving values that were just written in smaller parts: parts are therefore written in
// place (see `Attributes`, `start_here` and `Head::finish_over`).

pub(crate) mod finish;
pub(crate) mod frame;
mod handle;
pub(crate) mod head;
mod ignored;
pub(crate) mod pool;
pub(crate) mod record;
pub(crate) mod start;
mod stray;

pub use handle::Span;
pub use raaf_trace_model::span::{
    ComponentInfo, Event, FORMAT_VERSION, FinishedSpan, FinishedSpanBuilder, HeadChanges,
    LineError, Link, LocalRoot, Record, Score, SpanAttributes, SpanBody, SpanError, SpanExtras,
    SpanHead, SpanTree, StartedSpan, Status, TraceData, TraceInfo, TreeProblem, TreeSpan,
    append_line, traces,
};

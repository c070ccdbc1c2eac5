//! Spans: the handle for running code, and the data that sinks receive.

// # The hot path
//
// What every traced call goes through, in order. "Counts" are atomic read-modify-writes, which is
// what a span costs most of; a lock is two.
//
// | step | where | counts | holds |
// | --- | --- | --- | --- |
// | is anybody recording? | `gate`, `Call::new` | 0 | off costs one load, and nothing else is built |
// | would it only repeat the innermost span? | `call::open` | 0 | only a span that this flow opened itself is reused |
// | under which parent? | `parent::nearby`, else `parent::choose` | 2 | nothing of the user's runs while the thread's context is borrowed |
// | a record, filled where it stands | `pool`, `start` | 1 | nobody else sees it before it is complete |
// | known as its component's active span | `component::active` | 3 | a span is in that list exactly while it runs |
// | current while the work runs | `context::flow` | 0 | what was current before comes back whatever happens |
// | not active any more | `component::active` | 3 | |
// | out of the record, by value | `finish`, `record` | 1 | whoever ends it first ends it; a record that others hold keeps its head |
// | into the thread's shard | `provider::dispatch`, `batch::shards` | 2 | exactly one queue: made in place; else each processor in turn |
// | the record goes back | `pool` | 0 | only if nobody else holds it |
// | memory of delivered spans comes back | `batch::shared` | 2 | in the thread that made them, a chunk at a time, under no lock |
//
// Two things are slow beyond what one would count, and shaped this path: memory that another
// core has looked at, which is why records stay with their thread and only finished spans cross
// over, in rows; and moving what was written a moment ago in smaller pieces, which is why parts
// are written where they stay (see `Attributes` and `start_here`).

pub(crate) mod finish;
mod handle;
pub(crate) mod head;
pub(crate) mod pool;
pub(crate) mod record;
pub(crate) mod start;
mod stray;

pub use handle::Span;
pub use raaf_trace_model::span::{
    ComponentInfo, Event, FORMAT_VERSION, FinishedSpan, FinishedSpanBuilder, HeadChanges,
    LineError, Link, LocalRoot, Record, Score, SpanAttributes, SpanBody, SpanError, SpanExtras,
    SpanHead, SpanNode, SpanTree, StartedSpan, Status, TraceData, TraceInfo, TreeProblem, TreeSpan,
    append_line, traces,
};

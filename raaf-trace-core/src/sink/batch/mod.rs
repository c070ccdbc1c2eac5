//! Batching of finished spans for one exporter, on a worker thread.
//!
//! ```text
//!  producers           shards            queue              worker
//!  push ──▶ [ one per thread ] ──▶ chunks ──▶ unpacked batch ──▶ exporter
//!                   ▲                              │
//!                   └─────── empty chunks ◀── pool ┘
//!
//!  held by                 until                          bound          counted by
//!  ─────────────────────── ────────────────────────────── ────────────── ─────────────────────
//!  a shard                 batch size (512 at most), the  ┐              received: the shard,
//!                          flush interval, a flush        │              under its lock
//!                                                         │ together
//!  the queue               a batch is full, or the rest   │ max_spans    -
//!                          is due                         │
//!  a batch in flight, or   delivered or given up          │              delivered, dropped:
//!  set aside for a retry                                  ┘              the queue, a batch
//!  none: rejected          -                              -              dropped: the shard
//!
//!  received = delivered + dropped + queued, exactly, whenever no push is under way.
//!  Every held item has a permit. A shard takes them in blocks, and no item is rejected while
//!  another shard has unused permits.
//!  Locks: shard before queue, reclaim before shard, and none of them while the exporter is called.
//! ```
//!
//! The parts, each with private fields, from the outside in: [`processor`] and [`batch_queue`] are
//! the interface; [`shared`] is the path of an item, through [`shards`] with [`permits`] into the
//! [`queue`], which is a lock around the [`backlog`] with its [`pool`] and around all waits; the
//! [`worker`] alone calls the [`exporter`], with one batch after the other, on a schedule of
//! [`retry`]; [`flush_request`] and [`flush`] are for waiting callers. A [`chunk`] keeps items in few
//! bytes until the worker unpacks them into memory of its own.

mod backlog;
mod batch_queue;
mod batch_sink;
mod chunk;
mod exporter;
mod flush;
mod flush_request;
#[cfg(all(test, shuttle))]
mod model;
mod parking;
mod permits;
mod pool;
mod processor;
mod queue;
mod retry;
mod room;
mod shards;
mod shared;
mod step;
mod sync;
#[cfg(test)]
mod tests;
mod worker;

pub(crate) use batch_queue::BatchQueue;
pub(crate) use batch_sink::BatchSink;
pub(crate) use chunk::Chunk;
pub use processor::{BatchProcessor, Flush};
pub(crate) use raaf_trace_model::sink::BatchConfig;

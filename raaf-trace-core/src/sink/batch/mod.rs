//! Hands finished spans to one exporter, in batches, on a worker thread.
//!
//! ```text
//!  producers           shards            queue              worker (or a helping producer)
//!  push(item) ──▶ [ one per thread ] ──▶ chunks ──▶ batch in flight ──▶ exporter
//!                   ▲                                       │
//!                   └──── chunk of delivered items ◀── pool ┘   (emptied by the producer)
//!
//!  who holds an item       until                          bound          who counts it
//!  ─────────────────────── ────────────────────────────── ────────────── ─────────────────────
//!  a shard                 batch size (512 at most), the  ┐              received: the shard,
//!                          flush interval, a flush        │              under its lock
//!                                                         │ together
//!  the queue               a batch is full, or the rest   │ max_spans    -
//!                          is due                         │
//!  a batch in flight,      delivered or given up          │              delivered, dropped:
//!  between retries too                                    ┘              the queue, a batch
//!  the pool                a producer or a quiet          32 chunks      - (delivered before)
//!                          interval frees it
//!  nobody: refused         -                              -              dropped: the shard
//!
//!  received = delivered + dropped + queued, exactly, whenever no push is under way.
//!  Every held item has a place. Places come from the budget; a shard takes them in blocks, and
//!  nothing is refused while another shard has places to spare.
//!  Locks: shard before queue, sweep before shard, and none of them while the exporter is called.
//! ```

mod budget;
mod deliver;
mod flush;
mod help;
mod hub;
#[cfg(all(test, shuttle))]
mod model;
mod pool;
mod processor;
mod produce;
mod queue;
mod retry;
mod shards;
mod sync;
#[cfg(test)]
mod tests;
mod ticket;
mod worker;

pub(crate) use deliver::{BatchSink, Recycle};
pub use processor::{BatchBuilder, BatchProcessor, Flush};
pub(crate) use produce::BatchQueue;
pub(crate) use raaf_trace_model::sink::BatchConfig;
pub(crate) use shards::Shards;
pub use sync::is_helping;

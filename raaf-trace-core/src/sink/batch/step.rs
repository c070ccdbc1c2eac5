//! Steps of the worker.

use std::sync::Arc;

use super::{Chunk, flush_request::FlushRequest, retry::Delivery};

/// Next step of the worker.
pub(super) enum Step<C: Chunk> {
    Deliver(Delivery<C>),
    Retry(Delivery<C>),
    /// Complete these flushes, whose items are settled.
    Answer(Vec<Arc<FlushRequest>>),
    /// The flush interval has passed.
    Tick,
    /// Permits are scarce.
    Relieve,
    /// Everything was tried once since the shutdown began; these could not be delivered.
    Stop(Vec<Delivery<C>>),
}

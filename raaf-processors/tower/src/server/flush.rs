//! Delivery of spans before a response ends.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use raaf_trace_core::TracerProvider;

/// A flush that is started when the span has ended.
#[derive(Debug)]
pub(super) struct Flush {
    provider: TracerProvider,
    within: Duration,
}

impl Flush {
    pub(super) fn new(provider: TracerProvider, within: Duration) -> Self {
        Self { provider, within }
    }

    pub(super) fn start(self) -> Flushing {
        let flush = self.provider.force_flush_async(self.within);
        // What could not be delivered is counted and reported by its sink.
        Flushing(Box::pin(async { drop(flush.await) }))
    }
}

/// A flush under way.
pub(super) struct Flushing(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Flushing {
    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(task)
    }
}

impl fmt::Debug for Flushing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flushing")
    }
}

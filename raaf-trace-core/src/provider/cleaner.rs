//! Cleanup of manual spans that are never finished.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Condvar, Mutex, Once, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    base::sync::{Padded, lock},
    diagnostics::{self, Category},
    provider::Inner,
};
use raaf_trace_model::id::SpanId;

/// Number of shards of the map of open spans, to reduce lock contention.
const SHARDS: usize = 16;

type Shard = Padded<Mutex<HashMap<SpanId, Box<dyn OpenSpan>>>>;

/// An open manual span in the cleaner.
pub(crate) trait OpenSpan: fmt::Debug + Send + Sync {
    /// Returns the time since the span started; `None` once it has ended.
    fn age(&self) -> Option<Duration>;

    /// Ends the span as stale, unless it has ended.
    fn end_stale(self: Box<Self>);
}

/// Open manual spans, and the thread that scans for stale ones periodically. Traced calls end by
/// themselves and are not registered.
#[derive(Debug)]
pub(crate) struct Cleaner {
    open: [Shard; SHARDS],
    stale_after: Option<Duration>,
    interval: Duration,
    stale: AtomicU64,
    started: Once,
    stop: Arc<Stop>,
}

#[derive(Debug, Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Cleaner {
    pub(super) fn new(stale_after: Option<Duration>, interval: Duration) -> Self {
        Self {
            open: Default::default(),
            stale_after,
            interval,
            stale: AtomicU64::new(0),
            started: Once::new(),
            stop: Arc::default(),
        }
    }

    /// Registers an open manual span of `provider`, which owns this cleaner.
    pub(crate) fn watch(&self, provider: &Arc<Inner>, id: SpanId, span: impl OpenSpan + 'static) {
        if self.stale_after.is_some() {
            lock(self.shard(id)).insert(id, Box::new(span));
            self.started.call_once(|| self.start(Arc::downgrade(provider)));
        }
    }

    /// Removes a manual span that has ended.
    pub(crate) fn forget(&self, id: SpanId) {
        if self.stale_after.is_some() {
            // Dropped after unlocking: the span may be the last owner of its provider.
            let _forgotten = lock(self.shard(id)).remove(&id);
        }
    }

    fn shard(&self, id: SpanId) -> &Shard {
        &self.open[id.to_u64() as usize % SHARDS]
    }

    /// Delivers spans that have been open for too long as stale. Returns their number.
    pub(crate) fn clean(&self) -> usize {
        let Some(stale_after) = self.stale_after else { return 0 };
        let mut stale = Vec::new();
        // No lock is held while a span is ended, since sinks run then.
        for shard in &self.open {
            let is_stale = |_: &SpanId, span: &mut Box<dyn OpenSpan>| {
                span.age().is_none_or(|age| age >= stale_after)
            };
            stale.extend(lock(shard).extract_if(is_stale).map(|(_, span)| span));
        }
        let count = stale.iter().filter(|span| span.age().is_some()).count();
        for span in stale {
            span.end_stale();
        }
        self.stale.fetch_add(count as u64, Ordering::Release);
        count
    }

    pub(crate) fn stale(&self) -> u64 {
        self.stale.load(Ordering::Acquire)
    }

    pub(crate) fn stop(&self) {
        *lock(&self.stop.stopped) = true;
        self.stop.changed.notify_all();
    }

    fn start(&self, provider: Weak<Inner>) {
        let (stop, interval) = (Arc::clone(&self.stop), self.interval);
        let body = move || {
            let mut stopped = lock(&stop.stopped);
            while !*stopped {
                let waited = stop.changed.wait_timeout(stopped, interval);
                let stopped_meanwhile = *waited.unwrap_or_else(PoisonError::into_inner).0;
                if stopped_meanwhile {
                    return;
                }
                let Some(provider) = provider.upgrade() else { return };
                provider.cleaner().clean();
                drop(provider);
                stopped = lock(&stop.stopped);
            }
        };
        if let Err(error) = thread::Builder::new().name("raaf-cleaner".to_owned()).spawn(body) {
            diagnostics::warn(
                Category::Tracing,
                format_args!(
                    "the cleaner's thread could not be started: {error}; call `cleanup` to \
                     deliver stale spans"
                ),
            );
        }
    }
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        self.stop();
    }
}

//! Manual spans that nobody finishes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Condvar, Mutex, Once, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    SpanId, Status,
    clock::Clock,
    diagnostics::{self, Category},
    provider::Inner,
    span::{
        finish,
        record::{Record, Shared},
    },
    sync::{Padded, lock},
};

/// Parts of the map of open spans, so that threads seldom wait for each other.
const SHARDS: usize = 16;

type Shard = Padded<Mutex<HashMap<SpanId, Shared>>>;

/// The manual spans that are open, and the thread that now and then looks for stale ones. Traced
/// calls end by themselves and are not here.
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

    /// Remembers an open manual span.
    pub(crate) fn watch(&self, record: &Shared) {
        if self.stale_after.is_none() || !record.head().trace.sampled {
            return;
        }
        let id = record.head().id;
        lock(self.shard(id)).insert(id, Shared::clone(record));
        self.started.call_once(|| {
            let provider = Arc::downgrade(&record.head().trace.provider);
            self.start(provider);
        });
    }

    /// Forgets a manual span that is finished.
    pub(crate) fn forget(&self, record: &Record) {
        if self.stale_after.is_some() {
            let id = record.head().id;
            // Dropped after the lock: the record may be the last owner of its provider.
            let _forgotten = lock(self.shard(id)).remove(&id);
        }
    }

    fn shard(&self, id: SpanId) -> &Shard {
        &self.open[id.to_u64() as usize % SHARDS]
    }

    /// Delivers as stale what has been open for too long.
    pub(crate) fn clean(&self) -> usize {
        let Some(stale_after) = self.stale_after else { return 0 };
        let mut stale = Vec::new();
        // No lock is held while a record's span is ended: sinks run then.
        for shard in &self.open {
            let is_stale = |_: &SpanId, record: &mut Shared| is_older(record, stale_after);
            stale.extend(lock(shard).extract_if(is_stale).map(|(_, record)| record));
        }
        let count = stale.iter().filter(|record| !record.has_ended()).count();
        for record in stale {
            finish::finish(record, |body| body.status = Status::Stale);
        }
        self.stale.fetch_add(count as u64, Ordering::Relaxed);
        count
    }

    pub(crate) fn stale(&self) -> u64 {
        self.stale.load(Ordering::Relaxed)
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
                    "no thread for the cleaner ({error}): only `cleanup` finds stale spans"
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

fn is_older(record: &Record, age: Duration) -> bool {
    let clock: &Clock = record.head().trace.provider.clock();
    clock.between(record.head().start, clock.now()) >= age
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g68_a_cleaner_stopped_before_its_thread_ran_leaves_no_thread_behind() {
        let day = Duration::from_secs(24 * 3_600);
        let cleaner = Cleaner::new(Some(day), day);
        cleaner.stop();
        cleaner.start(Weak::new());
        let end = std::time::Instant::now() + Duration::from_secs(60);
        while Arc::strong_count(&cleaner.stop) > 1 {
            assert!(std::time::Instant::now() < end, "the thread waits for its next round");
            thread::yield_now();
        }
    }
}

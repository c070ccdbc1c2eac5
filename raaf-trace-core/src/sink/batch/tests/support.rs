//! Counted items, and scripted exporters.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use crate::{
    base::sync::lock,
    sink::batch::{
        BatchConfig, BatchQueue, BatchSink,
        sync::{deadline, wait},
    },
};
use raaf_trace_model::sink::{ExportError, Overflow};

/// Longer than any test takes.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// Number of existing items, and the threads that reclaimed them.
#[derive(Default)]
pub(super) struct Life {
    pub(super) now: AtomicUsize,
    pub(super) most: AtomicUsize,
}

pub(super) struct Item {
    pub(super) number: usize,
    life: Arc<Life>,
}

impl Item {
    pub(super) fn new(number: usize, life: &Arc<Life>) -> Self {
        let now = life.now.fetch_add(1, Ordering::SeqCst) + 1;
        life.most.fetch_max(now, Ordering::SeqCst);
        Self { number, life: Arc::clone(life) }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.life.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Behaviour of an export call.
pub(super) enum Answer {
    Fail(ExportError),
    Panic,
    /// Waits until [`Script::release`].
    Block,
    Call(Box<dyn FnOnce() + Send>),
}

/// Calls and planned answers of an exporter.
#[derive(Default)]
pub(super) struct Log {
    pub(super) answers: VecDeque<Answer>,
    pub(super) blocking: bool,
    pub(super) batches: Vec<Vec<usize>>,
    pub(super) calls: usize,
    pub(super) blocked: usize,
    pub(super) untraced: bool,
    pub(super) flushes: usize,
    pub(super) shutdowns: usize,
    pub(super) in_threads: Vec<ThreadId>,
    pub(super) flush_fails: bool,
}

/// An exporter that records calls, unless its script defines otherwise.
pub(super) struct Script {
    log: Mutex<Log>,
    changed: Condvar,
    overflow: Overflow,
}

impl Script {
    pub(super) fn new(overflow: Overflow, answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        let log = Log { answers: answers.into_iter().collect(), ..Log::default() };
        Arc::new(Self { log: Mutex::new(log), changed: Condvar::new(), overflow })
    }

    pub(super) fn log<R>(&self, f: impl FnOnce(&mut Log) -> R) -> R {
        let result = f(&mut lock(&self.log));
        self.changed.notify_all();
        result
    }

    pub(super) fn release(&self) {
        self.log(|log| log.blocking = false);
    }

    /// Waits until the log satisfies `condition`.
    pub(super) fn until(&self, mut condition: impl FnMut(&Log) -> bool) {
        let end = deadline(LONG);
        let mut log = lock(&self.log);
        while !condition(&log) {
            assert!(std::time::Instant::now() < end, "this never came true");
            log = wait(&self.changed, log, end);
        }
    }

    pub(super) fn sizes(&self) -> Vec<usize> {
        self.log(|log| log.batches.iter().map(Vec::len).collect())
    }

    pub(super) fn delivered(&self) -> Vec<usize> {
        let mut numbers: Vec<_> = self.log(|log| log.batches.concat());
        numbers.sort_unstable();
        numbers
    }
}

impl BatchSink<Item> for Arc<Script> {
    fn name(&self) -> &'static str {
        "script"
    }

    fn export(&self, batch: &[Item]) -> Result<(), ExportError> {
        let answer = self.log(|log| {
            log.calls += 1;
            log.untraced = crate::base::suppress::active();
            log.in_threads.push(thread::current().id());
            log.answers.pop_front()
        });
        match answer {
            Some(Answer::Fail(error)) => return Err(error),
            Some(Answer::Panic) => panic!("scripted"),
            Some(Answer::Block) => {
                self.log(|log| {
                    log.blocking = true;
                    log.blocked += 1;
                });
                self.until(|log| !log.blocking);
            }
            Some(Answer::Call(call)) => call(),
            None => {}
        }
        self.log(|log| log.batches.push(batch.iter().map(|item| item.number).collect()));
        Ok(())
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        self.log(|log| {
            log.flushes += 1;
            if log.flush_fails { Err(ExportError::permanent("disk full")) } else { Ok(()) }
        })
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        self.log(|log| log.shutdowns += 1);
        Ok(())
    }

    fn overflow(&self) -> Overflow {
        self.overflow
    }
}

/// Configures batches of 10 and a capacity of 100, without events by the clock.
pub(super) fn config() -> BatchConfig {
    BatchConfig::default()
        .with_batch_size(10)
        .with_max_spans(100)
        .with_flush_interval(LONG)
        .with_export_timeout(LONG)
        .with_backoff(LONG, LONG)
        .with_give_up_after(10 * LONG)
}

/// Configures immediate retries.
pub(super) fn hasty() -> BatchConfig {
    config().with_backoff(Duration::ZERO, Duration::ZERO)
}

pub(super) struct Bench {
    pub(super) queue: BatchQueue<Vec<Item>>,
    pub(super) script: Arc<Script>,
    pub(super) life: Arc<Life>,
}

pub(super) fn bench(config: BatchConfig, answers: impl IntoIterator<Item = Answer>) -> Bench {
    bench_with(config, Overflow::Drop, answers)
}

pub(super) fn bench_with(
    config: BatchConfig,
    overflow: Overflow,
    answers: impl IntoIterator<Item = Answer>,
) -> Bench {
    let script = Script::new(overflow, answers);
    let queue = BatchQueue::new(Box::new(Arc::clone(&script)), config);
    Bench { queue, script, life: Arc::default() }
}

impl Bench {
    /// Pushes items with these numbers. Returns the number of accepted ones.
    pub(super) fn push(&self, numbers: impl IntoIterator<Item = usize>) -> usize {
        let push = |number: &usize| self.queue.push(Item::new(*number, &self.life), false).is_ok();
        numbers.into_iter().filter(push).count()
    }

    /// Asserts that received = delivered + dropped + queued.
    #[track_caller]
    pub(super) fn assert_counts(&self, delivered: u64, dropped: u64, queued: u64) {
        let stats = self.queue.stats();
        assert_eq!((stats.delivered, stats.dropped, stats.queued), (delivered, dropped, queued));
        assert_eq!(stats.received, delivered + dropped + queued);
    }
}

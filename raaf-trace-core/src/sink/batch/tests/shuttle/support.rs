//! An exporter that is slow and fails at random, and the invariants of every run.

use std::{
    collections::BTreeSet,
    env,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shuttle::{
    Config, MaxSteps, Runner,
    rand::{Rng, thread_rng},
    scheduler::{PctScheduler, RandomScheduler, Scheduler},
    thread::JoinHandle,
};

use crate::{
    diagnostics::{self, Categories, Level},
    sink::batch::{
        BatchConfig, BatchQueue, BatchSink,
        model::{Clock, HOUR, pause},
    },
};
use raaf_trace_model::sink::{ExportError, Overflow, ProcessorError};

/// Longer than any run.
pub(super) const LONG: Duration = Duration::from_secs(24 * 3_600);

/// Number of schedules of each kind in a test, unless `SHUTTLE_SCHEDULES` is set.
const SCHEDULES: usize = 1_000;

/// Maximum number of steps, beyond which a run counts as endless.
const MAX_STEPS: usize = 50_000;

/// Maximum number of priority changes, in the schedules with priorities.
const DEPTH: usize = 4;

/// Runs `model` under schedules that choose uniformly at each step, and under schedules in which
/// threads have priorities (PCT). A failure prints the schedule.
pub(super) fn check(model: fn()) {
    diagnostics::configure(Categories::none(), Level::Error);
    let schedules = env::var("SHUTTLE_SCHEDULES").ok();
    let schedules = schedules.and_then(|number| number.parse().ok()).unwrap_or(SCHEDULES);
    run(RandomScheduler::new(schedules), model);
    run(PctScheduler::new(DEPTH, schedules), model);
}

fn run(scheduler: impl Scheduler + 'static, model: fn()) {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.max_steps = MaxSteps::FailAfter(MAX_STEPS);
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || Clock::during(model));
}

pub(super) struct Item(pub(super) usize);

/// Calls of the exporter, and results of the producers.
#[derive(Default)]
pub(super) struct Log {
    pub(super) accepted: BTreeSet<usize>,
    pub(super) refused: Vec<usize>,
    pub(super) delivered: BTreeSet<usize>,
    /// Items that failed permanently.
    rejected: BTreeSet<usize>,
    /// Items whose last attempt failed, but may be repeated.
    busy: BTreeSet<usize>,
    /// Violations, reported only at the end: the queue catches the panics of an exporter.
    breaches: Vec<String>,
    pub(super) shutdowns: usize,
    open: bool,
}

/// Behaviour of the exporter.
#[derive(Clone, Copy, Default)]
pub(super) struct Manners {
    pub(super) overflow: Overflow,
    /// Number of calls out of ten that fail.
    pub(super) failures: u32,
    /// Maximum duration of a call, on the run's clock.
    pub(super) slowness: Duration,
    /// `true` to deliver nothing before [`Sink::open`].
    pub(super) closed: bool,
}

pub(super) struct Sink {
    log: Mutex<Log>,
    manners: Manners,
    max_spans: usize,
    /// Locked while a thread checks whether to wait for a change of the log.
    watching: shuttle::sync::Mutex<()>,
    changed: shuttle::sync::Condvar,
}

impl Sink {
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the log satisfies `condition`. If it never does, the run is a deadlock.
    pub(super) fn until(&self, condition: impl Fn(&Log) -> bool) {
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        while !condition(&self.log()) {
            watching = self.changed.wait(watching).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn tell(&self) {
        drop(self.watching.lock());
        self.changed.notify_all();
    }

    /// Lets the exporter deliver.
    pub(super) fn open(&self) {
        self.log().open = true;
        self.tell();
    }
}

impl BatchSink<Item> for Arc<Sink> {
    fn name(&self) -> &'static str {
        "sink"
    }

    fn export(&self, batch: &[Item]) -> Result<(), ExportError> {
        self.until(|log| log.open || !self.manners.closed);
        Clock::pass(self.manners.slowness.mul_f64(thread_rng().gen_range(0.0..=1.0)));
        pause();
        let fails = thread_rng().gen_range(0..10) < self.manners.failures;
        let again = fails && thread_rng().gen_bool(0.5);
        let mut log = self.log();
        if log.shutdowns > 0 {
            log.breaches.push("an export after the shutdown".to_owned());
        }
        for item in batch {
            if again {
                log.busy.insert(item.0);
            } else {
                log.busy.remove(&item.0);
            }
        }
        if again {
            return Err(ExportError::retryable("busy"));
        }
        let kind = if fails { "rejected" } else { "delivered" };
        for item in batch {
            let seen_before = log.delivered.contains(&item.0) || log.rejected.contains(&item.0);
            if seen_before {
                log.breaches.push(format!("{} was {kind} although it was settled", item.0));
            }
            if fails { &mut log.rejected } else { &mut log.delivered }.insert(item.0);
        }
        drop(log);
        self.tell();
        if fails { Err(ExportError::permanent("wrong")) } else { Ok(()) }
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        self.log().shutdowns += 1;
        self.tell();
        Ok(())
    }

    fn overflow(&self) -> Overflow {
        self.manners.overflow
    }
}

/// Configures batches of 2, without events by the clock.
pub(super) fn config() -> BatchConfig {
    BatchConfig::default()
        .with_batch_size(2)
        .with_max_spans(100)
        .with_flush_interval(LONG)
        .with_export_timeout(LONG)
        // Equal, so that jitter adds nothing: a repeated schedule behaves the same.
        .with_backoff(Duration::from_millis(1), Duration::from_millis(1))
        .with_give_up_after(LONG)
}

/// Configures a flush interval that passes several times in each run.
pub(super) fn ticking() -> BatchConfig {
    config().with_flush_interval(HOUR / 4)
}

pub(super) struct Bench {
    pub(super) queue: BatchQueue<Vec<Item>>,
    pub(super) sink: Arc<Sink>,
    max_spans: usize,
}

impl Bench {
    pub(super) fn new(config: BatchConfig, manners: Manners) -> Arc<Self> {
        let max_spans = config.max_spans;
        let sink = Arc::new(Sink {
            log: Mutex::default(),
            manners,
            max_spans,
            watching: shuttle::sync::Mutex::new(()),
            changed: shuttle::sync::Condvar::new(),
        });
        let queue = BatchQueue::new(Box::new(Arc::clone(&sink)), config);
        Arc::new(Self { queue, sink, max_spans })
    }

    /// Pushes an item with this number. Returns whether it was accepted.
    #[track_caller]
    pub(super) fn push(&self, number: usize) -> bool {
        let accepted = self.queue.push(Item(number), false).is_ok();
        self.sink.told(number, accepted);
        accepted
    }

    #[track_caller]
    pub(super) fn push_all(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            assert!(self.push(number), "{number} was refused although there was room");
        }
    }

    /// Flushes; if that succeeds, asserts that all items pushed before are delivered.
    #[track_caller]
    pub(super) fn flush(&self, before: impl IntoIterator<Item = usize>) {
        assert_eq!(self.queue.force_flush(LONG), Ok(()));
        self.assert_delivered(before);
    }

    #[track_caller]
    pub(super) fn assert_delivered(&self, numbers: impl IntoIterator<Item = usize>) {
        let log = self.sink.log();
        for number in numbers {
            assert!(log.delivered.contains(&number), "{number} was not delivered");
        }
    }

    /// Asserts that all accepted items are settled or were tried.
    #[track_caller]
    pub(super) fn assert_settled(&self, numbers: impl IntoIterator<Item = usize>) {
        let log = self.sink.log();
        for number in numbers {
            let tried = [&log.delivered, &log.rejected, &log.busy];
            let tried = tried.iter().any(|items| items.contains(&number));
            assert!(tried || log.refused.contains(&number), "{number} was not tried");
        }
    }

    /// Asserts that the statistics are those of one moment.
    #[track_caller]
    pub(super) fn assert_consistent(&self) {
        let stats = self.queue.stats();
        assert_eq!(stats.received, stats.delivered + stats.dropped + stats.queued, "{stats:?}");
        assert!(stats.queued <= self.max_spans as u64, "{stats:?}");
    }

    /// Shuts the queue down, which must end.
    #[track_caller]
    pub(super) fn shutdown(&self) {
        match self.queue.shutdown(LONG) {
            Ok(()) | Err(ProcessorError::Failed { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        assert!(!self.push(usize::MAX), "accepted after the shutdown");
    }

    /// Shuts the queue down after all other threads are done.
    #[track_caller]
    pub(super) fn end(&self) {
        self.shutdown();
        self.assert_balance();
    }

    /// Asserts, after the shutdown and when all threads are done, that no item is lost, delivered
    /// twice, or still held.
    #[track_caller]
    pub(super) fn assert_balance(&self) {
        let stats = self.queue.stats();
        let log = self.sink.log();
        assert!(log.breaches.is_empty(), "{:?}", log.breaches);
        assert_eq!(log.shutdowns, 1);
        let tried = [&log.delivered, &log.rejected, &log.busy].into_iter().flatten().copied();
        let tried: BTreeSet<_> = tried.collect();
        assert_eq!(tried, log.accepted, "what was accepted, and nothing else, reached the sink");
        let received = log.accepted.len() + log.refused.len();
        let dropped = received - log.delivered.len();
        assert_eq!(
            (stats.received, stats.delivered, stats.dropped, stats.queued),
            (received as u64, log.delivered.len() as u64, dropped as u64, 0),
        );
        assert_eq!(self.queue.shared().free_permits(), self.max_spans, "permits");
    }
}

impl Sink {
    /// Records the result of a push. Accepted items that the exporter has not settled are held, and
    /// possibly more: a permit is freed some time after that.
    #[track_caller]
    pub(super) fn told(&self, number: usize, accepted: bool) {
        let mut log = self.log();
        if accepted {
            log.accepted.insert(number);
        } else {
            log.refused.push(number);
        }
        let settled = |item: &&usize| log.delivered.contains(item) || log.rejected.contains(item);
        let held = log.accepted.len() - log.accepted.iter().filter(settled).count();
        drop(log);
        assert!(held <= self.max_spans, "{held} are held");
    }
}

/// Waits for threads and propagates their panics.
#[track_caller]
pub(super) fn join<const N: usize>(threads: [JoinHandle<()>; N]) {
    for thread in threads {
        assert!(thread.join().is_ok(), "a thread panicked");
    }
}

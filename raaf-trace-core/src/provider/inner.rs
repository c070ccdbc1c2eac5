//! Shared state of a provider.

use std::{
    panic::{RefUnwindSafe, UnwindSafe},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    base::{
        counters, gate,
        process::{MadeIn, PerProcess},
    },
    provider::{
        cleaner::Cleaner,
        clock::Clock,
        counts::Counts,
        open_roots::OpenRoots,
        outer::OuterParent,
        processors::{OnlyQueue, Processors, Slot},
        random_ids::RandomIds,
    },
    sink::{Finishing, Receiver},
};
use raaf_trace_model::{
    Redactor,
    attributes::{Key, SpanLimits},
    filter::Sampler,
    id::{IdGenerator, SpanId, TraceId},
    naming::NamePattern,
    prices::PriceTable,
    propagation::SpanContext,
    sink::stats::{self, ReadStats, StatsReader},
};

/// Configuration of a provider; see [`TracerProviderBuilder`](super::TracerProviderBuilder).
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) limits: SpanLimits,
    pub(crate) finishing: Finishing,
    pub(crate) sampler: Sampler,
    pub(crate) naming: NamePattern,
    pub(crate) clock: Clock,
    /// `None` for random ids, the usual case, which needs no virtual call.
    pub(crate) ids: Option<Box<dyn IdGenerator>>,
    /// `true` to record nothing without processors, for a provider that was built because code
    /// traced.
    pub(crate) idle_without_processors: bool,
    pub(crate) flush_after_root: bool,
    /// Keys of the baggage's entries that become attributes.
    pub(crate) baggage_keys: Vec<Key>,
    pub(crate) outer: Option<OuterParent>,
    pub(crate) stale_after: Option<Duration>,
    pub(crate) cleanup_interval: Duration,
}

#[derive(Debug)]
pub(crate) struct Inner {
    config: Config,
    processors: Processors,
    own: PerProcess<Own>,
    /// Switches, from which it follows whether spans are recorded. No lock: a fork could leave it
    /// locked.
    enabled: AtomicBool,
    shut_down: AtomicBool,
    /// The shutdown has returned, so that nothing is gained by waiting again.
    closed: AtomicBool,
    recording: AtomicBool,
    watches_starts: AtomicBool,
    acts_on_starts: AtomicBool,
}

/// State that a forked child starts anew.
#[derive(Debug)]
struct Own {
    counts: Counts,
    cleaner: Cleaner,
    open_roots: OpenRoots,
}

impl Own {
    fn new(config: &Config) -> Self {
        let cleaner = Cleaner::new(config.stale_after, config.cleanup_interval);
        Self { counts: Counts::default(), cleaner, open_roots: OpenRoots::new() }
    }
}

impl Inner {
    pub(crate) fn new(config: Config, receivers: Vec<Receiver>, enabled: bool) -> Arc<Self> {
        // Its first use holds a lock for a moment, which a fork must not hit while spans start.
        let _ = MadeIn::here();
        let inner = Arc::new(Self {
            processors: Processors::new(receivers, &config.finishing),
            own: PerProcess::new(Own::new(&config)),
            enabled: AtomicBool::new(enabled),
            shut_down: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            recording: AtomicBool::new(false),
            watches_starts: AtomicBool::new(false),
            acts_on_starts: AtomicBool::new(false),
            config,
        });
        inner.tell_added(&inner.processors.list());
        inner.update();
        inner
    }

    /// Calls `on_added` of new processors.
    fn tell_added(self: &Arc<Self>, added: &[Arc<Slot>]) {
        let stats = StatsReader::new(Stats(Arc::downgrade(self)));
        for slot in added {
            slot.tell(|processor| processor.on_added(&stats));
        }
    }

    /// Updates what depends on switches and processors. Repeats that until nothing has changed
    /// meanwhile, so that of concurrent updates the last one has seen all changes.
    fn update(&self) {
        loop {
            let (recording, watches) = self.wanted();
            self.watches_starts.store(watches, Ordering::SeqCst);
            self.acts_on_starts.store(watches || self.copies_baggage(), Ordering::SeqCst);
            if self.recording.swap(recording, Ordering::SeqCst) != recording {
                if recording { gate::open() } else { gate::close() }
            }
            if self.wanted() == (recording, watches) {
                return;
            }
        }
    }

    /// Returns whether to record, and whether a processor wants starts.
    fn wanted(&self) -> (bool, bool) {
        let processors = self.processors.load();
        let idle = self.config.idle_without_processors && processors.is_empty();
        let recording = self.is_enabled() && !self.has_shut_down() && !idle;
        (recording, processors.iter().any(|slot| slot.wants_start))
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::SeqCst);
        self.update();
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::SeqCst)
    }

    /// Stops recording permanently; `false` if it had stopped before.
    pub(crate) fn mark_shut_down(&self) -> bool {
        let first = !self.shut_down.swap(true, Ordering::SeqCst);
        self.update();
        first
    }

    pub(crate) fn has_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::SeqCst)
    }

    pub(crate) fn mark_closed(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Returns whether a shutdown has ended, by delivering all spans or at its timeout.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Returns whether new spans are recorded.
    #[inline]
    pub(crate) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn watches_starts(&self) -> bool {
        self.watches_starts.load(Ordering::Relaxed)
    }

    /// Returns whether processors receive starts, or spans get entries of the baggage.
    #[inline]
    pub(crate) fn acts_on_starts(&self) -> bool {
        self.acts_on_starts.load(Ordering::Relaxed)
    }

    /// Returns whether entries of the baggage become attributes.
    #[inline]
    pub(crate) fn copies_baggage(&self) -> bool {
        !self.config.baggage_keys.is_empty()
    }

    pub(crate) fn baggage_keys(&self) -> &[Key] {
        &self.config.baggage_keys
    }

    /// Returns the parent of a root in another library's trace.
    pub(crate) fn outer_parent(&self) -> Option<SpanContext> {
        self.config.outer.as_ref()?.get()
    }

    /// Returns an id that is made without calling code of the user; `None` if there is such code.
    #[inline]
    pub(crate) fn plain_span_id(&self) -> Option<SpanId> {
        self.config.ids.is_none().then(|| RandomIds.span_id())
    }

    pub(crate) fn add_processor(self: &Arc<Self>, receiver: Receiver) {
        let slot = Arc::new(Slot::new(receiver, self.finishing()));
        self.tell_added(std::slice::from_ref(&slot));
        self.processors.add(&slot);
        self.update();
    }

    pub(crate) fn replace_processors(
        self: &Arc<Self>,
        receivers: Vec<Receiver>,
        timeout: Duration,
    ) -> Vec<Arc<Slot>> {
        let new = |receiver| Arc::new(Slot::new(receiver, self.finishing()));
        let slots: Vec<_> = receivers.into_iter().map(new).collect();
        self.tell_added(&slots);
        let old = self.processors.replace(slots, timeout);
        self.update();
        old
    }

    pub(crate) fn processors(&self) -> &Processors {
        &self.processors
    }

    /// Returns the queue that receives all spans, if there is no other processor.
    pub(crate) fn only_queue(&self) -> Option<OnlyQueue> {
        if self.flushes_after_root() { None } else { self.processors.only_queue() }
    }

    #[inline]
    pub(crate) fn counts(&self) -> &Counts {
        &self.own().counts
    }

    #[inline]
    pub(crate) fn open_roots(&self) -> &OpenRoots {
        &self.own().open_roots
    }

    pub(crate) fn cleaner(&self) -> &Cleaner {
        &self.own().cleaner
    }

    #[inline]
    fn own(&self) -> &Own {
        self.own.get(|_| Own::new(&self.config))
    }

    pub(crate) fn limits(&self) -> SpanLimits {
        self.config.limits
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.config.finishing.redactor
    }

    pub(crate) fn prices(&self) -> &PriceTable {
        &self.config.finishing.prices
    }

    pub(crate) fn finishing(&self) -> &Finishing {
        &self.config.finishing
    }

    pub(crate) fn sampler(&self) -> &Sampler {
        &self.config.sampler
    }

    pub(crate) fn naming(&self) -> &NamePattern {
        &self.config.naming
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.config.clock
    }

    pub(crate) fn flushes_after_root(&self) -> bool {
        self.config.flush_after_root
    }

    pub(crate) fn new_trace_id(&self) -> TraceId {
        self.config.ids.as_ref().map_or_else(|| RandomIds.trace_id(), |ids| ids.trace_id())
    }

    #[inline]
    pub(crate) fn new_span_id(&self) -> SpanId {
        self.config.ids.as_ref().map_or_else(|| RandomIds.span_id(), |ids| ids.span_id())
    }

    pub(crate) fn stats(&self) -> stats::Stats {
        let mut stats = stats::Stats::default();
        // In the reverse order of counting, so that what happens meanwhile adds at most to what a
        // span passed first.
        stats.processors = self.processors.list().iter().map(|slot| slot.stats()).collect();
        stats.stale = self.cleaner().stale();
        stats.ended = self.counts().ended();
        stats.started = self.counts().started();
        stats.late_calls = counters::LATE_CALLS.get();
        stats.ambiguous_parents = counters::AMBIGUOUS_PARENTS.get();
        stats.stray_roots = self.open_roots().stray();
        stats
    }
}

/// Source of a provider's statistics that does not keep the provider alive.
struct Stats(Weak<Inner>);

impl ReadStats for Stats {
    fn read_stats(&self) -> Option<stats::Stats> {
        self.0.upgrade().map(|provider| provider.stats())
    }
}

// A processor is a user-defined type and thus not unwind-safe, nor would be anything that contains
// one: a struct would lose its unwind safety by becoming traceable. It is safe: locks ignore
// poisoning, and a processor's panics are caught.
impl UnwindSafe for Inner {}
impl RefUnwindSafe for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        self.mark_shut_down();
    }
}

//! The provider's shared state.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    IdGenerator, NamePattern, Redactor, Sampler, SpanId, SpanLimits, SpanProcessor, TraceId,
    clock::Clock,
    gate,
    provider::{
        cleaner::Cleaner,
        counts::Counts,
        processors::{Processors, Slot},
    },
    span::body::Body,
    stats::StatsReader,
    sync::lock,
};

/// What a provider is made of; see [`Builder`](super::Builder).
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) processors: Vec<Arc<dyn SpanProcessor>>,
    pub(crate) limits: SpanLimits,
    pub(crate) redactor: Redactor,
    pub(crate) sampler: Sampler,
    pub(crate) naming: NamePattern,
    pub(crate) clock: Clock,
    /// `None` for random ids, the usual case, which needs no virtual call.
    pub(crate) ids: Option<Box<dyn IdGenerator>>,
    pub(crate) enabled: bool,
    /// Whether to record nothing while there is no processor: right for a provider that nobody
    /// asked for.
    pub(crate) idle_without_processors: bool,
    pub(crate) flush_after_root: bool,
    pub(crate) stale_after: Option<Duration>,
    pub(crate) cleanup_interval: Duration,
}

#[derive(Debug)]
pub(crate) struct Inner {
    parts: PartsInUse,
    processors: Processors,
    counts: Counts,
    cleaner: Cleaner,
    /// The switches, and below them what follows: whether spans are recorded now.
    switches: Mutex<Switches>,
    recording: AtomicBool,
    watches_starts: AtomicBool,
}

#[derive(Debug)]
struct PartsInUse {
    limits: SpanLimits,
    redactor: Redactor,
    sampler: Sampler,
    naming: NamePattern,
    clock: Clock,
    ids: Option<Box<dyn IdGenerator>>,
    flush_after_root: bool,
    idle_without_processors: bool,
}

#[derive(Clone, Copy, Debug)]
struct Switches {
    enabled: bool,
    shut_down: bool,
}

impl Inner {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let inner = Arc::new(Self {
            processors: Processors::new(parts.processors, !parts.flush_after_root),
            counts: Counts::default(),
            cleaner: Cleaner::new(parts.stale_after, parts.cleanup_interval),
            switches: Mutex::new(Switches { enabled: parts.enabled, shut_down: false }),
            recording: AtomicBool::new(false),
            watches_starts: AtomicBool::new(false),
            parts: PartsInUse {
                limits: parts.limits,
                redactor: parts.redactor,
                sampler: parts.sampler,
                naming: parts.naming,
                clock: parts.clock,
                ids: parts.ids,
                flush_after_root: parts.flush_after_root,
                idle_without_processors: parts.idle_without_processors,
            },
        });
        inner.tell_added(&inner.processors.list());
        inner.change(|_| {});
        inner
    }

    /// Tells processors whose they are, as far as they want to know.
    fn tell_added(self: &Arc<Self>, added: &[Arc<Slot>]) {
        let stats = StatsReader::new(Arc::downgrade(self));
        for slot in added {
            slot.tell(|processor| processor.on_added(&stats));
        }
    }

    /// Changes a switch, and what follows from the switches and the processors.
    fn change(&self, change: impl FnOnce(&mut Switches)) {
        let mut switches = lock(&self.switches);
        change(&mut switches);
        let processors = self.processors.load();
        let idle = self.parts.idle_without_processors && processors.is_empty();
        let recording = switches.enabled && !switches.shut_down && !idle;
        let watches = processors.iter().any(|slot| slot.wants_start);
        self.watches_starts.store(watches, Ordering::Relaxed);
        if self.recording.swap(recording, Ordering::Relaxed) != recording {
            if recording { gate::open() } else { gate::close() }
        }
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.change(|switches| switches.enabled = enabled);
    }

    pub(crate) fn is_enabled(&self) -> bool {
        lock(&self.switches).enabled
    }

    /// Stops recording for good. Returns false if that had happened before.
    pub(crate) fn mark_shut_down(&self) -> bool {
        let mut first = false;
        self.change(|switches| first = !std::mem::replace(&mut switches.shut_down, true));
        first
    }

    /// Whether new spans are recorded.
    #[inline]
    pub(crate) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn watches_starts(&self) -> bool {
        self.watches_starts.load(Ordering::Relaxed)
    }

    pub(crate) fn add_processor(self: &Arc<Self>, processor: Arc<dyn SpanProcessor>) {
        let slot = Arc::new(Slot::new(processor));
        self.tell_added(std::slice::from_ref(&slot));
        self.processors.add(slot);
        self.change(|_| {});
    }

    pub(crate) fn replace_processors(
        self: &Arc<Self>,
        processors: Vec<Arc<dyn SpanProcessor>>,
        timeout: Duration,
    ) -> Vec<Arc<Slot>> {
        let slots: Vec<_> =
            processors.into_iter().map(|processor| Arc::new(Slot::new(processor))).collect();
        self.tell_added(&slots);
        let old = self.processors.replace(slots, timeout);
        self.change(|_| {});
        old
    }

    pub(crate) fn processors(&self) -> &Processors {
        &self.processors
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many sampled spans have ended.
    pub(crate) fn ended(&self) -> u64 {
        let directly = self.processors.queue().map_or(0, |queue| queue.directly());
        directly + self.counts.ended()
    }

    pub(crate) fn cleaner(&self) -> &Cleaner {
        &self.cleaner
    }

    pub(crate) fn limits(&self) -> SpanLimits {
        self.parts.limits
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.parts.redactor
    }

    pub(crate) fn sampler(&self) -> &Sampler {
        &self.parts.sampler
    }

    pub(crate) fn naming(&self) -> &NamePattern {
        &self.parts.naming
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.parts.clock
    }

    pub(crate) fn flushes_after_root(&self) -> bool {
        self.parts.flush_after_root
    }

    pub(crate) fn new_trace_id(&self) -> TraceId {
        self.parts.ids.as_ref().map_or_else(TraceId::random, |ids| ids.trace_id())
    }

    pub(crate) fn new_span_id(&self) -> SpanId {
        self.parts.ids.as_ref().map_or_else(SpanId::random, |ids| ids.span_id())
    }

    /// Replaces the secrets among what a span has collected so far.
    pub(crate) fn screen(&self, body: &mut Body) {
        body.screen(&self.parts.redactor);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.mark_shut_down();
    }
}

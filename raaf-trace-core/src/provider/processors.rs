//! The processors of a provider, in configured order.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{self, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use crate::{
    base::{
        panics,
        process::{Calls, CutOff, PerProcess},
        suppress,
        sync::lock,
    },
    diagnostics::{self, Category},
    provider::bounded,
    sink::{BatchProcessor, Finishing, Receiver, calls},
};
use raaf_trace_model::{
    escape::Escaped,
    sink::{ProcessorError, SpanProcessor, stats::ProcessorStats},
};

/// Returns the error's text as it is shown to users.
fn escaped(error: String) -> String {
    Escaped(error).to_string()
}

/// Time after which a call of a processor in the traced program's thread counts as slow.
const SLOW: Duration = Duration::from_millis(5);

/// Number of slow calls before they are reported: one or two may be due to a busy machine.
const SLOW_REPORTED: u64 = 4;

/// Number of spans for which one slow call is not reported. With more threads than cores, a thread
/// that is preempted in a processor takes as long, and so do those that wait for its lock.
const SPANS_A_SLOW_CALL: u64 = 20;

/// Returns whether the last of these slow calls is reported.
fn is_reported(slow: u64, spans: u64) -> bool {
    slow >= SLOW_REPORTED && slow.is_power_of_two() && slow * SPANS_A_SLOW_CALL >= spans
}

/// Maximum number of concurrent flushes of one processor: each has a thread, which a hanging one
/// keeps.
const MOST_DRAINS: usize = 8;

/// Maximum wait for the counters of a processor that may be stuck.
const SOON: Duration = Duration::from_secs(1);

/// A configured processor and the provider's counters for it.
#[derive(Debug)]
pub(crate) struct Slot {
    receiver: Receiver,
    pub(crate) wants_start: bool,
    counts: PerProcess<Counts>,
    calls: Calls,
}

#[derive(Debug, Default)]
struct Counts {
    panics: AtomicU64,
    slow_calls: AtomicU64,
    received: AtomicU64,
    /// Number of span ends for which the processor panicked.
    lost: AtomicU64,
    last_panic: Mutex<Option<String>>,
    /// Number of flushes and shutdowns in progress.
    drains: AtomicUsize,
}

impl Slot {
    pub(crate) fn new(receiver: Receiver, finishing: &Finishing) -> Self {
        if let Receiver::Batch(batch) = &receiver {
            batch.finish_with(finishing);
        }
        let processor = receiver.as_processor();
        Self {
            wants_start: panics::caught(|| processor.wants_start()).unwrap_or(false),
            receiver,
            counts: PerProcess::default(),
            calls: Calls::default(),
        }
    }

    fn counts(&self) -> &Counts {
        self.counts.get(|_| Counts::default())
    }

    fn processor(&self) -> &dyn SpanProcessor {
        self.receiver.as_processor()
    }

    /// Returns the built-in queue, if that receives the spans.
    #[inline]
    pub(crate) fn batch(&self) -> Option<&BatchProcessor> {
        match &self.receiver {
            Receiver::Batch(batch) => Some(batch),
            Receiver::Offload(_) | Receiver::Processor(_) => None,
        }
    }

    /// Returns whether it [finishes](Finishing) spans itself, in a thread of its own.
    pub(crate) fn finishes(&self) -> bool {
        self.batch().is_some()
    }

    /// Returns whether calls only queue spans, keep their timeouts, never panic and use the queue of
    /// this process, so that they need no supervision.
    fn only_queues(&self) -> bool {
        matches!(self.receiver, Receiver::Batch(_) | Receiver::Offload(_))
    }

    pub(crate) fn name(&self) -> String {
        panics::caught(|| self.processor().name().to_owned())
            .unwrap_or_else(|_| "a processor whose name panics".to_owned())
    }

    /// Passes a finished span to the processor.
    pub(crate) fn end(&self, call: impl FnOnce(&dyn SpanProcessor)) {
        if !self.only_queues() {
            self.counts().received.fetch_add(1, Ordering::Release);
            // Before all that the processor counts, with whatever ordering it does.
            atomic::fence(Ordering::Release);
        }
        if !self.call(call) {
            self.counts().lost.fetch_add(1, Ordering::Release);
        }
    }

    /// Calls the processor for a span: untraced, timed, and with panics caught. Returns whether the
    /// call did not panic.
    pub(crate) fn call(&self, call: impl FnOnce(&dyn SpanProcessor)) -> bool {
        if self.only_queues() {
            call(self.processor());
            return true;
        }
        let began = Instant::now();
        let Ok(result) = self.try_call(call) else { return false };
        let took = began.elapsed();
        if took > SLOW && took > self.longest_wait() + SLOW {
            let slow = self.counts().slow_calls.fetch_add(1, Ordering::Relaxed) + 1;
            if is_reported(slow, self.counts().received.load(Ordering::Relaxed)) {
                diagnostics::warn(
                    Category::Export,
                    format_args!(
                        "processor `{}` blocked the traced program for more than {SLOW:?}, {slow} \
                         times so far; `Offload::new` moves it to a worker thread",
                        self.name()
                    ),
                );
            }
        }
        match result {
            Ok(()) => true,
            Err(message) => {
                self.note_panic(&message);
                false
            }
        }
    }

    /// Returns the longest time that the processor itself let a thread wait, for capacity.
    fn longest_wait(&self) -> Duration {
        panics::caught(|| self.processor().stats().longest_wait).unwrap_or_default()
    }

    /// Calls the processor without tracing, unless a fork has cut it off.
    fn try_call<R>(
        &self,
        call: impl FnOnce(&dyn SpanProcessor) -> R,
    ) -> Result<Result<R, String>, CutOff> {
        let call = || suppress::scope(|| panics::caught(|| call(self.processor())));
        if self.only_queues() {
            return Ok(call());
        }
        calls::make(&self.calls, || self.name(), call)
    }

    /// Calls the processor outside of the thread of a span. Counts a panic.
    pub(crate) fn tell(&self, call: impl FnOnce(&dyn SpanProcessor)) {
        if let Ok(Err(message)) = self.try_call(call) {
            self.note_panic(&message);
        }
    }

    /// Flushes or shuts down the processor within `timeout`, even if it hangs.
    pub(crate) fn drain(
        self: &Arc<Self>,
        timeout: Duration,
        drain: fn(&dyn SpanProcessor, Duration) -> Result<(), ProcessorError>,
    ) -> Result<(), ProcessorError> {
        let slot = Arc::clone(self);
        let work = move || match slot.try_call(|processor| drain(processor, timeout)) {
            Ok(Ok(drained)) => drained,
            Ok(Err(message)) => {
                slot.note_panic(&message);
                Err(ProcessorError::Panicked { message })
            }
            Err(cut_off) => {
                let dropped = slot.counts().lost.load(Ordering::Relaxed);
                Err(ProcessorError::Failed { message: cut_off.to_string(), dropped })
            }
        };
        if self.only_queues() {
            // It keeps the timeout itself.
            return work();
        }
        let timed_out = || {
            let pending = self.stats_soon().map_or(0, |stats| stats.queued);
            Err(ProcessorError::Timeout { pending })
        };
        let drains = &self.counts().drains;
        if drains.fetch_add(1, Ordering::Relaxed) >= MOST_DRAINS {
            drains.fetch_sub(1, Ordering::Relaxed);
            return timed_out();
        }
        let slot = Arc::clone(self);
        let counted = move || {
            let drained = work();
            slot.counts().drains.fetch_sub(1, Ordering::Relaxed);
            drained
        };
        bounded::run(timeout, counted).unwrap_or_else(timed_out)
    }

    /// Returns the [`stats`](Self::stats) of a processor that may be stuck; `None` if it does not
    /// respond in time.
    pub(crate) fn stats_soon(self: &Arc<Self>) -> Option<ProcessorStats> {
        if self.only_queues() {
            return Some(self.stats());
        }
        let slot = Arc::clone(self);
        bounded::run(SOON, move || slot.stats())
    }

    pub(crate) fn stats(&self) -> ProcessorStats {
        let own = self.try_call(<dyn SpanProcessor>::stats).map(Result::unwrap_or_default);
        let own = own.unwrap_or_default();
        if self.only_queues() {
            return ProcessorStats {
                name: self.name(),
                last_error: own.last_error.clone().map(escaped),
                ..own
            };
        }
        let counts = self.counts();
        // Received last: spans lost or delivered in between must not exceed those received.
        atomic::fence(Ordering::Acquire);
        let lost = counts.lost.load(Ordering::Acquire);
        let received = counts.received.load(Ordering::Acquire);
        let counts_itself = own.received > 0;
        let last_panic = lock(&counts.last_panic).clone();
        ProcessorStats {
            name: self.name(),
            received,
            delivered: if counts_itself { own.delivered } else { received - lost },
            dropped: own.dropped + lost,
            panics: own.panics + counts.panics.load(Ordering::Relaxed),
            slow_calls: counts.slow_calls.load(Ordering::Relaxed),
            last_error: last_panic.or(own.last_error.clone()).map(escaped),
            ..own
        }
    }

    fn note_panic(&self, message: &str) {
        let counts = self.counts();
        let count = counts.panics.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            diagnostics::warn(
                Category::Export,
                format_args!(
                    "processor `{}` panicked, {count} times so far: {message}",
                    self.name()
                ),
            );
        }
        *lock(&counts.last_panic) = Some(format!("panicked: {message}"));
    }
}

/// The current processors; replaced as a whole, so that nothing needs a lock, which a fork could
/// leave locked.
#[derive(Debug)]
pub(crate) struct Processors {
    set: ArcSwap<Vec<Arc<Slot>>>,
    /// Number of changes of the set.
    changes: AtomicUsize,
}

/// The queue that is the only processor, and the number of changes of the set before.
#[derive(Debug)]
pub(crate) struct OnlyQueue {
    slot: Arc<Slot>,
    changes: usize,
}

impl OnlyQueue {
    #[inline]
    pub(crate) fn batch(&self) -> Option<&BatchProcessor> {
        self.slot.batch()
    }
}

impl Processors {
    pub(crate) fn new(receivers: Vec<Receiver>, finishing: &Finishing) -> Self {
        let slots = receivers.into_iter().map(|receiver| Arc::new(Slot::new(receiver, finishing)));
        Self { set: ArcSwap::from_pointee(slots.collect()), changes: AtomicUsize::new(0) }
    }

    #[inline]
    pub(crate) fn load(&self) -> arc_swap::Guard<Arc<Vec<Arc<Slot>>>> {
        self.set.load()
    }

    pub(crate) fn list(&self) -> Vec<Arc<Slot>> {
        self.set.load().to_vec()
    }

    pub(crate) fn len(&self) -> usize {
        self.set.load().len()
    }

    pub(crate) fn add(&self, slot: &Arc<Slot>) {
        self.set.rcu(|slots| slots.iter().chain([slot]).cloned().collect::<Vec<_>>());
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Returns the queue that is the only processor, to be used while it [is
    /// that](Self::is_current), without a count.
    pub(crate) fn only_queue(&self) -> Option<OnlyQueue> {
        let changes = self.changes.load(Ordering::Acquire);
        match &***self.set.load() {
            [only] if only.batch().is_some() => Some(OnlyQueue { slot: Arc::clone(only), changes }),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn is_current(&self, queue: &OnlyQueue) -> bool {
        self.changes.load(Ordering::Acquire) == queue.changes
    }

    /// Replaces the processors, and returns the previous ones once no thread passes spans to them
    /// any more.
    pub(crate) fn replace(&self, slots: Vec<Arc<Slot>>, timeout: Duration) -> Vec<Arc<Slot>> {
        let old = self.set.swap(Arc::new(slots));
        self.changes.fetch_add(1, Ordering::Release);
        let began = Instant::now();
        while Arc::strong_count(&old) > 1 && began.elapsed() < timeout {
            std::thread::yield_now();
        }
        old.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::is_reported;

    #[test]
    fn a_processor_that_is_slow_for_few_of_its_spans_is_not_reported() {
        assert!(!is_reported(3, 3));
        assert!(is_reported(4, 4) && is_reported(4, 80) && is_reported(64, 1_000));
        assert!(!is_reported(5, 5), "each doubling of their number is");
        assert!(!is_reported(4, 100) && !is_reported(64, 10_000));
    }
}

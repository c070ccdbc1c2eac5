//! What producers, the worker and flushes share.

use std::sync::Arc;

use super::{
    BatchConfig, BatchSink, Recycle,
    budget::Budget,
    help::Gate,
    queue::{Batch, Lost, Queue},
    shards::Shards,
    sync::{OnceLock, atomic::AtomicBool, inside, is_inside},
};
use crate::{
    base::{panics, suppress},
    diagnostics::{self, Category, Repeated},
};
use raaf_trace_model::sink::{ExportError, Overflow, ProcessorError, stats::ProcessorStats};

/// A chunk is handed over at this size even where batches are larger.
const MAX_CHUNK: usize = 512;

pub(super) struct Hub<T> {
    pub(super) name: String,
    pub(super) config: BatchConfig,
    pub(super) overflow: Overflow,
    pub(super) chunk_size: usize,
    pub(super) exporter: Box<dyn BatchSink<T>>,
    pub(super) shards: Arc<Shards<T>>,
    pub(super) budget: Budget,
    pub(super) queue: Queue<T>,
    /// Whether the worker could be started; empty before anything was pushed.
    pub(super) started: OnceLock<bool>,
    /// Places are scarce: the worker should collect what the shards hold.
    pub(super) pressed: AtomicBool,
    pub(super) gate: Gate,
    failures: Repeated,
    refusals: Repeated,
}

impl<T: Recycle> Hub<T> {
    pub(super) fn new(exporter: Box<dyn BatchSink<T>>, config: BatchConfig) -> Arc<Self> {
        let config = config.clamped();
        let chunk_size = config.batch_size.min(MAX_CHUNK);
        Arc::new(Self {
            name: panics::caught(|| exporter.name().to_owned())
                .unwrap_or_else(|_| "an exporter whose name panics".to_owned()),
            overflow: panics::caught(|| exporter.overflow()).unwrap_or_default(),
            chunk_size,
            exporter,
            shards: Arc::new(Shards::new(chunk_size)),
            budget: Budget::new(config.max_spans, config.batch_size),
            queue: Queue::new(config.max_spans, config.batch_size, chunk_size),
            started: OnceLock::new(),
            pressed: AtomicBool::new(false),
            gate: Gate::default(),
            failures: Repeated::new(),
            refusals: Repeated::new(),
            config,
        })
    }

    /// Hands over what every shard holds, in the caller's thread.
    pub(super) fn drain(&self) {
        for mut shard in self.shards.each() {
            if !shard.items.is_empty() {
                let chunk = shard.take_items();
                self.queue.lock().append(chunk);
            }
        }
    }

    /// Whether the caller runs inside this queue's exporter or worker.
    pub(super) fn is_inside(&self) -> bool {
        is_inside(self.address())
    }

    /// Runs `f` as a part of this queue: it is not traced and cannot wait for the queue.
    pub(super) fn as_itself<R>(&self, f: impl FnOnce() -> R) -> R {
        inside(self.address(), || suppress::scope(f))
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(&self.name).addr()
    }

    /// Calls the exporter with tracing off; a panic is an error like any other.
    pub(super) fn call(
        &self,
        call: impl FnOnce(&dyn BatchSink<T>) -> Result<(), ExportError>,
    ) -> Result<(), ProcessorError> {
        self.guarded(call).map_err(|error| match error {
            Failure::Said(error) => {
                ProcessorError::Failed { message: error.to_string(), dropped: 0 }
            }
            Failure::Panicked(message) => ProcessorError::Panicked { message },
        })
    }

    /// Offers a batch to the exporter once. Whatever it answers, the caller still holds the batch.
    pub(super) fn attempt(&self, batch: &Batch<T>) -> Result<(), ExportError> {
        let error = match self.guarded(|exporter| exporter.export(&batch.items)) {
            Ok(()) => return Ok(()),
            Err(Failure::Said(error)) => error,
            Err(Failure::Panicked(message)) => {
                ExportError::permanent(format!("panicked: {message}"))
            }
        };
        self.report_failure(&error);
        let mut state = self.queue.lock();
        state.counts.last_error = Some(error.to_string());
        if state.call_ended(batch) {
            return Err(ExportError::permanent(error.to_string()));
        }
        Err(error)
    }

    fn report_failure(&self, error: &ExportError) {
        if let Some(times) = self.failures.happened() {
            let retry =
                if error.is_retryable() { "it can be tried again" } else { "it is given up" };
            diagnostics::warn(
                Category::Tracing,
                format_args!(
                    "`{}` did not deliver a batch, {times} times so far; {retry}: {error}",
                    self.name
                ),
            );
        }
    }

    /// An item found no place, or came after the shutdown.
    pub(super) fn report_refusal(&self) {
        if let Some(times) = self.refusals.happened() {
            diagnostics::warn(
                Category::Tracing,
                format_args!(
                    "`{}` had no room for a span, or was shut down already, {times} times so far",
                    self.name
                ),
            );
        }
    }

    fn guarded(
        &self,
        call: impl FnOnce(&dyn BatchSink<T>) -> Result<(), ExportError>,
    ) -> Result<(), Failure> {
        match self.as_itself(|| panics::caught(|| call(&*self.exporter))) {
            Ok(answer) => answer.map_err(Failure::Said),
            Err(message) => {
                self.queue.lock().counts.panics += 1;
                Err(Failure::Panicked(message))
            }
        }
    }

    /// Counts a batch, delivered but for so many of its items, and frees its places.
    /// Lets the exporter's side prepare a batch that was just taken from the queue.
    pub(super) fn prepare(&self, batch: &mut Batch<T>) {
        self.as_itself(|| self.exporter.prepare(&mut batch.items));
    }

    pub(super) fn settle(&self, batch: Batch<T>, dropped: usize) {
        let places = batch.items.len();
        let mut state = self.queue.lock();
        let surplus = state.settle(batch, dropped);
        self.budget.release(places);
        if state.waiting_for_room > 0 {
            self.queue.room.notify_all();
        }
        if !state.tickets.is_empty() || state.stop.is_some() {
            self.queue.work.notify_one();
        }
        drop(state);
        drop(surplus);
    }

    pub(super) fn refused(&self) -> u64 {
        self.shards.each().map(|shard| shard.refused).sum()
    }

    pub(super) fn lost(&self) -> Lost {
        let refused = self.refused();
        Lost { refused, given_up: self.queue.lock().counts.dropped }
    }

    pub(super) fn stats(&self) -> ProcessorStats {
        let (mut received, mut refused, mut held) = (0, 0, 0);
        for shard in self.shards.each() {
            received += shard.received;
            refused += shard.refused;
            held += shard.items.len();
        }
        let mut state = self.queue.lock();
        state.check_deadlines(self.config.export_timeout);
        ProcessorStats {
            name: self.name.clone(),
            received,
            delivered: state.counts.delivered,
            dropped: refused + state.counts.dropped,
            filtered: 0,
            retried: state.counts.retried,
            queued: (held + state.waiting()) as u64 + state.in_flight(),
            panics: state.counts.panics,
            slow_calls: 0,
            last_error: state.counts.last_error.clone(),
        }
    }
}

/// How a call of the exporter went wrong.
enum Failure {
    Said(ExportError),
    Panicked(String),
}

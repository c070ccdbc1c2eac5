//! Flush, shutdown, and replacement of processors.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    base::suppress,
    diagnostics::{self, Category},
    provider::{FlushError, Inner, SinkFailure, processors::Slot},
    sink::Receiver,
};
use raaf_trace_model::sink::{ProcessorError, SpanProcessor, stats::ProcessorStats};

type Drain = fn(&dyn SpanProcessor, Duration) -> Result<(), ProcessorError>;

/// Drains all `slots` concurrently, so that a stuck one does not use up the time of others.
fn drain_all(slots: &[Arc<Slot>], timeout: Duration, drain: Drain) -> Result<(), FlushError> {
    let one = |slot: &Arc<Slot>| {
        let error = slot.drain(timeout, drain).err()?;
        Some(SinkFailure::new(slot.name(), error))
    };
    let failures = match slots {
        [] => Vec::new(),
        [slot] => one(slot).into_iter().collect(),
        // A sink that flushes its own provider is detected by its thread.
        slots if suppress::active() => slots.iter().filter_map(one).collect(),
        slots => thread::scope(|scope| {
            let started: Vec<_> = slots
                .iter()
                .map(|slot| thread::Builder::new().spawn_scoped(scope, move || one(slot)))
                .collect();
            let joined = started.into_iter().zip(slots).filter_map(|(thread, slot)| match thread {
                Ok(thread) => thread.join().ok().flatten(),
                Err(_) => one(slot),
            });
            joined.collect()
        }),
    };
    FlushError::check(failures)
}

fn close(slots: &[Arc<Slot>], timeout: Duration) -> Result<(), FlushError> {
    drain_all(slots, timeout, <dyn SpanProcessor>::shutdown)
}

impl Inner {
    pub(crate) fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        drain_all(&self.processors().list(), timeout, <dyn SpanProcessor>::force_flush)
    }

    /// Stops recording and shuts the processors down. Does nothing when called again.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        if !self.mark_shut_down() {
            return Ok(());
        }
        self.cleaner().stop();
        let closed = close(&self.processors().list(), timeout);
        self.mark_closed();
        closed
    }

    /// Shuts down where no caller checks the result; reports lost spans in one diagnostic line.
    pub(crate) fn shutdown_reporting(&self, timeout: Duration) {
        if self.has_shut_down() {
            return;
        }
        let failed = self.shutdown(timeout).err();
        let mut parts: Vec<_> = failed.iter().map(ToString::to_string).collect();
        for ProcessorStats { name, dropped, received, .. } in
            self.processors().list().iter().filter_map(Slot::stats_soon)
        {
            if dropped > 0 {
                parts.push(format!("`{name}` lost {dropped} of {received} spans"));
            }
        }
        if !parts.is_empty() {
            let text = parts.join("; ");
            diagnostics::warn(Category::Export, format_args!("at shutdown, {text}"));
        }
    }

    /// Replaces the processors. Drains the previous ones and shuts them down.
    pub(crate) fn set_processors(
        self: &Arc<Self>,
        receivers: Vec<Receiver>,
        timeout: Duration,
    ) -> Result<(), FlushError> {
        let began = Instant::now();
        let old = self.replace_processors(receivers, timeout);
        close(&old, timeout.saturating_sub(began.elapsed()))
    }
}

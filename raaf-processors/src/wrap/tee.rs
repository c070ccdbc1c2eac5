//! Two exporters behind one queue.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use raaf_trace_core::{ExportError, FinishedSpan, Overflow, SpanExporter, SpanId};

/// How many batches are remembered that one exporter has taken and the other has not.
const REMEMBERED: usize = 64;

/// Gives every batch to two exporters; see [`WrapExporter::tee`](super::WrapExporter::tee).
///
/// When one of them asks for another try, the batch comes again, and only that one gets it: the
/// other is not given a span twice. When one of them gives a batch up, the batch counts as dropped,
/// and the error says which of them had it. A queue, a worker and retries are shared: an exporter
/// that is slow or down holds up the other. Two sinks that should not know of each other are two
/// exporters of the provider.
#[derive(Debug)]
pub struct Tee<A, B> {
    first: A,
    second: B,
    name: String,
    half_done: Mutex<VecDeque<(Batch, [Half; 2])>>,
}

/// What tells one batch from another.
type Batch = (Option<SpanId>, Option<SpanId>, usize);

/// What became of a batch with one of the two.
#[derive(Clone, Debug, Default)]
enum Half {
    #[default]
    Open,
    Taken,
    GivenUp(String),
}

impl<A: SpanExporter, B: SpanExporter> Tee<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        let name = format!("{}+{}", first.name(), second.name());
        Self { first, second, name, half_done: Mutex::default() }
    }

    fn half_done(&self) -> MutexGuard<'_, VecDeque<(Batch, [Half; 2])>> {
        self.half_done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a batch that came before.
    fn recall(&self, batch: Batch) -> [Half; 2] {
        let mut half_done = self.half_done();
        let at = half_done.iter().position(|(known, _)| *known == batch);
        at.and_then(|at| half_done.remove(at)).map(|(_, halves)| halves).unwrap_or_default()
    }

    fn remember(&self, batch: Batch, halves: [Half; 2]) {
        let mut half_done = self.half_done();
        // One that was given up by the queue does not come again.
        if half_done.len() == REMEMBERED {
            half_done.pop_front();
        }
        half_done.push_back((batch, halves));
    }
}

/// Gives the batch to one of the two, unless that is done; an error if it is to come again.
fn offer(
    half: &mut Half,
    exporter: &dyn SpanExporter,
    batch: &[FinishedSpan],
) -> Option<ExportError> {
    if !matches!(half, Half::Open) {
        return None;
    }
    match exporter.export(batch) {
        Ok(()) => *half = Half::Taken,
        Err(error) if error.is_retryable() => return Some(error),
        Err(error) => *half = Half::GivenUp(format!("{}: {error}", exporter.name())),
    }
    None
}

impl<A: SpanExporter, B: SpanExporter> SpanExporter for Tee<A, B> {
    fn name(&self) -> &str {
        &self.name
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let id = (
            batch.first().map(FinishedSpan::span_id),
            batch.last().map(FinishedSpan::span_id),
            batch.len(),
        );
        let mut halves = self.recall(id);
        let first = offer(&mut halves[0], &self.first, batch);
        let second = offer(&mut halves[1], &self.second, batch);
        if first.is_some() || second.is_some() {
            self.remember(id, halves);
            return both(
                first.map_or(Ok(()), |error| Err(named(self.first.name(), &error))),
                second.map_or(Ok(()), |error| Err(named(self.second.name(), &error))),
            );
        }
        let given_up: Vec<String> = halves
            .into_iter()
            .filter_map(|half| if let Half::GivenUp(why) = half { Some(why) } else { None })
            .collect();
        if given_up.is_empty() { Ok(()) } else { Err(ExportError::permanent(given_up.join("; "))) }
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        both(self.first.force_flush(), self.second.force_flush())
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        both(self.first.shutdown(), self.second.shutdown())
    }

    /// Helping only helps when both allow it.
    fn overflow(&self) -> Overflow {
        match (self.first.overflow(), self.second.overflow()) {
            (Overflow::Help, Overflow::Help) => Overflow::Help,
            _ => Overflow::Drop,
        }
    }
}

fn named(name: &str, error: &ExportError) -> ExportError {
    let message = format!("{name}: {error}");
    match error.retry_after() {
        Some(wait) => ExportError::retryable(message).after(wait),
        None if error.is_retryable() => ExportError::retryable(message),
        None => ExportError::permanent(message),
    }
}

/// Both errors in one; it can be retried if either can, after the longer wait.
fn both(
    first: Result<(), ExportError>,
    second: Result<(), ExportError>,
) -> Result<(), ExportError> {
    let (first, second) = match (first, second) {
        (Err(first), Err(second)) => (first, second),
        (first, second) => return first.and(second),
    };
    let message = format!("{first}; {second}");
    if !first.is_retryable() && !second.is_retryable() {
        return Err(ExportError::permanent(message));
    }
    let error = ExportError::retryable(message);
    Err(match first.retry_after().max(second.retry_after()) {
        Some(wait) => error.after(wait),
        None => error,
    })
}

//! Two exporters behind one queue.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
};

use raaf_trace_core::{ExportError, FinishedSpan, Overflow, SpanExporter, SpanId};

/// Number of batches remembered that only one exporter has accepted.
const REMEMBERED: usize = 64;

/// Wrapper that gives every batch to two exporters; see
/// [`WrapExporter::tee`](super::WrapExporter::tee).
///
/// If one exporter asks for a retry, only that exporter receives the batch again. If one gives up a
/// batch, or panics, the batch counts as dropped, and the error names the exporter; if they reject
/// parts of it, the sum of both parts counts, up to the whole batch. Queue, worker and retries are
/// shared, so an exporter that is slow or down delays the other. For independent sinks, add two
/// exporters to the provider instead.
#[derive(Debug)]
pub struct Tee<A, B> {
    first: A,
    second: B,
    name: String,
    half_done: Mutex<VecDeque<(Batch, [Half; 2])>>,
}

/// Identity of a batch.
type Batch = (Option<SpanId>, Option<SpanId>, usize);

/// Outcome of a batch with one of the two exporters.
#[derive(Clone, Debug, Default)]
enum Half {
    #[default]
    Open,
    Taken,
    GivenUp(GivenUp),
}

/// Spans that one exporter did not accept, and the reason.
#[derive(Clone, Debug)]
struct GivenUp {
    spans: usize,
    why: String,
}

impl<A: SpanExporter, B: SpanExporter> Tee<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        let name = format!("{}+{}", first.name(), second.name());
        Self { first, second, name, half_done: Mutex::default() }
    }

    fn half_done(&self) -> MutexGuard<'_, VecDeque<(Batch, [Half; 2])>> {
        self.half_done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn each(
        &self,
        call: fn(&dyn SpanExporter) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        both(called(&self.first, call), called(&self.second, call))
    }

    /// Returns what is known of a batch that was offered before.
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

/// Gives the batch to one of the two, unless it has it already; returns an error if the batch must
/// be retried.
fn offer(
    half: &mut Half,
    exporter: &dyn SpanExporter,
    batch: &[FinishedSpan],
) -> Option<ExportError> {
    if !matches!(half, Half::Open) {
        return None;
    }
    match called(exporter, |exporter| exporter.export(batch)) {
        Ok(()) => *half = Half::Taken,
        Err(error) if error.is_retryable() => return Some(error),
        Err(error) => {
            let spans = error.rejected_of(batch.len());
            *half = Half::GivenUp(GivenUp { spans, why: error.to_string() });
        }
    }
    None
}

/// Calls one of the two, and names it in an error. A panic is treated as an error and does not
/// affect the other one.
fn called(
    exporter: &dyn SpanExporter,
    call: impl FnOnce(&dyn SpanExporter) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let called = catch_unwind(AssertUnwindSafe(|| {
        call(exporter).map_err(|error| named(exporter.name(), &error))
    }));
    called.unwrap_or_else(|panic| {
        Err(named(exporter.name(), &ExportError::permanent(said_by(&*panic))))
    })
}

fn said_by(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("with a value that is not text"))
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
            return both(first.map_or(Ok(()), Err), second.map_or(Ok(()), Err));
        }
        let given_up: Vec<GivenUp> = halves
            .into_iter()
            .filter_map(|half| if let Half::GivenUp(part) = half { Some(part) } else { None })
            .collect();
        if given_up.is_empty() {
            return Ok(());
        }
        // Whether both mean the same spans, neither says.
        let spans = given_up.iter().fold(0, |sum: usize, part| sum.saturating_add(part.spans));
        let why: Vec<_> = given_up.into_iter().map(|part| part.why).collect();
        Err(ExportError::partial(spans.min(batch.len()), why.join("; ")))
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        self.each(SpanExporter::force_flush)
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        self.each(SpanExporter::shutdown)
    }

    /// Helping is useful only if both exporters allow it.
    fn overflow(&self) -> Overflow {
        match (self.first.overflow(), self.second.overflow()) {
            (Overflow::Help, Overflow::Help) => Overflow::Help,
            _ => Overflow::Drop,
        }
    }
}

/// Prefixes an error with a name.
fn named(name: &str, error: &ExportError) -> ExportError {
    let message = format!("{name}: {error}");
    match error.retry_after() {
        Some(wait) => ExportError::retryable(message).after(wait),
        None if error.is_retryable() => ExportError::retryable(message),
        // As many of any batch: a whole one, unless it says otherwise.
        None => ExportError::partial(error.rejected_of(usize::MAX), message),
    }
}

/// Combines both errors. The result can be retried if either can, after the longer delay.
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

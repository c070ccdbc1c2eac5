//! Parts of processors that wrap another one and leave spans out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{SpanProcessor, stats::ProcessorStats};
use crate::span::FinishedSpan;

/// Passes spans on one by one, and counts those that arrived. A panic of the processor loses its span
/// only: it goes on after the last span, and spans beyond the first that were lost count as `dropped`,
/// since the caller of the wrapper counts one.
pub fn pass_on(
    processor: &impl SpanProcessor,
    spans: Vec<FinishedSpan>,
    (passed, dropped): (&AtomicU64, &AtomicU64),
) {
    let mut first = None;
    for span in spans {
        match catch_unwind(AssertUnwindSafe(|| processor.on_end_owned(span))) {
            Ok(()) => {
                passed.fetch_add(1, Ordering::Relaxed);
            }
            Err(panic) if first.is_none() => first = Some(panic),
            Err(_) => {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    if let Some(panic) = first {
        resume_unwind(panic);
    }
}

/// Returns the statistics of a wrapped processor. If it keeps none, spans passed on count as
/// delivered.
pub fn counted(mut inner: ProcessorStats, passed: &AtomicU64) -> ProcessorStats {
    if inner.received == 0 {
        inner.received = passed.load(Ordering::Relaxed);
        inner.delivered = inner.received;
    }
    inner
}

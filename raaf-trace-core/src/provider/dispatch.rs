//! Dispatch of span starts and ends.

use raaf_trace_model::{
    sink::SpanProcessor,
    span::{FinishedSpan, StartedSpan},
};

use crate::provider::{Inner, processors::OnlyQueue};

/// Passes a span's start to the processors that receive starts.
pub(crate) fn started(provider: &Inner, span: &mut StartedSpan) {
    for slot in provider.processors().load().iter().filter(|slot| slot.wants_start) {
        slot.call(|processor| processor.on_start(span));
    }
}

/// Passes the span that `write` writes once to each processor: usually to the queue of the only
/// processor, over a delivered span. Returns `false` if nothing was written because the queue was
/// full.
#[inline]
pub(crate) fn ended(
    provider: &Inner,
    is_leaf: bool,
    write: impl FnOnce(Option<&mut FinishedSpan>) -> Option<FinishedSpan>,
) -> bool {
    let mut write = Some(write);
    let queued = to_queue(provider, is_leaf, |delivered| write.take()?(delivered));
    if queued.is_none()
        && let Some(span) = write.and_then(|write| write(None))
    {
        deliver(provider, span);
    }
    queued.unwrap_or(true)
}

/// Does the same as [`ended`] if there is a queue that is the only processor, otherwise nothing.
/// `known` is what was that queue before.
#[inline]
pub(crate) fn to_known_queue(
    provider: &Inner,
    known: Option<&OnlyQueue>,
    is_leaf: bool,
    write: impl FnOnce(Option<&mut FinishedSpan>) -> Option<FinishedSpan>,
) -> Option<bool> {
    let is_current = || known.is_some_and(|queue| provider.processors().is_current(queue));
    let Some(batch) = known.and_then(OnlyQueue::batch).filter(|_| is_current()) else {
        return to_queue(provider, is_leaf, write);
    };
    provider.counts().span_ended();
    match batch.push_with(write, is_leaf, is_current) {
        Ok(()) => Some(true),
        Err(write) if !is_current() => {
            // It was replaced, and shut down, just now.
            if let Some(span) = write(None) {
                pass_on(provider, span);
            }
            Some(true)
        }
        Err(_) => Some(false),
    }
}

fn to_queue(
    provider: &Inner,
    is_leaf: bool,
    write: impl FnOnce(Option<&mut FinishedSpan>) -> Option<FinishedSpan>,
) -> Option<bool> {
    if let [only] = &***provider.processors().load()
        && let Some(batch) = only.batch()
        && !provider.flushes_after_root()
    {
        provider.counts().span_ended();
        return Some(batch.push_with(write, is_leaf, || true).is_ok());
    }
    None
}

/// Passes a finished span to each processor once.
#[inline(never)]
pub(crate) fn deliver(provider: &Inner, span: FinishedSpan) {
    provider.counts().span_ended();
    pass_on(provider, span);
}

fn pass_on(provider: &Inner, mut span: FinishedSpan) {
    let processors = provider.processors().load();
    let Some((last, others)) = processors.split_last() else { return };
    let flush = span.is_local_root() && provider.flushes_after_root();
    if !processors.iter().all(|slot| slot.redacts()) {
        span.redact(provider.redactor());
    }
    for slot in others {
        slot.end(|processor| processor.on_end(&span));
    }
    last.end(|processor| processor.on_end_owned(span));
    if flush {
        for slot in processors.iter() {
            slot.call(<dyn SpanProcessor>::on_root_end);
        }
    }
}

//! Dispatch of span starts and ends.

use std::time::Duration;

use raaf_trace_model::span::{FinishedSpan, SpanBody, SpanFacts, StartedSpan};

use crate::provider::{Inner, processors::OnlyQueue};

/// Maximum time that the end of a root waits for the delivery of its trace, where that is switched on.
const ROOT_FLUSH: Duration = Duration::from_secs(5);

/// Passes a span's start to the processors that receive starts.
pub(crate) fn started(provider: &Inner, span: &mut StartedSpan) {
    for slot in provider.processors().load().iter().filter(|slot| slot.wants_start) {
        slot.call(|processor| processor.on_start(span));
    }
}

/// Passes a finished span once to each processor. The body is empty afterwards.
#[inline]
pub(crate) fn ended(provider: &Inner, span: &SpanFacts<'_>, body: &mut SpanBody) {
    if let [only] = &***provider.processors().load()
        && let Some(batch) = only.batch()
        && !provider.flushes_after_root()
    {
        provider.counts().span_ended();
        if !batch.push_parts(span, body) {
            body.clear();
        }
    } else {
        deliver(provider, span.to_span(body));
    }
}

/// Passes a finished span to what was the queue that is the only processor. Returns `false` without
/// doing so if it is not that any more, or has to make room. Calls no foreign code.
#[inline]
pub(crate) fn queue(
    provider: &Inner,
    queue: &OnlyQueue,
    span: &SpanFacts<'_>,
    body: &mut SpanBody,
) -> bool {
    let is_current = provider.processors().is_current(queue);
    let queued = is_current && queue.batch().is_some_and(|batch| batch.try_push_parts(span, body));
    if queued {
        provider.counts().span_ended();
    }
    queued
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
    let flush = span.is_local_root() && provider.flushes_after_root() && !provider.is_closed();
    if !processors.iter().all(|slot| slot.finishes()) {
        provider.finishing().apply(&mut span);
    }
    for slot in others {
        slot.end(|processor| processor.on_end(&span));
    }
    last.end(|processor| processor.on_end_owned(span));
    if flush {
        // A replacement of the processors does not wait for the flush.
        drop(processors);
        let _ = provider.force_flush(ROOT_FLUSH);
    }
}

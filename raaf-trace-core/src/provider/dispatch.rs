//! Handing a span's start and end to the processors of its provider.

use std::{cell::RefCell, sync::Arc};

use crate::{
    FinishedSpan, Span, SpanProcessor,
    batch::Shards,
    span::record::{Record, Shared},
};

/// Tells the processors that want to know that a span has started.
#[inline]
pub(crate) fn started(record: &Shared) {
    let provider = &record.head().trace.provider;
    provider.counts().span_started();
    if provider.watches_starts() {
        tell_start(record);
    }
}

#[cold]
fn tell_start(record: &Shared) {
    let provider = &record.head().trace.provider;
    let processors = provider.processors().load();
    if processors.iter().any(|slot| slot.wants_start) {
        record.peek(|body| provider.screen(body));
        let span = Span::of(Shared::clone(record));
        for slot in processors.iter().filter(|slot| slot.wants_start) {
            slot.call(|processor| processor.on_start(&span));
        }
    }
}

thread_local! {
    /// The queue that spans of this thread went to last: a span cannot be pushed through a borrow
    /// of its own provider, and another handle would have to be counted each time.
    static NEAR: RefCell<Option<Arc<Shards<FinishedSpan>>>> = const { RefCell::new(None) };
}

/// Moves the finished span out of its record, which nobody else holds, lets `finish` complete it,
/// and hands it to each processor, once: as a rule straight into the queue of the only one there
/// is, in which it is completed where it stands.
#[inline]
pub(crate) fn ended(record: &mut Record, finish: impl FnOnce(&mut FinishedSpan)) {
    let mut finish = Some(finish);
    let mut complete = |span: &mut FinishedSpan| {
        if let Some(finish) = finish.take() {
            finish(span);
        }
    };
    let mut far = None;
    let queued = NEAR.try_with(|near| {
        let mut near = near.borrow_mut();
        let head = record.head();
        let Some(queue) = head.trace.provider.processors().queue() else { return false };
        if near.as_ref().is_none_or(|near| !Arc::ptr_eq(near, queue)) {
            // Dropped outside of the borrow: spans in it may be the last to know their provider.
            far = near.replace(Arc::clone(queue));
        }
        near.as_ref().is_some_and(|near| near.put_directly(|| record.take(), &mut complete))
    });
    drop(far);
    if !queued.unwrap_or(false)
        && let Some(mut span) = record.take()
    {
        complete(&mut span);
        tell_end(span);
    }
}

/// Hands a finished span to each processor, once.
#[inline(never)]
pub(crate) fn tell_end(mut span: FinishedSpan) {
    let provider = &span.head().trace.provider;
    provider.counts().span_ended();
    let processors = provider.processors().load();
    let Some((last, others)) = processors.split_last() else { return };
    let flush = span.is_local_root() && provider.flushes_after_root();
    if !processors.iter().all(|slot| slot.screens) {
        span.screen();
    }
    for slot in others {
        slot.end(|processor| processor.on_end(&span));
    }
    last.end(|processor| processor.on_end_owned(span));
    if flush {
        // A wrapper may stand before one that queues, and passes this on.
        for slot in processors.iter() {
            slot.call(<dyn SpanProcessor>::on_root_end);
        }
    }
}

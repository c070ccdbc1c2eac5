//! Handing a span's start and end to the processors of its provider.

use std::sync::Arc;

use crate::{FinishedSpan, Span, span::record::Record};

/// Tells the processors that want to know that a span has started.
pub(crate) fn started(record: &Arc<Record>) {
    let provider = &record.head().trace.provider;
    provider.counts().span_started();
    if !provider.watches_starts() {
        return;
    }
    let processors = provider.processors().load();
    if processors.iter().any(|slot| slot.wants_start) {
        provider.screen(&mut record.open().body);
        let span = Span::of(Arc::clone(record));
        for slot in processors.iter().filter(|slot| slot.wants_start) {
            slot.call(|processor| processor.on_start(&span));
        }
    }
}

/// Hands a finished span to each processor, once; the last one gets it to keep.
pub(crate) fn ended(span: FinishedSpan) {
    let provider = &span.head().trace.provider;
    provider.counts().span_ended();
    let processors = provider.processors().load();
    let Some((last, others)) = processors.split_last() else { return };
    let root = span.is_local_root().then(|| provider.flushes_after_root());
    for slot in others {
        slot.end(|processor| processor.on_end(&span));
    }
    last.end(|processor| processor.on_end_owned(span));
    if let Some(flush) = root {
        for slot in processors.iter().filter(|slot| slot.queues_only) {
            slot.call(|processor| processor.on_root_end(flush));
        }
    }
}

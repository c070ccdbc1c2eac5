//! How a span ends.

use std::sync::Arc;

use crate::{
    FinishedSpan, counters,
    provider::dispatch,
    span::{body::Body, pool, record::Record},
};

/// Ends the span and hands it to its provider's processors. Does nothing but count if it has ended
/// before.
pub(crate) fn finish(record: Arc<Record>, how: impl FnOnce(&mut Body)) {
    let head = record.head();
    if !record.end(head.trace.provider.clock().now(), how) {
        counters::LATE_CALLS.add(1);
        return;
    }
    head.component.span_ended(&record);
    if head.trace.sampled {
        dispatch::ended(FinishedSpan::new(record));
    } else {
        pool::give(record);
    }
}

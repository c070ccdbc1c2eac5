//! How a span ends.

use raaf_trace_model::span::SpanBody;
use triomphe::Arc;

use crate::{
    base::counters,
    provider::dispatch,
    span::{pool, record::Shared},
};

/// Ends the span and hands it to its provider's processors. Does nothing but count if it has ended
/// before. A span that was open at a fork ends in the parent process, and not in the child, too.
#[inline]
pub(crate) fn finish(mut record: Shared, how: impl FnOnce(&mut SpanBody)) {
    let head = record.head();
    if !head.made_in.this_process() {
        return;
    }
    let (now, sampled) = (head.trace.provider.clock().now(), head.trace.sampled);
    let local_root = head.local_root;
    head.component.span_ended(&record);
    let ended = match Arc::get_mut(&mut record) {
        Some(alone) => {
            let ended = alone.end_alone();
            if ended && sampled {
                let (head, body) = alone.parts_mut();
                let parts = head.parts_mut();
                let trace = parts.trace;
                let take = || parts.finish(body, now);
                dispatch::ended(&trace.provider, take, |span| span.complete(how));
            }
            ended
        }
        None => match record.end(now, how) {
            Some(span) => {
                if sampled {
                    dispatch::deliver(&record.head().trace.provider, span);
                }
                true
            }
            None => false,
        },
    };
    if ended && local_root {
        record.head().trace.provider.open_roots().ended();
    }
    pool::give(record);
    if !ended {
        counters::LATE_CALLS.add(1);
    }
}

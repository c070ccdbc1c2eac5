//! Ending a span.

use raaf_trace_model::span::SpanBody;
use triomphe::Arc;

use crate::{
    base::counters,
    provider::dispatch,
    span::{pool, record::Shared},
};

/// Ends the span and passes it to its provider's processors. If it has ended before, only counts
/// the call. A span that was open at a fork ends in the parent process only.
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
                let taken = dispatch::ended(&head.trace.provider, |delivered| {
                    if let Some(span) = delivered {
                        head.finish_over(span, body, now);
                        span.complete(how);
                        return None;
                    }
                    let mut span = head.finish(body, now);
                    span.complete(how);
                    Some(span)
                });
                if !taken {
                    alone.body_mut().clear();
                }
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

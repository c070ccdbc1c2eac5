//! Ending a span.

use raaf_trace_model::span::SpanBody;
use triomphe::UniqueArc;

use crate::{
    base::counters,
    provider::{clock::Ticks, dispatch},
    span::{
        head::Head,
        ignored, pool,
        record::{Record, Shared},
    },
};

/// Ends the span and passes it to its provider's processors. If it has ended before, only counts
/// the call. A span that was open at a fork ends in the parent process only.
#[inline]
pub(crate) fn finish(record: Shared, how: impl FnOnce(&mut SpanBody)) {
    let head = record.head();
    if !head.made_in.this_process() {
        return;
    }
    let (now, sampled) = (head.trace.provider.clock().now(), head.trace.sampled);
    head.component.span_ended(&record);
    let ended = match Shared::try_unique(record) {
        Ok(record) => finish_alone(record, sampled, now, how),
        Err(record) => finish_shared(record, sampled, now, how),
    };
    if !ended {
        counters::LATE_CALLS.add(1);
    }
}

#[inline]
fn finish_alone(
    mut record: UniqueArc<Record>,
    sampled: bool,
    now: Ticks,
    how: impl FnOnce(&mut SpanBody),
) -> bool {
    let ended = record.end_alone();
    let (head, body) = record.parts_mut();
    if ended && sampled {
        // Reported later: this thread may be inside a queue.
        let mut keys = Vec::new();
        let taken = dispatch::ended(&head.trace.provider, |delivered| {
            if let Some(span) = delivered {
                head.finish_over(span, body, now);
                span.complete(how);
                keys = ignored::keys(span);
                return None;
            }
            let mut span = head.finish(body, now);
            span.complete(how);
            keys = ignored::keys(&span);
            Some(span)
        });
        if !taken {
            body.clear();
        }
        ignored::report(&keys);
    }
    if ended {
        note_end(head);
    }
    pool::give(record);
    ended
}

#[inline(never)]
fn finish_shared(
    record: Shared,
    sampled: bool,
    now: Ticks,
    how: impl FnOnce(&mut SpanBody),
) -> bool {
    let span = record.end(now, how);
    let ended = span.is_some();
    if let Some(span) = span {
        if sampled {
            let keys = ignored::keys(&span);
            dispatch::deliver(&record.head().trace.provider, span);
            ignored::report(&keys);
        }
        note_end(record.head());
    }
    pool::give_shared(record);
    ended
}

#[inline]
fn note_end(head: &Head) {
    if head.local_root {
        head.trace.provider.open_roots().ended(head.trace.root);
    }
}

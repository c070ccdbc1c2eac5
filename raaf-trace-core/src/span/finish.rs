//! Ending a span.

use std::sync::Arc;

use raaf_trace_model::span::{FinishedSpan, SpanBody};
use triomphe::UniqueArc;

use crate::{
    base::counters,
    context::{flow, stack::Lent},
    provider::{clock::Ticks, dispatch},
    span::{
        head::Head,
        ignored, pool,
        record::{Held, Record, Shared},
    },
};

/// Ends the span and passes it to its provider's processors. If it has ended before, only counts
/// the call. A span that was open at a fork ends in the parent process only.
#[inline]
pub(crate) fn finish(span: Held, how: impl FnOnce(&mut SpanBody)) {
    match span {
        Held::Frame(record) => finish_frame(record, how),
        Held::Shared(record) => finish_record(record, how),
    }
}

#[inline]
fn finish_frame(mut record: UniqueArc<Record>, how: impl FnOnce(&mut SpanBody)) {
    let Some((frame, body)) = record.frame_and_body_mut() else { return };
    let lent = if frame.made_in.this_process() { flow::lend(frame) } else { None };
    let Some((Lent { trace, queue }, component)) = lent else {
        flow::forget(frame, None);
        return pool::give(record);
    };
    if !frame.has_started {
        // Its work never began.
        frame.start(&trace);
    }
    let provider = &trace.provider;
    let now = provider.clock().now();
    let mut back = None;
    // Reported later: this thread may be inside a queue.
    let mut keys = Vec::new();
    if frame.sampled {
        let mut how = Some(how);
        let mut complete = |span: &mut FinishedSpan| {
            if let Some(how) = how.take() {
                span.complete(how);
            }
            keys = ignored::keys(span);
        };
        let mut component = Some(component);
        let is_leaf = !frame.local_root && !frame.has_children;
        let queued = dispatch::to_known_queue(provider, queue.as_ref(), is_leaf, |delivered| {
            let component = component.take()?;
            if let Some(span) = delivered {
                frame.finish_over(span, body, (&trace, component), now);
                complete(span);
                return None;
            }
            let mut span = frame.finish(body, (&trace, component), now);
            complete(&mut span);
            Some(span)
        });
        match queued {
            Some(true) => {}
            Some(false) => body.clear(),
            None => {
                // Processors may look at the context.
                back = Some(Arc::clone(&trace));
            }
        }
        if let (Some(trace), Some(component)) = (&back, component) {
            flow::give_back(frame, Lent { trace: Arc::clone(trace), queue: None });
            let mut span = frame.finish(body, (trace, component), now);
            complete(&mut span);
            dispatch::deliver(&trace.provider, span);
        }
    }
    if frame.local_root {
        provider.open_roots().ended(trace.root);
    }
    flow::forget(frame, if back.is_some() { None } else { Some(Lent { trace, queue }) });
    ignored::report(&keys);
    pool::give(record);
}

#[inline]
fn finish_record(record: Shared, how: impl FnOnce(&mut SpanBody)) {
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
        let taken = dispatch::ended(&head.trace.provider, head.is_leaf(), |delivered| {
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

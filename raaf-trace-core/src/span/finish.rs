//! Ending a span.

use raaf_trace_model::span::SpanBody;
use triomphe::UniqueArc;

use crate::{
    base::counters,
    context::{flow, stack::PassOn},
    provider::{clock::Ticks, dispatch},
    span::{
        frame::Frame,
        head::Head,
        ignored::Ignored,
        record::{Held, Record, Shared},
    },
};

/// Ends the span and passes it to its provider's processors. If it has ended before, only counts
/// the call. A span that was open at a fork ends in the parent process only.
#[inline]
pub(crate) fn finish(span: Held, how: impl FnOnce(&mut SpanBody)) {
    match span {
        Held::Frame(frame) => finish_frame(frame, how),
        Held::Shared(record) => finish_record(record, None, how),
    }
}

#[inline]
fn finish_frame(mut frame: Box<Frame>, how: impl FnOnce(&mut SpanBody)) {
    if !frame.made_in.this_process() {
        return flow::give_frame(frame);
    }
    if frame.sampled {
        how(&mut frame.body);
    }
    let ignored = Ignored::of(&frame.body.attributes);
    if let Some((frame, span)) = flow::finish(frame) {
        pass_on(frame, &span);
    }
    // Not before: this thread was inside a queue.
    ignored.report();
}

/// Passes the span of a frame on: to processors, which may look at the context, or to a queue that
/// has to make room.
#[inline(never)]
fn pass_on(mut frame: Box<Frame>, PassOn { trace, component, end }: &PassOn) {
    let (span, body) = frame.facts((trace, component), *end);
    dispatch::ended(&trace.provider, &span, body);
    if frame.local_root {
        trace.provider.open_roots().ended(trace.root);
    }
    flow::give_frame(frame);
}

/// Ends the span of a record like [`finish`], at the given reading of the clock, or now.
#[inline]
pub(crate) fn finish_record(record: Shared, at: Option<Ticks>, how: impl FnOnce(&mut SpanBody)) {
    let head = record.head();
    if !head.made_in.this_process() {
        return;
    }
    let now = at.unwrap_or_else(|| head.trace.provider.clock().now());
    let sampled = head.trace.sampled;
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
        how(body);
        let ignored = Ignored::of(&body.attributes);
        dispatch::ended(&head.trace.provider, &head.facts(now), body);
        // Not before: this thread was inside a queue.
        ignored.report();
    }
    if ended {
        note_end(head);
    }
    flow::give_record(record);
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
            let ignored = Ignored::of(span.attributes().stored());
            dispatch::deliver(&record.head().trace.provider, span);
            ignored.report();
        }
        note_end(record.head());
    }
    flow::give_shared_record(record);
    ended
}

#[inline]
fn note_end(head: &Head) {
    if head.local_root {
        head.trace.provider.open_roots().ended(head.trace.root);
    }
}

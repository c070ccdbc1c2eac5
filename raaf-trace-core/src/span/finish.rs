//! How a span ends.

use std::slice;

use crate::{
    counters,
    provider::dispatch,
    span::{body::Body, pool, record::Shared},
};

/// Ends the span and hands it to its provider's processors. Does nothing but count if it has ended
/// before.
#[inline]
pub(crate) fn finish(mut record: Shared, how: impl FnOnce(&mut Body)) {
    let head = record.head();
    let (now, sampled) = (head.trace.provider.clock().now(), head.trace.sampled);
    head.component.span_ended(&record);
    let ended = match Shared::get_mut(&mut record) {
        Some(alone) => {
            let ended = alone.end_alone();
            if ended && sampled {
                dispatch::ended(alone, |span| span.end(now, how));
            } else if ended && let Some(mut span) = alone.take() {
                pool::give_lists(slice::from_mut(&mut span));
            }
            ended
        }
        None => match record.end(now, how) {
            Some(span) => {
                if sampled {
                    dispatch::tell_end(span);
                }
                true
            }
            None => false,
        },
    };
    pool::give(record);
    if !ended {
        counters::LATE_CALLS.add(1);
    }
}

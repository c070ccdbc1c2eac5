//! Encodes finished spans as OTLP spans.

use std::{
    borrow::Cow,
    time::{SystemTime, UNIX_EPOCH},
};

use raaf_trace_model::{
    attributes::Attributes,
    span::{Event, FinishedSpan, Link},
};

use super::value;
use crate::{
    conventions::{self, OtlpNames, Status},
    protobuf::Writer,
};

/// The W3C sampled flag. Unsampled spans never reach a sink.
const SAMPLED: u32 = 1;
/// The flag of a span, or a link, whose other end is remote.
const IS_REMOTE: u32 = 0x200;
/// The flag of a span that states whether its parent is remote.
const HAS_IS_REMOTE: u32 = 0x100;

/// Form of spans in OTLP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) names: OtlpNames,
    /// Input and output of model calls as text, too.
    pub(super) texts: bool,
}

/// Writes a span into that field.
pub(super) fn write(out: &mut Writer, field: u32, span: &FinishedSpan, form: Form) {
    out.message(field, 2, |out| {
        out.bytes(1, &span.trace_id().to_bytes());
        out.bytes(2, &span.span_id().to_bytes());
        if !span.trace_state().is_empty() {
            out.bytes(3, span.trace_state().to_string().as_bytes());
        }
        let parent = span.parent_id();
        if let Some(parent) = parent {
            out.bytes(4, &parent.to_bytes());
        }
        out.bytes(5, form.names.of(span).as_bytes());
        out.varint(6, conventions::kind(span) as u64);
        out.fixed64(7, nanos(span.start_time()));
        out.fixed64(8, nanos(span.end_time()));
        conventions::attributes(span, form.texts, &mut |key, value| {
            value::pair(out, 9, key, value);
        });
        count(out, 10, span.losses().dropped_attributes);
        for event in span.events() {
            out.message(11, 2, |out| write_event(out, event));
        }
        count(out, 12, span.dropped_events());
        for link in span.links() {
            out.message(13, 1, |out| write_link(out, link));
        }
        count(out, 14, span.dropped_links());
        status(out, 15, span);
        let is_remote = parent.is_some() && span.is_local_root();
        out.fixed32(16, SAMPLED | HAS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 });
    });
}

fn count(out: &mut Writer, field: u32, count: u32) {
    if count > 0 {
        out.varint(field, count.into());
    }
}

/// Returns nanoseconds since 1970; 0 for earlier times.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn write_event(out: &mut Writer, event: &Event) {
    out.fixed64(1, nanos(event.time()));
    out.bytes(2, event.name().as_bytes());
    attributes(out, [3, 4], event.attributes());
}

fn write_link(out: &mut Writer, link: &Link) {
    let to = link.context();
    out.bytes(1, &to.trace_id().to_bytes());
    if let Some(id) = to.span_id() {
        out.bytes(2, &id.to_bytes());
    }
    if !to.trace_state().is_empty() {
        out.bytes(3, to.trace_state().to_string().as_bytes());
    }
    attributes(out, [4, 5], link.attributes());
    out.fixed32(6, to.flags().to_u8().into());
}

/// Writes attributes, and the number of those that were dropped, into these fields.
fn attributes(out: &mut Writer, [field, dropped]: [u32; 2], attributes: &Attributes) {
    for (key, given) in attributes.iter() {
        value::pair(out, field, key, &conventions::any(given));
    }
    count(out, dropped, attributes.losses().dropped_attributes);
}

fn status(out: &mut Writer, field: u32, span: &FinishedSpan) {
    const OK: u64 = 1;
    const ERROR: u64 = 2;
    let (code, message) = match conventions::status(span) {
        Status::Unset => return,
        Status::Ok => (OK, Cow::Borrowed("")),
        Status::Error(message) => (ERROR, message),
    };
    out.message(field, 1, |out| {
        if !message.is_empty() {
            out.bytes(2, message.as_bytes());
        }
        out.varint(3, code);
    });
}

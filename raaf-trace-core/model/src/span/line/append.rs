//! Lines written field by field, byte for byte equal to the serialisation in `write.rs`.
//!
//! One worker writes the lines of all threads, so that their cost bounds the rate of spans.

use super::{
    Lost,
    json::{push, push_any, push_escaped, push_parts, push_string, push_value},
    write::{EventsJson, LinksJson, brief_of, written_attributes},
};
use crate::{
    id::hex,
    span::{FinishedSpan, SpanError, SpanHead, StartedSpan},
};

/// Spans that have a line.
pub trait Line {
    /// Appends the span as a JSON object.
    fn append(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;
}

impl Line for FinishedSpan {
    fn append(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        push(out, r#"{"v":2,"type":"span""#);
        push_ids(out, &self.head);
        push(out, r#","duration_ms":"#);
        push_any(out, &self.duration_ms())?;
        push(out, r#","status":""#);
        push(out, self.status().as_str());
        push(out, "\"");
        push_component(out, &self.head);
        push(out, r#","error_type":"#);
        push_optional(out, self.error().map(SpanError::kind));
        for (field, value) in brief_of(self).into_iter().flatten() {
            push(out, ",\"");
            push(out, field);
            push(out, "\":");
            push_value(out, value)?;
        }
        push_name(out, &self.head);
        push(out, r#","ended_at":""#);
        out.extend_from_slice(&self.end.ascii());
        push(out, r#"Z","error_message":"#);
        push_optional(out, self.error().and_then(SpanError::message));
        if let Some(sources) = self.error().and_then(SpanError::sources) {
            push(out, r#","error_sources":"#);
            push_any(out, sources)?;
        }
        push(out, r#","attributes":{"#);
        for (index, (key, value)) in written_attributes(self).enumerate() {
            push(out, if index == 0 { "" } else { "," });
            push_string(out, key);
            out.push(b':');
            push_value(out, value)?;
        }
        push(out, r#"},"events":"#);
        push_any(out, &EventsJson(&self.body.events))?;
        if self.links().len() > 0 {
            push(out, r#","links":"#);
            push_any(out, &LinksJson(self.links().as_slice()))?;
        }
        let trace = &self.head.trace;
        if !trace.info.metadata.is_empty() {
            push(out, r#","metadata":"#);
            push_any(out, &trace.info.metadata)?;
        }
        if !trace.state.is_empty() {
            push(out, r#","tracestate":"#);
            push_string(out, &trace.state.to_string());
        }
        let lost = Lost::of(self);
        if lost != Lost::default() {
            push(out, r#","lost":"#);
            push_any(out, &lost)?;
        }
        out.push(b'}');
        Ok(())
    }
}

impl Line for StartedSpan {
    fn append(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        push(out, r#"{"v":2,"type":"span_start""#);
        push_ids(out, &self.head);
        push_component(out, &self.head);
        push_name(out, &self.head);
        out.push(b'}');
        Ok(())
    }
}

/// Appends the fields of a known length.
fn push_ids(out: &mut Vec<u8>, head: &SpanHead) {
    push(out, r#","trace_id":"trace_"#);
    out.extend_from_slice(hex(head.trace.id.to_bytes()).as_flattened());
    push(out, r#"","span_id":"span_"#);
    out.extend_from_slice(hex(head.span_id.to_bytes()).as_flattened());
    if let Some(id) = head.parent_id {
        push(out, r#"","parent_id":"span_"#);
        out.extend_from_slice(hex(id.to_bytes()).as_flattened());
        out.push(b'"');
    } else {
        push(out, r#"","parent_id":null"#);
    }
    push(out, if head.local_root { r#","local_root":true"# } else { r#","local_root":false"# });
    push(out, r#","started_at":""#);
    out.extend_from_slice(&head.start.ascii());
    push(out, r#"Z""#);
}

fn push_component(out: &mut Vec<u8>, head: &SpanHead) {
    push(out, r#","kind":""#);
    push_escaped(out, head.component.kind.as_str());
    push(out, r#"","component":""#);
    push_escaped(out, &head.component.name);
    push(out, r#"","method":""#);
    push_escaped(out, &head.method);
    push(out, r#"","workflow_name":"#);
    push_optional(out, head.trace.info.workflow_name());
    push(out, r#","group_id":"#);
    push_optional(out, head.trace.info.group_id());
}

fn push_name(out: &mut Vec<u8>, head: &SpanHead) {
    push(out, r#","name":""#);
    push_parts(out, |out| head.name_parts(|part| push(out, part)));
    out.push(b'"');
}

fn push_optional(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => push_string(out, text),
        None => push(out, "null"),
    }
}

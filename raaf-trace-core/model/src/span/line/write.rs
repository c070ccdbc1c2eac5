//! Serialisation of spans as lines.

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeStruct as _},
};

use super::{FORMAT_VERSION, Lost};
use crate::{
    attributes::ValueRef,
    keys,
    span::{Event, FinishedSpan, Link, SpanError, SpanHead, StartedSpan, TraceData},
};

/// Derived attributes that have no field of their own in the object.
const WORKED_OUT: [&str; 2] = [keys::RESULT_TYPE, keys::RESULT_SUCCESS];

/// Serialises as a line of version 1.
impl Serialize for FinishedSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Span", 20)?;
        serialize_head(&self.head, "span", &mut object)?;
        object.serialize_field("end", &self.end)?;
        object.serialize_field("duration_ms", &self.duration_ms())?;
        object.serialize_field("status", self.status().as_str())?;
        object.serialize_field("error", &self.error().map(ErrorJson))?;
        object.serialize_field("attributes", &AttributesJson(self))?;
        object.serialize_field("events", &EventsJson(&self.body.events))?;
        if self.links().len() > 0 {
            object.serialize_field("links", &LinksJson(self.links().as_slice()))?;
        }
        let trace = TraceJson(&self.head.trace);
        if !trace.is_empty() {
            object.serialize_field("trace", &trace)?;
        }
        let lost = Lost::of(self);
        if lost != Lost::default() {
            object.serialize_field("lost", &lost)?;
        }
        object.end()
    }
}

/// Serialises as a line of version 1, without attributes.
impl Serialize for StartedSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("SpanStart", 11)?;
        serialize_head(&self.head, "span_start", &mut object)?;
        object.end()
    }
}

fn serialize_head<S: serde::ser::SerializeStruct>(
    head: &SpanHead,
    record: &'static str,
    object: &mut S,
) -> Result<(), S::Error> {
    object.serialize_field("v", &FORMAT_VERSION)?;
    object.serialize_field("type", record)?;
    object.serialize_field("trace_id", &head.trace.id)?;
    object.serialize_field("span_id", &head.span_id)?;
    object.serialize_field("parent_id", &head.parent_id)?;
    object.serialize_field("local_root", &head.local_root)?;
    object.serialize_field("name", &*head.name())?;
    object.serialize_field("kind", head.component.kind.as_str())?;
    object.serialize_field("component", &*head.component.name)?;
    object.serialize_field("method", &*head.method)?;
    object.serialize_field("start", &head.start)
}

pub(super) struct ErrorJson<'a>(pub(super) &'a SpanError);

impl Serialize for ErrorJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Error", 3)?;
        object.serialize_field("type", self.0.kind())?;
        object.serialize_field("message", &self.0.message())?;
        object.serialize_field("sources", &self.0.sources())?;
        object.end()
    }
}

/// Returns the attributes of a line: those that were set, and those without a field of their own.
pub(super) fn written_attributes(
    span: &FinishedSpan,
) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
    let (all, set) = (span.attributes(), span.attributes().stored());
    let worked_out = WORKED_OUT.into_iter().filter(|key| !set.contains(key));
    set.iter().chain(worked_out.filter_map(move |key| Some((key, all.derived(key)?))))
}

struct AttributesJson<'a>(&'a FinishedSpan);

impl Serialize for AttributesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(written_attributes(self.0))
    }
}

pub(super) struct EventsJson<'a>(pub(super) &'a [Event]);

impl Serialize for EventsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(EventJson))
    }
}

struct EventJson<'a>(&'a Event);

impl Serialize for EventJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Event", 3)?;
        object.serialize_field("name", self.0.name())?;
        object.serialize_field("time", &self.0.timestamp())?;
        object.serialize_field("attributes", self.0.attributes())?;
        object.end()
    }
}

pub(super) struct LinksJson<'a>(pub(super) &'a [Link]);

impl Serialize for LinksJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(LinkJson))
    }
}

struct LinkJson<'a>(&'a Link);

impl Serialize for LinkJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (context, attributes) = (self.0.context(), self.0.attributes());
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("trace_id", &context.trace_id())?;
        object.serialize_entry("span_id", &context.span_id())?;
        if let Some(sampled) = context.sampled() {
            object.serialize_entry("sampled", &sampled)?;
        }
        if !context.trace_state().is_empty() {
            object.serialize_entry("tracestate", &context.trace_state().to_string())?;
        }
        object.serialize_entry("attributes", attributes)?;
        object.end()
    }
}

/// Data of the trace. Written with every span, since children are written before their root, and a
/// root may never be written.
pub(super) struct TraceJson<'a>(pub(super) &'a TraceData);

impl TraceJson<'_> {
    pub(super) fn is_empty(&self) -> bool {
        let TraceData { info, state, .. } = self.0;
        info.workflow_name.is_none()
            && info.group_id.is_none()
            && info.metadata.is_empty()
            && state.is_empty()
    }
}

impl Serialize for TraceJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let TraceData { info, state, .. } = self.0;
        let mut object = serializer.serialize_map(None)?;
        if let Some(name) = info.workflow_name() {
            object.serialize_entry("workflow_name", name)?;
        }
        if let Some(id) = info.group_id() {
            object.serialize_entry("group_id", id)?;
        }
        if !info.metadata.is_empty() {
            object.serialize_entry("metadata", &info.metadata)?;
        }
        if !state.is_empty() {
            object.serialize_entry("tracestate", &state.to_string())?;
        }
        object.end()
    }
}

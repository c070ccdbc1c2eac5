//! Serialisation of spans as lines.

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeStruct},
};

use super::{FORMAT_VERSION, Lost};
use crate::{
    attributes::ValueRef,
    keys,
    span::{Event, FinishedSpan, Link, SpanError, SpanHead, StartedSpan, TraceData},
};

/// Derived attributes that have no field of their own in the object.
const WORKED_OUT: [&str; 2] = [keys::RESULT_TYPE, keys::RESULT_SUCCESS];

/// Attributes that are repeated as fields before all others, for lists and sums.
const BRIEF: [(&str, &str); 4] = [
    (keys::GEN_AI_REQUEST_MODEL, "model"),
    (keys::GEN_AI_USAGE_INPUT_TOKENS, "input_tokens"),
    (keys::GEN_AI_USAGE_OUTPUT_TOKENS, "output_tokens"),
    (keys::GEN_AI_USAGE_COST, "cost"),
];

/// Serialises as a line of version 2.
impl Serialize for FinishedSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Span", 28)?;
        serialize_ids(&self.head, "span", &mut object)?;
        object.serialize_field("duration_ms", &self.duration_ms())?;
        object.serialize_field("status", self.status().as_str())?;
        serialize_component(&self.head, &mut object)?;
        object.serialize_field("error_type", &self.error().map(SpanError::kind))?;
        for (field, value) in brief_of(self).into_iter().flatten() {
            object.serialize_field(field, &value)?;
        }
        object.serialize_field("name", &*self.head.name())?;
        object.serialize_field("ended_at", &self.end)?;
        object.serialize_field("error_message", &self.error().and_then(SpanError::message))?;
        if let Some(sources) = self.error().and_then(SpanError::sources) {
            object.serialize_field("error_sources", sources)?;
        }
        object.serialize_field("attributes", &AttributesJson(self))?;
        object.serialize_field("events", &EventsJson(&self.body.events))?;
        if self.links().len() > 0 {
            object.serialize_field("links", &LinksJson(self.links().as_slice()))?;
        }
        let TraceData { info, state, .. } = &*self.head.trace;
        if !info.metadata.is_empty() {
            object.serialize_field("metadata", &info.metadata)?;
        }
        if !state.is_empty() {
            object.serialize_field("tracestate", &state.to_string())?;
        }
        let lost = Lost::of(self);
        if lost != Lost::default() {
            object.serialize_field("lost", &lost)?;
        }
        object.end()
    }
}

/// Serialises as a line of version 2, without attributes.
impl Serialize for StartedSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("SpanStart", 13)?;
        serialize_ids(&self.head, "span_start", &mut object)?;
        serialize_component(&self.head, &mut object)?;
        object.serialize_field("name", &*self.head.name())?;
        object.end()
    }
}

fn serialize_ids<S: SerializeStruct>(
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
    object.serialize_field("started_at", &head.start)
}

fn serialize_component<S: SerializeStruct>(
    head: &SpanHead,
    object: &mut S,
) -> Result<(), S::Error> {
    object.serialize_field("kind", head.component.kind.as_str())?;
    object.serialize_field("component", &*head.component.name)?;
    object.serialize_field("method", &*head.method)?;
    object.serialize_field("workflow_name", &head.trace.info.workflow_name())?;
    object.serialize_field("group_id", &head.trace.info.group_id())
}

/// Returns the fields that repeat attributes, as far as those are set and of the field's type.
pub(super) fn brief_of(span: &FinishedSpan) -> [Option<(&'static str, ValueRef<'_>)>; BRIEF.len()] {
    let mut brief = [None; BRIEF.len()];
    for (key, value) in span.attributes().stored().iter() {
        let Some(index) = BRIEF.iter().position(|(known, _)| *known == key) else { continue };
        let fits = match index {
            0 => value.as_str().is_some(),
            3 => value.as_f64().is_some_and(f64::is_finite),
            _ => value.as_i64().is_some(),
        };
        brief[index] = fits.then_some((BRIEF[index].1, value));
    }
    brief
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

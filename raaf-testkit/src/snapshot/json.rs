//! A snapshot as JSON: a list of spans, each after its parent.

use std::collections::BTreeMap;

use raaf_trace_model::span::{FinishedSpan, SpanError};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::Value as Json;

use super::{
    Snapshot,
    entry::{Entry, Shown},
};

/// A list of spans, each after the one around it; see [`Snapshot`].
impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for entry in self.entries() {
            if let Some(span) = self.span(&entry) {
                list.serialize_element(&SpanEntry { snapshot: self, entry, span })?;
            }
        }
        list.end()
    }
}

struct SpanEntry<'a> {
    snapshot: &'a Snapshot,
    entry: Entry,
    span: &'a FinishedSpan,
}

impl Serialize for SpanEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { snapshot, entry, span } = self;
        let options = &snapshot.options;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("id", &format!("s{}", entry.id))?;
        object.serialize_entry("parent", &entry.parent.map(|parent| format!("s{parent}")))?;
        if let Some(trace) = entry.trace {
            object.serialize_entry("trace", &format!("t{trace}"))?;
        }
        object.serialize_entry("kind", span.kind().as_str())?;
        object.serialize_entry("component", span.component_name())?;
        object.serialize_entry("method", span.method())?;
        if options.names {
            object.serialize_entry("name", &*span.name())?;
        }
        if options.times {
            object.serialize_entry("start", &format!("{:?}", entry.start))?;
            object.serialize_entry("duration", &format!("{:?}", span.duration()))?;
        }
        object.serialize_entry("status", span.status().as_str())?;
        if let Some(error) = span.error() {
            object.serialize_entry("error", &ErrorEntry(error))?;
        }
        if !entry.attributes.is_empty() {
            object.serialize_entry("attributes", &values(&entry.attributes))?;
        }
        if !entry.events.is_empty() {
            let events: Vec<_> = entry.events.iter().map(EventEntry).collect();
            object.serialize_entry("events", &events)?;
        }
        if span.is_local_root() {
            let info = span.trace();
            if let Some(name) = info.workflow_name() {
                object.serialize_entry("workflow", name)?;
            }
            if let Some(id) = info.group_id() {
                object.serialize_entry("group", id)?;
            }
            if !entry.metadata.is_empty() {
                object.serialize_entry("metadata", &values(&entry.metadata))?;
            }
        }
        object.end()
    }
}

fn values(attributes: &BTreeMap<String, Shown>) -> BTreeMap<&str, Json> {
    attributes.iter().map(|(key, value)| (key.as_str(), value.json())).collect()
}

struct EventEntry<'a>(&'a (String, BTreeMap<String, Shown>));

impl Serialize for EventEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, attributes) = self.0;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("name", name)?;
        if !attributes.is_empty() {
            object.serialize_entry("attributes", &values(attributes))?;
        }
        object.end()
    }
}

struct ErrorEntry<'a>(&'a SpanError);

impl Serialize for ErrorEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("type", self.0.kind())?;
        if let Some(message) = self.0.message() {
            object.serialize_entry("message", message)?;
        }
        if let Some(sources) = self.0.sources() {
            object.serialize_entry("sources", sources)?;
        }
        object.end()
    }
}

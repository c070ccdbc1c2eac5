//! A finished span as one JSON object: the form that files hold.
//!
//! `docs/file-format.md` in the repository describes every field.

use std::fmt;

use raaf_trace_core::{
    AttributeLosses, Attributes, Event, FinishedSpan, Rfc3339, Span, SpanError, TraceInfo, keys,
};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeStruct as _},
};

/// The version of the format, which every object names in its field `v`. It changes when a field
/// is removed or means something else, not when one is added.
pub const VERSION: u32 = 1;

/// Attributes that are worked out rather than set, and that no field of the object says.
const WORKED_OUT: [&str; 2] = [keys::RESULT_TYPE, keys::RESULT_SUCCESS];

/// Serialises a finished span as one JSON object, straight from the span.
///
/// # Examples
///
/// ```
/// use raaf_processors::json::SpanJson;
/// use raaf_trace_core::FinishedSpan;
///
/// fn line(span: &FinishedSpan) -> serde_json::Result<String> {
///     serde_json::to_string(&SpanJson::new(span))
/// }
/// ```
#[derive(Clone, Copy)]
pub struct SpanJson<'a>(&'a FinishedSpan);

impl<'a> SpanJson<'a> {
    /// The JSON form of `span`.
    pub fn new(span: &'a FinishedSpan) -> Self {
        Self(span)
    }

    /// Appends the object and a line feed to `buffer`.
    ///
    /// # Errors
    ///
    /// When a value of the span refuses to be serialised, which no value of the core does. The
    /// buffer is then as it was.
    pub fn append_line(self, buffer: &mut Vec<u8>) -> serde_json::Result<()> {
        append_line(&self, buffer)
    }
}

fn append_line(object: &impl Serialize, buffer: &mut Vec<u8>) -> serde_json::Result<()> {
    let start = buffer.len();
    let written = serde_json::to_writer(&mut *buffer, object);
    match written {
        Ok(()) => buffer.push(b'\n'),
        Err(_) => buffer.truncate(start),
    }
    written
}

impl Serialize for SpanJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let span = self.0;
        let mut object = serializer.serialize_struct("Span", 18)?;
        object.serialize_field("v", &VERSION)?;
        object.serialize_field("type", "span")?;
        object.serialize_field("trace_id", &span.trace_id())?;
        object.serialize_field("span_id", &span.span_id())?;
        object.serialize_field("parent_id", &span.parent_id())?;
        object.serialize_field("local_root", &span.is_local_root())?;
        object.serialize_field("name", &*span.name())?;
        object.serialize_field("kind", span.kind().as_str())?;
        object.serialize_field("component", span.component().name())?;
        object.serialize_field("method", span.method())?;
        object.serialize_field("start", &Shown(Rfc3339::new(span.start_time())))?;
        object.serialize_field("end", &Shown(Rfc3339::new(span.end_time())))?;
        object.serialize_field("duration_ms", &span.duration_ms())?;
        object.serialize_field("status", span.status().as_str())?;
        object.serialize_field("error", &span.error().map(ErrorJson))?;
        object.serialize_field("attributes", &AttributesJson(span))?;
        object.serialize_field("events", &EventsJson(span))?;
        let trace = TraceJson(span);
        if !trace.is_empty() {
            object.serialize_field("trace", &trace)?;
        }
        let lost = LostJson { losses: span.losses(), span };
        if !lost.is_empty() {
            object.serialize_field("lost", &lost)?;
        }
        object.end()
    }
}

impl fmt::Debug for SpanJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpanJson").field(&self.0.span_id()).finish()
    }
}

/// Serialises a span that has started as one JSON object: who it is, and since when it runs.
///
/// Attributes are not in it, for most are set later.
#[derive(Clone, Copy)]
pub struct StartJson<'a>(&'a Span);

impl<'a> StartJson<'a> {
    /// The JSON form of the start of `span`.
    pub fn new(span: &'a Span) -> Self {
        Self(span)
    }

    /// Appends the object and a line feed to `buffer`.
    ///
    /// # Errors
    ///
    /// None that is known: names and ids are always written.
    pub fn append_line(self, buffer: &mut Vec<u8>) -> serde_json::Result<()> {
        append_line(&self, buffer)
    }
}

impl Serialize for StartJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let span = self.0;
        let mut object = serializer.serialize_struct("SpanStart", 10)?;
        object.serialize_field("v", &VERSION)?;
        object.serialize_field("type", "span_start")?;
        object.serialize_field("trace_id", &span.trace_id())?;
        object.serialize_field("span_id", &span.span_id())?;
        object.serialize_field("parent_id", &span.parent_id())?;
        object.serialize_field("name", &span.name())?;
        object.serialize_field("kind", span.kind().as_str())?;
        object.serialize_field("component", span.component().name())?;
        object.serialize_field("method", span.method())?;
        object.serialize_field("start", &Shown(Rfc3339::new(span.start_time())))?;
        object.end()
    }
}

impl fmt::Debug for StartJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StartJson").field(&self.0.span_id()).finish()
    }
}

/// What displays itself, as a string.
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct ErrorJson<'a>(&'a SpanError);

impl Serialize for ErrorJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Error", 3)?;
        object.serialize_field("type", self.0.kind())?;
        object.serialize_field("message", &self.0.message())?;
        object.serialize_field("sources", &self.0.sources())?;
        object.end()
    }
}

struct AttributesJson<'a>(&'a FinishedSpan);

impl Serialize for AttributesJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (all, set) = (self.0.attributes(), self.0.attributes().stored());
        let mut object = serializer.serialize_map(None)?;
        for (key, value) in set.iter() {
            object.serialize_entry(key, &value)?;
        }
        for key in WORKED_OUT {
            if !set.contains(key)
                && let Some(value) = all.get(key)
            {
                object.serialize_entry(key, &value)?;
            }
        }
        object.end()
    }
}

struct EventsJson<'a>(&'a FinishedSpan);

impl Serialize for EventsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.events().map(EventJson))
    }
}

struct EventJson<'a>(Event<'a>);

impl Serialize for EventJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Event", 4)?;
        object.serialize_field("name", self.0.name())?;
        object.serialize_field("time", &Shown(Rfc3339::new(self.0.time())))?;
        object.serialize_field("attributes", self.0.attributes())?;
        object.end()
    }
}

/// What the trace says about itself; with every span, since children are written before their
/// root and a root may never be.
struct TraceJson<'a>(&'a FinishedSpan);

impl TraceJson<'_> {
    fn info(&self) -> &TraceInfo {
        self.0.trace()
    }

    fn state(&self) -> Option<String> {
        Some(self.0.trace_state().to_string()).filter(|state| !state.is_empty())
    }

    fn metadata(&self) -> Option<&Attributes> {
        Some(self.info().metadata()).filter(|metadata| !metadata.is_empty())
    }

    fn is_empty(&self) -> bool {
        let info = self.info();
        info.workflow_name().is_none()
            && info.group_id().is_none()
            && self.metadata().is_none()
            && self.0.trace_state().is_empty()
    }
}

impl Serialize for TraceJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        if let Some(name) = self.info().workflow_name() {
            object.serialize_entry("workflow_name", name)?;
        }
        if let Some(id) = self.info().group_id() {
            object.serialize_entry("group_id", id)?;
        }
        if let Some(metadata) = self.metadata() {
            object.serialize_entry("metadata", metadata)?;
        }
        if let Some(state) = self.state() {
            object.serialize_entry("tracestate", &state)?;
        }
        object.end()
    }
}

/// What the span would have held, had there been room.
struct LostJson<'a> {
    losses: AttributeLosses,
    span: &'a FinishedSpan,
}

impl LostJson<'_> {
    fn is_empty(&self) -> bool {
        self.losses.is_empty() && self.span.dropped_events() == 0
    }
}

impl Serialize for LostJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, count) in [
            ("cut_values", self.losses.cut_values),
            ("dropped_attributes", self.losses.dropped_attributes),
            ("reserved_ignored", self.losses.reserved_ignored),
            ("content_left_out", self.losses.content_left_out),
            ("dropped_events", self.span.dropped_events()),
        ] {
            if count > 0 {
                object.serialize_entry(name, &count)?;
            }
        }
        object.end()
    }
}

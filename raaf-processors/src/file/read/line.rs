//! A line of a trace file, as the record that it is.

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, SystemTime},
};

use raaf_trace_core::{
    Attributes, FinishedSpan, FinishedSpanBuilder, SpanId, Status, TraceId, propagation::TraceState,
};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::Value as Json;

use super::{LineFault, Record, StartedSpan, time};
use crate::json::VERSION;

/// The record on this line; `None` for a record of a type that is not known.
pub(super) fn parse(line: &[u8]) -> Result<Option<Record>, LineFault> {
    let line = str::from_utf8(line)
        .map_err(|error| LineFault::NotUtf8 { valid_up_to: error.valid_up_to() })?;
    let head: Head<'_> = object(line)?;
    match (&*head.kind, head.v) {
        ("span" | "span_start", version) if version != VERSION => {
            Err(LineFault::UnknownVersion { version })
        }
        ("span", _) => object::<Line>(line)?.into_span().map(|span| Some(Record::Span(span))),
        ("span_start", _) => Ok(Some(Record::Start(object::<StartLine>(line)?.into_start()))),
        _ => Ok(None),
    }
}

fn object<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, LineFault> {
    serde_json::from_str(line).map_err(|error| {
        // It counts lines itself, and each time there is but one.
        let text = error.to_string();
        let message = text.split(" at line 1 column ").next().unwrap_or(&text).to_owned();
        LineFault::Malformed { message, column: error.column() }
    })
}

/// What is looked at first, as the rest follows from it.
#[derive(Deserialize)]
struct Head<'a> {
    v: u32,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct StartLine {
    trace_id: TraceId,
    span_id: SpanId,
    parent_id: Option<SpanId>,
    name: String,
    kind: String,
    component: String,
    method: String,
    start: Time,
}

impl StartLine {
    fn into_start(self) -> StartedSpan {
        StartedSpan {
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_id: self.parent_id,
            name: self.name,
            kind: self.kind.into(),
            component: self.component,
            method: self.method,
            start: self.start.0,
        }
    }
}

#[derive(Deserialize)]
struct Line {
    trace_id: TraceId,
    span_id: SpanId,
    parent_id: Option<SpanId>,
    local_root: bool,
    name: String,
    kind: String,
    component: String,
    method: String,
    start: Time,
    /// Told more finely by the duration.
    #[serde(rename = "end")]
    _end: Time,
    duration_ms: f64,
    #[serde(deserialize_with = "status")]
    status: Status,
    error: Option<ErrorLine>,
    attributes: Pairs,
    events: Vec<EventLine>,
    #[serde(default)]
    trace: TraceLine,
    #[serde(default)]
    lost: LostLine,
}

#[derive(Deserialize)]
struct ErrorLine {
    #[serde(rename = "type")]
    kind: String,
    message: Option<String>,
    sources: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct EventLine {
    name: String,
    time: Time,
    attributes: Pairs,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TraceLine {
    workflow_name: Option<String>,
    group_id: Option<String>,
    metadata: Pairs,
    tracestate: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LostLine {
    dropped_events: u32,
}

impl Line {
    fn into_span(self) -> Result<FinishedSpan, LineFault> {
        let duration = Duration::try_from_secs_f64(self.duration_ms / 1_000.0).map_err(|_| {
            let message = format!("`duration_ms` is {}, which is no duration", self.duration_ms);
            LineFault::Malformed { message, column: 0 }
        })?;
        let mut span = FinishedSpan::builder(self.kind, self.component)
            .trace_id(self.trace_id)
            .span_id(self.span_id)
            .parent_id(self.parent_id)
            .local_root(self.local_root)
            .name(self.name)
            .method(self.method)
            .start(self.start.0)
            .lasting(duration)
            .attributes(|attributes| self.attributes.set_on(attributes))
            .dropped_events(self.lost.dropped_events);
        for event in self.events {
            span = span.event(event.name, event.time.0, |own| event.attributes.set_on(own));
        }
        if let Some(error) = self.error {
            span = match error.message {
                Some(message) => span.error(error.kind, message),
                None => span.error_type(error.kind),
            };
            span = span.error_sources(error.sources.unwrap_or_default());
        }
        Ok(self.trace.say_on(span).status(self.status).build())
    }
}

impl TraceLine {
    fn say_on(self, mut span: FinishedSpanBuilder) -> FinishedSpanBuilder {
        if let Some(name) = self.workflow_name {
            span = span.workflow_name(name);
        }
        if let Some(id) = self.group_id {
            span = span.group_id(id);
        }
        for (key, value) in self.metadata.0 {
            span = span.metadata(key, value);
        }
        match self.tracestate {
            Some(state) => span.trace_state(TraceState::parse(&state)),
            None => span,
        }
    }
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
    let word = Cow::<'de, str>::deserialize(deserializer)?;
    [Status::Unset, Status::Ok, Status::Error, Status::Cancelled, Status::Stale]
        .into_iter()
        .find(|status| status.as_str() == word)
        .ok_or_else(|| de::Error::custom(format_args!("`{}` is no status", word.escape_debug())))
}

/// A wall time.
struct Time(SystemTime);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        time::parse(&text)
            .map(Self)
            .ok_or_else(|| de::Error::custom(format_args!("`{}` is no time", text.escape_debug())))
    }
}

/// An object in the order in which it was written.
#[derive(Default)]
struct Pairs(Vec<(String, Json)>);

impl Pairs {
    fn set_on(self, attributes: &mut Attributes) {
        attributes.extend(self.0);
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

//! The format of trace files: one JSON object a line.

use std::{
    fmt, fs, io,
    path::Path,
    str,
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

use super::{Fault, ReadSpans, time};

/// The version of the format that is understood.
const VERSION: u32 = 1;

/// Reads a file that the `file` sink wrote; see [`json_lines`].
///
/// # Errors
///
/// When the file cannot be read at all.
pub fn file(path: impl AsRef<Path>) -> io::Result<ReadSpans> {
    fs::read(path).map(json_lines)
}

/// Reads spans in the format of trace files, which `docs/file-format.md` describes.
///
/// Lines that cannot be read, and one at the end without a line feed, become
/// [faults](ReadSpans::faults); lines of another type than `span` are skipped.
///
/// Everything that a line says comes back, but for what was lost before the span was written:
/// [`losses`](FinishedSpan::losses) are not counted anew. Floats that are not finite stay the
/// strings that the format has for them.
pub fn json_lines(text: impl AsRef<[u8]>) -> ReadSpans {
    let (mut spans, mut faults) = (Vec::new(), Vec::new());
    for (line, number) in text.as_ref().split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let mut fault = |reason| faults.push(Fault { what: "line", number, reason });
        let Some((b'\n', line)) = line.split_last() else {
            fault("it does not end in a line feed".to_owned());
            continue;
        };
        match read_line(line) {
            Ok(span) => spans.extend(span),
            Err(reason) => fault(reason),
        }
    }
    ReadSpans::new(spans, faults)
}

fn read_line(line: &[u8]) -> Result<Option<FinishedSpan>, String> {
    let line = str::from_utf8(line).map_err(|error| format!("not UTF-8: {error}"))?;
    let head: Head<'_> = parse(line)?;
    if head.kind != "span" {
        return Ok(None);
    }
    if head.v != VERSION {
        return Err(format!("version {} of the format; only {VERSION} is known", head.v));
    }
    parse::<Line>(line)?.into_span().map(Some)
}

fn parse<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| {
        // It counts lines itself, and each time there is but one.
        let text = error.to_string();
        let said = text.split(" at line 1 column ").next().unwrap_or(&text);
        format!("{said} (column {})", error.column())
    })
}

/// What is looked at first, as the rest follows from it.
#[derive(Deserialize)]
struct Head<'a> {
    v: u32,
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
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
    /// Given more finely by the duration.
    #[serde(rename = "end")]
    _end: Time,
    duration_ms: f64,
    status: String,
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
    fn into_span(self) -> Result<FinishedSpan, String> {
        let duration = Duration::try_from_secs_f64(self.duration_ms / 1_000.0)
            .map_err(|_| format!("`duration_ms` is {}, which is no duration", self.duration_ms))?;
        let status = status(&self.status)
            .ok_or_else(|| format!("unknown status `{}`", self.status.escape_debug()))?;
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
        Ok(self.trace.say_on(span).status(status).build())
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

fn status(word: &str) -> Option<Status> {
    [Status::Unset, Status::Ok, Status::Error, Status::Cancelled, Status::Stale]
        .into_iter()
        .find(|status| status.as_str() == word)
}

/// A wall time.
struct Time(SystemTime);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        time::parse(&text).map(Self).ok_or_else(|| {
            de::Error::custom(format_args!("`{}` is not a time in UTC", text.escape_debug()))
        })
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
        while let Some(key) = map.next_key()? {
            pairs.push((key, map.next_value()?));
        }
        Ok(Pairs(pairs))
    }
}

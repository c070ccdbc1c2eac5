//! Deserialisation of spans from lines.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::Value as Json;

use super::Lost;
use crate::{
    attributes::{Attributes, Key},
    id::{SpanId, TraceId},
    kind::Kind,
    naming::NamePattern,
    propagation::{SpanContext, TraceState},
    span::{
        ComponentInfo, FinishedSpan, LocalRoot, SpanHead, StartedSpan, Status, TraceData, TraceInfo,
    },
    time::Timestamp,
};

/// Deserialises a line of version 1 or 2.
impl<'de> Deserialize<'de> for FinishedSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = SpanLine::deserialize(deserializer)?;
        let duration = Duration::try_from_secs_f64(line.duration_ms / 1_000.0).map_err(|_| {
            de::Error::custom(format_args!("invalid `duration_ms`: {}", line.duration_ms))
        })?;
        let mut span = Self::builder(line.kind, line.component)
            .trace_id(line.trace_id)
            .span_id(line.span_id)
            .parent_id(line.parent_id)
            .local_root(line.local_root)
            .name(line.name)
            .method(line.method)
            .start(line.started_at.into())
            // More precise than the end, which has microseconds.
            .lasting(duration)
            .attributes(|attributes| attributes.extend(line.attributes.0))
            .losses(line.lost.of_attributes())
            .dropped_events(line.lost.dropped_events);
        for EventLine { name, time, attributes } in line.events {
            span = span.event(name, time.into(), |own| own.extend(attributes.0));
        }
        for LinkLine { trace_id, span_id, sampled, tracestate, attributes } in line.links {
            let mut context = match span_id {
                Some(span_id) => SpanContext::new(trace_id, span_id),
                None => SpanContext::of_trace(trace_id),
            };
            if let Some(sampled) = sampled {
                context = context.with_sampled(sampled);
            }
            if let Some(state) = tracestate {
                context = context.with_trace_state(TraceState::parse(&state));
            }
            span = span.link(context, |own| own.extend(attributes.0));
        }
        if line.lost.dropped_links > 0 {
            span = span.dropped_links(line.lost.dropped_links);
        }
        let error = line.error.or_else(|| {
            let kind = line.error_type?;
            Some(ErrorLine { kind, message: line.error_message, sources: line.error_sources })
        });
        if let Some(ErrorLine { kind, message, sources }) = error {
            span = match message {
                Some(message) => span.error(kind, message),
                None => span.error_type(kind),
            };
            span = span.error_sources(sources.unwrap_or_default());
        }
        let trace = line.trace.unwrap_or(TraceLine {
            workflow_name: line.workflow_name,
            group_id: line.group_id,
            metadata: line.metadata,
            tracestate: line.tracestate,
        });
        if let Some(name) = trace.workflow_name {
            span = span.workflow_name(name);
        }
        if let Some(id) = trace.group_id {
            span = span.group_id(id);
        }
        for (key, value) in trace.metadata.0 {
            span = span.metadata(key, value);
        }
        if let Some(state) = trace.tracestate {
            span = span.trace_state(TraceState::parse(&state));
        }
        Ok(span.status(line.status).build())
    }
}

/// Deserialises a line of version 1 or 2.
impl<'de> Deserialize<'de> for StartedSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = StartLine::deserialize(deserializer)?;
        let local_root = line.local_root.unwrap_or(line.parent_id.is_none());
        let kind = Kind::from(line.kind);
        let itself = || {
            LocalRoot::new(
                line.span_id,
                line.parent_id,
                kind.clone(),
                line.component.as_str().into(),
            )
        };
        let trace = TraceData {
            id: line.trace_id,
            naming: NamePattern::Default,
            state: TraceState::default(),
            info: TraceInfo {
                workflow_name: line.workflow_name.map(Key::from),
                group_id: line.group_id.map(Key::from),
                ..TraceInfo::default()
            },
            root: local_root.then(itself),
        };
        let head = SpanHead {
            span_id: line.span_id,
            parent_id: line.parent_id,
            trace: trace.into(),
            component: Arc::new(ComponentInfo { kind, name: line.component.into() }),
            method: line.method.into(),
            name: Some(Box::new(Key::from(line.name))),
            start: line.started_at,
            local_root,
            has_children: false,
        };
        Ok(Self::from_parts(head, Attributes::new()))
    }
}

#[derive(Deserialize)]
struct StartLine {
    trace_id: TraceId,
    span_id: SpanId,
    parent_id: Option<SpanId>,
    #[serde(default)]
    local_root: Option<bool>,
    name: String,
    kind: String,
    component: String,
    method: String,
    #[serde(alias = "start")]
    started_at: Timestamp,
    workflow_name: Option<String>,
    group_id: Option<String>,
}

#[derive(Deserialize)]
struct SpanLine {
    trace_id: TraceId,
    span_id: SpanId,
    parent_id: Option<SpanId>,
    local_root: bool,
    name: String,
    kind: String,
    component: String,
    method: String,
    #[serde(alias = "start")]
    started_at: Timestamp,
    #[serde(rename = "ended_at", alias = "end")]
    _ended_at: Timestamp,
    duration_ms: f64,
    #[serde(deserialize_with = "status")]
    status: Status,
    error_type: Option<String>,
    error_message: Option<String>,
    error_sources: Option<Vec<String>>,
    /// The error in version 1.
    error: Option<ErrorLine>,
    attributes: Pairs,
    events: Vec<EventLine>,
    #[serde(default)]
    links: Vec<LinkLine>,
    workflow_name: Option<String>,
    group_id: Option<String>,
    #[serde(default)]
    metadata: Pairs,
    tracestate: Option<String>,
    /// Facts about the trace in version 1.
    trace: Option<TraceLine>,
    #[serde(default)]
    lost: Lost,
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
    time: Timestamp,
    attributes: Pairs,
}

#[derive(Deserialize)]
struct LinkLine {
    trace_id: TraceId,
    span_id: Option<SpanId>,
    sampled: Option<bool>,
    tracestate: Option<String>,
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

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
    Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

/// Fields of an object, in the order they were written.
#[derive(Default)]
struct Pairs(Vec<(String, Json)>);

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

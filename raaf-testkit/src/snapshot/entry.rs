//! Entries of a snapshot: the facts about each span, in the snapshot's order and with its ids.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, SystemTime},
};

use raaf_trace_model::{
    attributes::{Attributes, ValueRef},
    id::TraceId,
    span::{Event, FinishedSpan},
};
use serde_json::Value as Json;

use super::{Options, order};
use crate::tree::{Spans, label, quoted};

/// Text that replaces values which differ from run to run.
const REDACTED: &str = "[redacted]";

/// One span of a snapshot.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its place among the spans.
    pub(super) index: usize,
    pub(super) depth: usize,
    /// Its number, and that of the one around it, from one.
    pub(super) id: usize,
    pub(super) parent: Option<usize>,
    /// The number of its trace, where there are several.
    pub(super) trace: Option<usize>,
    pub(super) attributes: BTreeMap<String, Shown>,
    pub(super) events: Vec<(String, BTreeMap<String, Shown>)>,
    /// Facts about the whole trace, on local roots only.
    pub(super) metadata: BTreeMap<String, Shown>,
    /// From the start of the first span.
    pub(super) start: Duration,
}

/// A value as it is shown.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    Value(Json),
    Redacted,
}

impl Shown {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Value(Json::String(text)) => quoted(text),
            Self::Value(value) => value.to_string(),
            Self::Redacted => REDACTED.to_owned(),
        }
    }

    pub(super) fn json(&self) -> Json {
        match self {
            Self::Value(value) => value.clone(),
            Self::Redacted => Json::from(REDACTED),
        }
    }
}

/// The spans as a snapshot with these options shows them.
pub(super) fn entries(spans: &Spans, options: &Options) -> Vec<Entry> {
    let all = spans.all();
    // Without ids, since these follow from the order that is to be found.
    let own: Vec<_> = all.iter().map(|span| own_text(span, options)).collect();
    let walk = order::in_order(spans, options, &own);
    let ids = Ids::of(all, &walk);
    let first = all.iter().map(FinishedSpan::start_time).min();
    let mut numbers = vec![0; all.len()];
    let mut entries = Vec::with_capacity(walk.len());
    for (&(depth, index), id) in walk.iter().zip(1..) {
        numbers[index] = id;
        let span = &all[index];
        let root = span.is_local_root();
        entries.push(Entry {
            index,
            depth,
            id,
            parent: spans.tree().parent_index(index).map(|parent| numbers[parent]),
            trace: ids.trace(span),
            attributes: attributes(span.attributes().stored(), options, &ids),
            events: events(span)
                .map(|event| {
                    let shown = attributes(event.attributes(), options, &ids);
                    (event.name().to_owned(), shown)
                })
                .collect(),
            metadata: if root {
                attributes(span.trace().metadata(), options, &ids)
            } else {
                BTreeMap::new()
            },
            start: since(first, span.start_time()),
        });
    }
    entries
}

fn since(first: Option<SystemTime>, time: SystemTime) -> Duration {
    first.and_then(|first| time.duration_since(first).ok()).unwrap_or_default()
}

/// Events, without those that only say the span's error again.
fn events(span: &FinishedSpan) -> impl Iterator<Item = &Event> {
    let failed = span.error().is_some();
    span.events().filter(move |event| !(failed && event.name() == "exception"))
}

fn attributes(attributes: &Attributes, options: &Options, ids: &Ids) -> BTreeMap<String, Shown> {
    let is =
        |patterns: &[super::Pattern], key| patterns.iter().any(|pattern| pattern.holds_for(key));
    let kept = attributes.iter().filter(|(key, _)| !is(&options.left_out, key));
    kept.map(|(key, value)| {
        let shown = if is(&options.redacted, key) { Shown::Redacted } else { ids.shown(value) };
        (key.to_owned(), shown)
    })
    .collect()
}

/// All that decides a span's order among those that ran beside it.
fn own_text(span: &FinishedSpan, options: &Options) -> String {
    let none = Ids::default();
    let mut text = label(span.kind().as_str(), span.component_name(), span.method());
    text.push_str(span.status().as_str());
    if let Some(error) = span.error() {
        text.extend([error.kind(), error.message().unwrap_or_default()]);
    }
    let mut add = |attributes: BTreeMap<String, Shown>| {
        for (key, value) in attributes {
            text.extend([" ", &key, "=", &value.text()]);
        }
    };
    add(attributes(span.attributes().stored(), options, &none));
    for event in events(span) {
        add(attributes(event.attributes(), options, &none));
    }
    text
}

/// The numbers that stand for ids.
#[derive(Default)]
struct Ids {
    texts: HashMap<String, String>,
    traces: HashMap<TraceId, usize>,
}

impl Ids {
    fn of(all: &[FinishedSpan], walk: &[(usize, usize)]) -> Self {
        let mut ids = Self::default();
        for (&(_, index), number) in walk.iter().zip(1..) {
            let span = &all[index];
            let next = ids.traces.len() + 1;
            let trace = *ids.traces.entry(span.trace_id()).or_insert(next);
            let (id, of) = (span.span_id(), span.trace_id());
            for text in [id.text(), id.hex()] {
                ids.texts.entry(text.to_string()).or_insert_with(|| format!("s{number}"));
            }
            for text in [of.text(), of.hex()] {
                ids.texts.entry(text.to_string()).or_insert_with(|| format!("t{trace}"));
            }
        }
        ids
    }

    fn trace(&self, span: &FinishedSpan) -> Option<usize> {
        let several = self.traces.len() > 1;
        self.traces.get(&span.trace_id()).copied().filter(|_| several)
    }

    fn shown(&self, value: ValueRef<'_>) -> Shown {
        if let ValueRef::Str(text) = value
            && let Some(id) = self.texts.get(text)
        {
            return Shown::Value(Json::from(id.as_str()));
        }
        Shown::Value(
            serde_json::to_value(value).unwrap_or_else(|error| Json::from(error.to_string())),
        )
    }
}

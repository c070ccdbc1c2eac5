//! Translates spans of kinds without a form of their own.

use raaf_trace_model::{
    Kind, keys,
    naming::distinct_method,
    span::{Event, FinishedSpan},
    time::Rfc3339,
};
use serde_json::{Map, Value as Json, json};

use super::{
    super::{
        fit::{self, MAX_DATA},
        wire::Data,
    },
    read,
};

/// Name of events that only repeat the span's error.
const EXCEPTION: &str = "exception";

/// Returns the facts about the span that no other field contains.
pub(super) fn of(span: &FinishedSpan) -> Data<'_> {
    let all = span.attributes();
    let mut data = Map::new();
    if *span.kind() != Kind::Custom {
        data.insert(keys::COMPONENT_TYPE.to_owned(), span.kind().as_str().into());
    }
    if let Some(method) = distinct_method(span.component_name(), span.method()) {
        data.insert(keys::COMPONENT_METHOD.to_owned(), method.into());
    }
    let derived = [keys::RESULT_TYPE, keys::RESULT_SUCCESS];
    let derived = derived.into_iter().filter_map(|key| Some((key, all.get(key)?)));
    for (key, value) in derived.chain(all.stored().iter()) {
        data.insert(key.to_owned(), read::json(value));
    }
    let events: Vec<Json> =
        span.events().filter(|event| event.name() != EXCEPTION).map(shown).collect();
    if !events.is_empty() {
        data.entry("events").or_insert(Json::Array(events));
    }
    Data::Custom { name: span.component_name(), data: fit::json(Json::Object(data), MAX_DATA) }
}

fn shown(event: &Event) -> Json {
    let attributes = event.attributes().iter();
    let attributes: Map<String, Json> =
        attributes.map(|(key, value)| (key.to_owned(), read::json(value))).collect();
    let time = Rfc3339::new(event.time()).with_numeric_offset().to_string();
    json!({"name": event.name(), "time": time, "attributes": attributes})
}

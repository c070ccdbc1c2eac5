//! Translates errors.

use std::borrow::Cow;

use raaf_trace_model::{
    Kind,
    attributes::ValueRef,
    keys,
    span::{FinishedSpan, SpanError, Status},
};
use serde_json::{Map, Value as Json};

use super::{
    super::{
        fit::{self, MAX_CONTENT},
        wire::Error,
    },
    read::{self, Read},
};

/// Returns the span's error, if it failed.
pub(super) fn of(span: &FinishedSpan) -> Option<Error<'_>> {
    let fallback = match span.status() {
        Status::Error => "failed",
        Status::Cancelled => "cancelled",
        Status::Stale => "never finished",
        _ => return None,
    };
    let mut data = Map::new();
    let Some(error) = span.error() else {
        data.insert("status".to_owned(), span.status().as_str().into());
        return Some(Error { message: fallback.into(), data });
    };
    let read = Read::new(span);
    if *span.kind() == Kind::Tool {
        let name = read.text(keys::TOOL_NAME).unwrap_or(span.component_name());
        data.insert("tool_name".to_owned(), name.into());
        data.insert("error".to_owned(), innermost(error).into());
    } else if let Some((name, value)) = stop(read) {
        data.insert(name.to_owned(), read::json(value));
    } else {
        let whole = with_causes(error).unwrap_or_else(|| message(error));
        data.insert("error".to_owned(), whole.into());
    }
    Some(Error { message: message(error), data })
}

/// Returns what stopped an agent, where the SDK names it instead of the error.
fn stop(read: Read<'_>) -> Option<(&'static str, ValueRef<'_>)> {
    let (name, key) = match read.text(keys::AGENT_STOP_REASON)? {
        "max_turns" => ("max_turns", keys::AGENT_MAX_TURNS),
        "guardrail" => ("guardrail", keys::GUARDRAIL_NAME),
        _ => return None,
    };
    Some((name, read.value(key)?))
}

fn message(error: &SpanError) -> Cow<'_, str> {
    fit::text(error.message().unwrap_or(error.kind()), MAX_CONTENT)
}

/// Returns the messages of the error and its sources; `None` if messages are left out.
pub(super) fn with_causes(error: &SpanError) -> Option<Cow<'_, str>> {
    error.with_causes().map(|text| match text {
        Cow::Borrowed(text) => fit::text(text, MAX_CONTENT),
        Cow::Owned(text) => Cow::Owned(fit::text(&text, MAX_CONTENT).into_owned()),
    })
}

/// Returns the innermost source.
fn innermost(error: &SpanError) -> Cow<'_, str> {
    let last = error.sources().and_then(Json::as_array).and_then(|chain| chain.last()?.as_str());
    last.map_or_else(|| message(error), |text| fit::text(text, MAX_CONTENT))
}

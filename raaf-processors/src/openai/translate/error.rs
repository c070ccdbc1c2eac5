//! Translates errors.

use std::borrow::Cow;

use raaf_trace_model::{
    Kind, keys,
    span::{FinishedSpan, SpanError, Status},
};
use serde_json::{Map, Value as Json};

use super::{
    super::{
        fit::{self, MAX_CONTENT},
        wire::Error,
    },
    read::Read,
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
    data.insert("type".to_owned(), error.kind().into());
    if let Some(chain) = error.sources() {
        data.insert("chain".to_owned(), fit::json(chain.clone(), MAX_CONTENT));
    }
    if *span.kind() == Kind::Tool {
        let name = Read::new(span).text(keys::TOOL_NAME).unwrap_or(span.component_name());
        data.insert("tool_name".to_owned(), name.into());
        data.insert("error".to_owned(), innermost(error).into());
    }
    Some(Error { message: message(error), data })
}

fn message(error: &SpanError) -> Cow<'_, str> {
    fit::text(error.message().unwrap_or(error.kind()), MAX_CONTENT)
}

/// Returns the messages of the error and its sources; `None` if messages are left out.
pub(super) fn with_causes(error: &SpanError) -> Option<Cow<'_, str>> {
    let message = error.message()?;
    let Some(causes) = error.sources().and_then(Json::as_array) else {
        return Some(fit::text(message, MAX_CONTENT));
    };
    // A wrapper whose message ends in that of its source would repeat it.
    let whole = causes.iter().filter_map(Json::as_str).fold(message.to_owned(), |text, cause| {
        if text.ends_with(cause) { text } else { format!("{text}: {cause}") }
    });
    Some(Cow::Owned(fit::text(&whole, MAX_CONTENT).into_owned()))
}

/// Returns the innermost source.
fn innermost(error: &SpanError) -> Cow<'_, str> {
    let last = error.sources().and_then(Json::as_array).and_then(|chain| chain.last()?.as_str());
    last.map_or_else(|| message(error), |text| fit::text(text, MAX_CONTENT))
}

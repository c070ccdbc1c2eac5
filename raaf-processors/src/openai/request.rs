//! Encodes spans as the body of a request.

use std::collections::HashSet;

use raaf_trace_model::{id::TraceId, sink::ExportError, span::FinishedSpan};

use super::{
    sent::Sent,
    translate,
    wire::{Body, Item},
};

/// Body of a request, and the traces whose objects are in it.
pub(super) struct Request {
    pub(super) body: Vec<u8>,
    pub(super) traces: HashSet<TraceId>,
}

/// Encodes a request for these spans; `None` if nothing of them is sent. A trace has its object in
/// the first request with one of its spans.
pub(super) fn encode(spans: &[&FinishedSpan], sent: &Sent) -> Result<Option<Request>, ExportError> {
    let mut data = Vec::with_capacity(spans.len() + 1);
    let mut traces = HashSet::new();
    for span in spans {
        let id = span.trace_id();
        let is_ours = !translate::is_continued(span) && !sent.contains(id);
        if is_ours && traces.insert(id) {
            data.push(Item::Trace(translate::trace(span)));
        }
        data.extend(translate::span(span).map(Box::new).map(Item::Span));
    }
    if data.is_empty() {
        return Ok(None);
    }
    let body = serde_json::to_vec(&Body { data }).map_err(|error| {
        ExportError::permanent(format!("a span cannot be encoded as JSON: {error}"))
    })?;
    Ok(Some(Request { body, traces }))
}

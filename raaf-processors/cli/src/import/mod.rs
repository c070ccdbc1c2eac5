//! Traces of other programs, as spans.

mod openai;

use std::collections::VecDeque;

use raaf_testkit::read;
use raaf_trace_model::span::FinishedSpan;
use serde_json::Value as Json;

/// Reads a request of OTLP in JSON, or one that OpenAI's Agents SDK sends.
///
/// # Errors
///
/// The reason why it is neither.
pub(crate) fn spans(body: &Json) -> Result<Vec<FinishedSpan>, String> {
    if body.get("resourceSpans").is_some() {
        let read = read::otlp_json(body.to_string()).map_err(|fault| fault.to_string())?;
        return Ok(read.as_written().to_vec());
    }
    match body["data"].as_array() {
        Some(items) => openai::spans(items),
        None => {
            Err("it has neither `resourceSpans` (OTLP) nor `data` (OpenAI's Agents SDK)".to_owned())
        }
    }
}

/// Traces that OpenAI's Agents SDK has begun: it sends a trace at its start, and spans when they end.
#[derive(Debug, Default)]
pub(crate) struct Begun(VecDeque<Json>);

/// Number of traces that are remembered.
const BEGUN: usize = 1_000;

impl Begun {
    /// Reads what OpenAI's Agents SDK sends.
    ///
    /// # Errors
    ///
    /// The reason why it is no such request.
    pub(crate) fn ingest(&mut self, body: &Json) -> Result<Vec<FinishedSpan>, String> {
        let items = body["data"].as_array().ok_or("it has no list `data`")?;
        let spans = openai::spans_of(items, self.0.iter())?;
        for trace in items.iter().filter(|item| item["object"] == "trace") {
            if self.0.len() == BEGUN {
                self.0.pop_front();
            }
            self.0.push_back(trace.clone());
        }
        Ok(spans)
    }
}

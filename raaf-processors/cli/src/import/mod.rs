//! Traces of other programs, as spans.

mod openai;
pub(crate) mod otlp;

use std::collections::VecDeque;

use raaf_trace_model::span::FinishedSpan;
use serde_json::Value as Json;

/// Spans that were read, and reasons why others were not.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) spans: Vec<FinishedSpan>,
    pub(crate) faults: Vec<String>,
}

/// Requests of several files. Those of OpenAI's Agents SDK are read together at the end: a trace is in one
/// of them, and its spans may be in others.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    items: Vec<Json>,
}

impl Requests {
    /// Reads a request of OTLP in JSON, or one that OpenAI's Agents SDK sends, or several in a list.
    ///
    /// # Errors
    ///
    /// The reason why it is neither.
    pub(crate) fn read(&mut self, body: Json) -> Result<Imported, String> {
        if body.get("resourceSpans").is_some() {
            return otlp::json(body);
        }
        if let Some("trace" | "trace.span") = body["object"].as_str() {
            self.items.push(body);
            return Ok(Imported::default());
        }
        match body {
            Json::Array(all) => {
                let mut imported = Imported::default();
                for (one, number) in all.into_iter().zip(1..) {
                    match self.read(one) {
                        Ok(mut read) => {
                            imported.spans.append(&mut read.spans);
                            imported.faults.append(&mut read.faults);
                        }
                        Err(reason) => imported.faults.push(format!("item {number}: {reason}")),
                    }
                }
                Ok(imported)
            }
            Json::Object(mut body) => match body.remove("data") {
                Some(Json::Array(mut items)) => {
                    self.items.append(&mut items);
                    Ok(Imported::default())
                }
                _ => Err(NEITHER.to_owned()),
            },
            _ => Err(NEITHER.to_owned()),
        }
    }

    /// Returns the spans of OpenAI's Agents SDK.
    pub(crate) fn finish(self) -> Imported {
        openai::all(&self.items)
    }
}

const NEITHER: &str = "it has neither `resourceSpans` (OTLP) nor `data` (OpenAI's Agents SDK)";

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

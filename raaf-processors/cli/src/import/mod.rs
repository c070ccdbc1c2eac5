//! Traces of other programs, as spans.

mod openai;
pub(crate) mod otlp;

use std::collections::{HashMap, VecDeque, hash_map::Entry};

use raaf_trace_model::{id::TraceId, span::FinishedSpan};
use serde_json::Value as Json;

/// Spans that were read, and reasons why others were not.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) spans: Vec<FinishedSpan>,
    pub(crate) faults: Vec<String>,
}

/// Reads requests of several files. Those of OpenAI's Agents SDK are read together at the end, since a trace
/// and its spans can be in different requests.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    items: Vec<Json>,
}

impl Requests {
    /// Reads a request of OTLP in JSON, or one that OpenAI's Agents SDK sends, or several in a list.
    ///
    /// # Errors
    ///
    /// Returns the reason if the body is none of these.
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
pub(crate) struct Begun {
    all: HashMap<TraceId, openai::Begun>,
    order: VecDeque<TraceId>,
}

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
        let spans = openai::spans_of(items, &self.all)?;
        for trace in items.iter().filter(|item| item["object"] == "trace") {
            if let Some(id) = openai::trace_id(trace, "id") {
                self.begin(id, trace);
            }
        }
        for span in &spans {
            if let Some(begun) = self.all.get_mut(&span.trace_id()) {
                begun.times = Some(openai::with(begun.times, span));
            }
        }
        Ok(spans)
    }

    fn begin(&mut self, id: TraceId, trace: &Json) {
        match self.all.entry(id) {
            Entry::Occupied(mut known) => known.get_mut().trace = trace.clone(),
            Entry::Vacant(free) => {
                free.insert(openai::Begun { trace: trace.clone(), times: None });
                self.order.push_back(id);
            }
        }
        if self.order.len() > BEGUN
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trace_in_several_requests_has_a_root_as_long_as_all_of_them() {
        const TRACE: &str = "trace_6f5f50ba94314747a180a44c02365ab1";
        let span = |id: u32, parent: Option<&str>, from: u32, to: u32| {
            json!({
                "object": "trace.span", "id": format!("span_{id:024x}"), "trace_id": TRACE,
                "parent_id": parent, "span_data": { "type": "agent", "name": "A" },
                "started_at": format!("2026-11-22T06:24:{from:02}+00:00"),
                "ended_at": format!("2026-11-22T06:24:{to:02}+00:00"),
            })
        };
        let top = format!("span_{:024x}", 1);
        let mut begun = Begun::default();
        let mut sent = |items: Json| {
            let spans = begun.ingest(&json!({ "data": items })).unwrap();
            let roots = spans.iter().filter(|span| span.parent_id().is_none());
            roots.map(|root| root.duration().as_secs()).collect::<Vec<_>>()
        };
        let trace = json!({ "object": "trace", "id": TRACE, "workflow_name": "W" });
        assert_eq!(sent(json!([trace, span(2, Some(&top), 1, 2)])), [0; 0]);
        assert_eq!(sent(json!([span(3, Some(&top), 3, 4)])), [0; 0]);
        assert_eq!(sent(json!([span(1, None, 0, 5)])), [5]);
        assert_eq!(sent(json!([span(4, None, 7, 9)])), [9]);
    }
}

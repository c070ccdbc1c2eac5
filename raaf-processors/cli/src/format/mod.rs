//! Traces in other formats.

pub(crate) mod chrome;
pub(crate) mod content;
pub(crate) mod csv;
pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod mermaid;
pub(crate) mod otlp;

use raaf_trace_model::span::Record;

use crate::state::State;

/// Returns what a node shows: kind, component, and the method unless it is `run`.
pub(crate) fn title(record: &Record) -> String {
    let (kind, component) = (record.kind().as_str(), record.component_name());
    match record.method() {
        "run" => format!("{kind} {component}"),
        method => format!("{kind} {component}.{method}"),
    }
}

/// Returns the status of a record in a word.
pub(crate) fn status(record: &Record) -> &'static str {
    State::of_record(record).as_str()
}

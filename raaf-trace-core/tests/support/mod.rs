//! Spans as lines of text, for tests of what a single span says.

use std::fmt::Write as _;

use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, Status, TracerProvider, sink::SimpleProcessor,
};

/// A provider of its own for each test, and the spans that reached it.
pub(crate) struct Seen {
    pub(crate) provider: TracerProvider,
    memory: MemoryExporter,
}

impl Seen {
    pub(crate) fn new() -> Self {
        let memory = MemoryExporter::new();
        let provider = TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
        Self { provider, memory }
    }

    /// A component whose traces are seen here.
    pub(crate) fn tool(&self) -> Component {
        Component::tool("Tool").with_provider(&self.provider)
    }

    /// Returns a line for each span that ended since the last call, in the order of their ends.
    pub(crate) fn take(&self) -> Vec<String> {
        self.memory.take().iter().map(line).collect()
    }
}

/// `method key=value content*=value: ok ResultType`, or how else it ended.
fn line(span: &FinishedSpan) -> String {
    let mut line = span.method().to_owned();
    for entry in span.attributes().stored().entries() {
        let mark = if entry.is_content() { "*" } else { "" };
        let _ = write!(line, " {}{mark}={}", entry.key(), entry.value());
    }
    let _ = write!(line, ": {}", span.status());
    match (span.status(), span.error()) {
        (Status::Ok, _) => {
            let result = span.attributes().get("result.type").map(|name| name.to_string());
            let _ = write!(line, " {}", result.unwrap_or_default());
        }
        (_, Some(error)) => {
            let _ = write!(line, " {}: {}", error.kind(), error.message().unwrap_or_default());
        }
        _ => {}
    }
    line
}

//! Shared code of the tests of failure texts.
#![allow(dead_code, reason = "each test uses a part")]

use raaf_testkit::{Capture, Expected, Spans};
use raaf_trace_core::{Component, Traceable as _};

pub(crate) fn call(component: &Component, inside: impl FnOnce()) {
    component.in_span("run", inside);
}

/// A pipeline over an agent with a failing tool, and an agent with none.
pub(crate) fn data() -> Spans {
    let capture = Capture::new();
    let search = Component::tool("search");
    capture.run(|| {
        call(&Component::pipeline("Data"), || {
            call(&Component::agent("Planner"), || {
                let _ = search.traced("run").with("query", "tea").try_in_span(|| "x".parse::<u8>());
            });
            call(&Component::agent("Writer"), || ());
        });
    });
    capture.spans()
}

/// Returns the failure text about spans that must not match.
pub(crate) fn text(expected: &Expected, spans: &Spans) -> String {
    expected.check(spans).err().map(|mismatch| mismatch.to_string()).unwrap_or_default()
}

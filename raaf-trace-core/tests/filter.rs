//! Span filters.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use raaf_trace_core::{
    Component, MemoryExporter, SpanFilter, Status, TraceId, Traceable as _, TracerProvider,
    sink::SimpleProcessor, trace,
};

use std::{io, time::Duration};

/// A failing tool and a good agent in a workflow called `nightly`.
fn recorded() -> MemoryExporter {
    let memory = MemoryExporter::new();
    let processor = SimpleProcessor::new(memory.clone());
    let provider = TracerProvider::builder().with(processor).build();
    provider.run(|| {
        trace("nightly").in_span(|| {
            let failed = Component::tool("Search")
                .traced("look_up")
                .with("size", 3)
                .try_in_span(|| Err::<(), _>(io::Error::other("no such page")));
            assert!(failed.is_err());
            Component::agent("Writer").in_span("run", || ());
        });
    });
    memory
}

fn selected(select: &SpanFilter) -> Vec<String> {
    recorded().select(select).iter().map(|span| span.component_name().to_owned()).collect()
}

#[test]
fn each_property_selects() {
    for (select, expected) in [
        (SpanFilter::kind("tool"), vec!["Search"]),
        (SpanFilter::component("W*r"), vec!["Writer"]),
        (SpanFilter::method("look_up"), vec!["Search"]),
        (SpanFilter::name("run.workflow.tool.*"), vec!["Search"]),
        (SpanFilter::status(Status::Error), vec!["Search"]),
        (SpanFilter::failed(), vec!["Search"]),
        (SpanFilter::attribute("size", 3), vec!["Search"]),
        (SpanFilter::attribute("size", None::<i64>), vec![]),
        (SpanFilter::attribute("component.name", "Writer"), vec!["Writer"]),
        (SpanFilter::workflow("night*"), vec!["Search", "Writer", "nightly"]),
        (SpanFilter::slower_than(Duration::MAX), vec![]),
        (SpanFilter::when(|span| span.parent_id().is_none()), vec!["nightly"]),
        (SpanFilter::all(), vec!["Search", "Writer", "nightly"]),
    ] {
        assert_eq!(selected(&select), expected, "{select:?}");
    }
}

#[test]
fn rules_combine() {
    let tools = SpanFilter::kind("tool");
    assert_eq!(selected(&tools.clone().and(SpanFilter::failed())), ["Search"]);
    assert!(selected(&tools.clone().and(!SpanFilter::failed())).is_empty());
    assert_eq!(selected(&tools.clone().or(SpanFilter::kind("agent"))), ["Search", "Writer"]);
    assert_eq!(selected(&!tools), ["Writer", "nightly"]);
}

#[test]
fn one_trace_is_selected() {
    let memory = recorded();
    let trace = memory.spans()[0].trace_id();
    assert_eq!(memory.select(&SpanFilter::trace(trace)).len(), 3);
    assert!(memory.select(&SpanFilter::trace(TraceId::random())).is_empty());
}

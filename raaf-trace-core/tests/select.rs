//! Span filters.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use raaf_trace_core::{
    Component, MemoryExporter, Select, SimpleProcessor, Status, TraceId, Traceable as _,
    TracerProvider, trace,
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

fn selected(select: &Select) -> Vec<String> {
    recorded().select(select).iter().map(|span| span.component_name().to_owned()).collect()
}

#[test]
fn each_property_selects() {
    for (select, expected) in [
        (Select::kind("tool"), vec!["Search"]),
        (Select::component("W*r"), vec!["Writer"]),
        (Select::method("look_up"), vec!["Search"]),
        (Select::name("run.workflow.tool.*"), vec!["Search"]),
        (Select::status(Status::Error), vec!["Search"]),
        (Select::failed(), vec!["Search"]),
        (Select::attribute("size", 3), vec!["Search"]),
        (Select::attribute("size", None::<i64>), vec![]),
        (Select::attribute("component.name", "Writer"), vec!["Writer"]),
        (Select::workflow("night*"), vec!["Search", "Writer", "nightly"]),
        (Select::slower_than(Duration::MAX), vec![]),
        (Select::when(|span| span.parent_id().is_none()), vec!["nightly"]),
        (Select::all(), vec!["Search", "Writer", "nightly"]),
    ] {
        assert_eq!(selected(&select), expected, "{select:?}");
    }
}

#[test]
fn rules_combine() {
    let tools = Select::kind("tool");
    assert_eq!(selected(&tools.clone().and(Select::failed())), ["Search"]);
    assert!(selected(&tools.clone().and(!Select::failed())).is_empty());
    assert_eq!(selected(&tools.clone().or(Select::kind("agent"))), ["Search", "Writer"]);
    assert_eq!(selected(&!tools), ["Writer", "nightly"]);
}

#[test]
fn one_trace_is_selected() {
    let memory = recorded();
    let trace = memory.spans()[0].trace_id();
    assert_eq!(memory.select(&Select::trace(trace)).len(), 3);
    assert!(memory.select(&Select::trace(TraceId::random())).is_empty());
}

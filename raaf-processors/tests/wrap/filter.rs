use std::sync::{Arc, Mutex};

use raaf_processors::wrap::{WrapExporter as _, WrapProcessor as _};
use raaf_testkit::conformance::check_processor;
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, Select, SimpleProcessor, Span, SpanProcessor,
    TraceableExt as _,
};

use super::{TIMEOUT, components, stats, with};

#[test]
fn only_what_is_meant_comes_through_and_the_rest_is_counted() {
    let memory = MemoryExporter::new();
    let provider = with(memory.clone().batch().filter(Select::kind("tool")));
    provider.run(|| {
        Component::agent("Writer").traced("run").run(|| {
            Component::tool("Search").traced("run").run(|| ());
        });
    });
    provider.force_flush(TIMEOUT).unwrap();
    assert_eq!(components(&memory), ["Search"]);
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered, stats.filtered), (2, 1, 1));
}

#[test]
fn filters_stack() {
    let memory = MemoryExporter::new();
    let simple = SimpleProcessor::new(memory.clone());
    let provider = with(simple.filter(Select::component("S*")).filter(!Select::component("*x")));
    for name in ["Search", "Sox", "Writer"] {
        provider.run(|| Component::tool(name).traced("run").run(|| ()));
    }
    assert_eq!(components(&memory), ["Search"]);
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered, stats.filtered), (3, 1, 2));
}

/// Counts nothing itself.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl SpanProcessor for Heard {
    fn on_start(&self, span: &Span) {
        self.0.lock().unwrap().push(format!("start of {}", span.component().name()));
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.0.lock().unwrap().push(span.component().name().to_owned());
    }
}

#[test]
fn a_filtered_processor_hears_of_ends_only() {
    let heard = Arc::new(Heard::default());
    let provider = with(Arc::clone(&heard).filter(Select::component("A")));
    for name in ["A", "B"] {
        provider.run(|| Component::tool(name).traced("run").run(|| ()));
    }
    assert_eq!(*heard.0.lock().unwrap(), ["A"]);
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered, stats.filtered), (2, 1, 1));
}

#[test]
fn a_filter_that_lets_all_through_is_a_good_processor() {
    check_processor(|| SimpleProcessor::new(MemoryExporter::new()).filter(Select::all()));
    check_processor(|| MemoryExporter::new().batch().filter(!Select::all()));
}

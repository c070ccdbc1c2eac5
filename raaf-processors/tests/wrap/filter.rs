use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use raaf_processors::wrap::{KeepTraces, WrapExporter as _, WrapProcessor as _};
use raaf_testkit::conformance::{check_processor, check_wrapper};
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, SpanExporter, SpanFilter, SpanProcessor,
    Traceable as _, TracerProvider,
    sink::{BatchConfig, ExportError, SimpleProcessor},
    span::StartedSpan,
};

use super::{TIMEOUT, components, stats, with};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(600);

#[test]
fn only_what_is_meant_comes_through_and_the_rest_is_counted() {
    let memory = MemoryExporter::new();
    let provider = with(memory.clone().batch().filter(SpanFilter::kind("tool")));
    provider.run(|| {
        Component::agent("Writer").in_span("run", || {
            Component::tool("Search").in_span("run", || ());
        });
    });
    provider.force_flush(TIMEOUT).unwrap();
    assert_eq!(components(&memory), ["Search"]);
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered, stats.filtered), (2, 1, 1));
}

#[test]
fn wrappers_of_processors_take_exporters_too() {
    let (searches, failures) = (MemoryExporter::new(), MemoryExporter::new());
    let provider = TracerProvider::builder()
        .with(searches.clone().filter(SpanFilter::component("Search")))
        .with(failures.clone().keep_traces(KeepTraces::failed()))
        .build();
    provider.run(|| {
        let _ = Component::tool("Search").try_in_span("run", || "x".parse::<u8>());
        Component::tool("Fetch").in_span("run", || ());
    });
    provider.force_flush(TIMEOUT).unwrap();
    assert_eq!(
        (components(&searches), components(&failures)),
        (vec!["Search".to_owned()], vec!["Search".to_owned()])
    );
}

#[test]
fn filters_stack() {
    let memory = MemoryExporter::new();
    let simple = SimpleProcessor::new(memory.clone());
    let provider =
        with(simple.filter(SpanFilter::component("S*")).filter(!SpanFilter::component("*x")));
    for name in ["Search", "Sox", "Writer"] {
        provider.run(|| Component::tool(name).in_span("run", || ()));
    }
    assert_eq!(components(&memory), ["Search"]);
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered, stats.filtered), (3, 1, 2));
}

/// Counts nothing itself.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl SpanProcessor for Heard {
    fn on_start(&self, span: &mut StartedSpan) {
        self.0.lock().unwrap().push(format!("start of {}", span.component_name()));
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.0.lock().unwrap().push(span.component_name().to_owned());
    }
}

#[test]
fn a_filtered_processor_hears_of_ends_only() {
    let heard = Arc::new(Heard::default());
    let provider = with(Arc::clone(&heard).filter(SpanFilter::component("A")));
    for name in ["A", "B"] {
        provider.run(|| Component::tool(name).in_span("run", || ()));
    }
    assert_eq!(*heard.0.lock().unwrap(), ["A"]);
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered, stats.filtered), (2, 1, 1));
}

#[test]
fn a_filter_that_lets_all_through_is_a_good_processor() {
    check_processor(|| SimpleProcessor::new(MemoryExporter::new()).filter(SpanFilter::all()));
    check_processor(|| MemoryExporter::new().batch().filter(!SpanFilter::all()));
    check_wrapper(|inner| inner.filter(SpanFilter::all()));
}

/// Says when a batch comes.
struct Told(mpsc::Sender<usize>);

impl SpanExporter for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let _ = self.0.send(batch.len());
        Ok(())
    }
}

#[test]
fn d5_what_is_behind_a_wrapper_is_flushed_at_the_end_of_a_root() {
    for tail in [false, true] {
        let (told, batches) = mpsc::channel();
        let batch = Told(told).batch_with(BatchConfig::default().with_flush_interval(LONG));
        let builder = TracerProvider::builder().flush_after_root(true);
        let builder = if tail {
            builder.with(batch.keep_traces(KeepTraces::with(SpanFilter::all())))
        } else {
            builder.with(batch.filter(SpanFilter::kind("tool")))
        };
        let provider = builder.build();
        provider.run(|| Component::tool("Search").in_span("run", || ()));
        assert_eq!(batches.recv_timeout(TIMEOUT), Ok(1), "with tail: {tail}");
    }
}

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use raaf_processors::wrap::{KeepTraces, WrapExporter as _, WrapProcessor as _};
use raaf_testkit::{
    assert_span_tree,
    conformance::{check_processor, check_wrapper},
};
use raaf_trace_core::{
    Component, Context, FinishedSpan, MemoryExporter, SpanContext, SpanExporter, SpanFilter,
    SpanId, SpanProcessor, TraceId, Traceable as _, TracerProvider,
    sink::{BatchConfig, ExportError, SimpleProcessor},
    span::StartedSpan,
    tracer,
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

/// An agent, in it something of another kind, and in that a tool that fails.
fn custom_between() {
    Component::agent("Writer").in_span("run", || {
        Component::new("Cache").with_kind("custom").in_span("run", || {
            let _ = Component::tool("Search").try_in_span("run", || "x".parse::<u8>());
        });
    });
}

#[test]
fn g13_children_of_a_span_that_is_left_out_hang_under_the_nearest_one_that_is_kept() {
    let memory = MemoryExporter::new();
    let provider = with(memory.clone().filter(!SpanFilter::kind("custom")));
    provider.run(custom_between);
    provider.force_flush(TIMEOUT).unwrap();
    assert_span_tree!(memory.spans(), { agent "Writer" { tool "Search".run [status = error] } });
}

#[test]
fn g13_they_do_so_where_it_depends_on_the_ends() {
    let memory = MemoryExporter::new();
    // Of the three, the agent and the tool.
    let select = SpanFilter::failed().or(SpanFilter::when(|span| span.kind().as_str() == "agent"));
    let provider = with(memory.clone().filter(select));
    provider.run(custom_between);
    provider.force_flush(TIMEOUT).unwrap();
    assert_span_tree!(memory.spans(), { agent "Writer" { tool "Search".run [status = error] } });
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered, stats.filtered, stats.queued), (3, 2, 1, 0));
}

#[test]
fn g13_what_hangs_under_nothing_that_is_kept_is_a_root_or_keeps_its_remote_parent() {
    let memory = MemoryExporter::new();
    let provider = with(memory.clone().filter(SpanFilter::kind("tool")));
    provider.run(custom_between);
    let remote = SpanContext::new(TraceId::random(), SpanId::random());
    Context::remote(remote.clone()).with_provider(&provider).run(custom_between);
    provider.force_flush(TIMEOUT).unwrap();
    let spans = memory.spans();
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(FinishedSpan::is_local_root));
    assert_eq!((spans[0].parent_id(), spans[1].parent_id()), (None, remote.span_id()));
}

#[test]
fn g13_a_child_that_outlives_a_span_that_was_left_out_is_no_orphan() {
    let memory = MemoryExporter::new();
    let provider = with(memory.clone().filter(!SpanFilter::kind("custom")));
    provider.run(|| {
        let outer = Component::agent("Writer");
        outer.in_span("run", || {
            let inner = Component::new("Cache").with_kind("custom");
            let context = inner.in_span("run", Context::current);
            context.run(|| Component::tool("Search").in_span("run", || ()));
        });
    });
    provider.force_flush(TIMEOUT).unwrap();
    assert_span_tree!(memory.spans(), { agent "Writer" { tool "Search" } });
}

#[test]
fn g67_a_shutdown_passes_on_what_waits_for_open_spans() {
    let memory = MemoryExporter::new();
    let provider = with(memory.clone().filter(SpanFilter::failed()));
    let open = provider.run(|| tracer().start_span("open"));
    provider.run(|| {
        open.context().run(|| {
            let _ = Component::tool("Search").try_in_span("run", || "x".parse::<u8>());
        });
    });
    provider.force_flush(TIMEOUT).unwrap();
    assert_eq!((memory.len(), stats(&provider).queued), (0, 1));
    provider.shutdown(TIMEOUT).unwrap();
    assert_eq!(components(&memory), ["Search"]);
    assert_eq!(memory.spans()[0].parent_id(), None);
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

//! A processor behind a worker of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use doubles::{LONG, Listener, Log, SHORT, until};
use raaf_trace_core::{
    Component, FinishedSpan, SpanProcessor, Traceable as _, TracerProvider,
    sink::{BatchConfig, Offload, ProcessorError},
    span::StartedSpan,
};
use std::{
    sync::{Mutex, mpsc},
    thread,
};

fn call(name: &str) {
    Component::tool(name).in_span("run", || ());
}

#[test]
fn d1_an_offloaded_processor_hears_all_in_order_on_its_own_thread() {
    struct Elsewhere(Listener, thread::ThreadId);
    impl SpanProcessor for Elsewhere {
        fn name(&self) -> &'static str {
            "elsewhere"
        }
        fn on_start(&self, span: &mut StartedSpan) {
            assert_ne!(thread::current().id(), self.1);
            self.0.on_start(span);
        }
        fn on_end(&self, span: &FinishedSpan) {
            assert_ne!(thread::current().id(), self.1);
            self.0.on_end(span);
        }
    }
    let log = Log::default();
    let elsewhere = Elsewhere(Listener::new("p", &log), thread::current().id());
    let provider = TracerProvider::builder().with(Offload::new(elsewhere)).build();
    provider.run(|| {
        Component::agent("Planner").in_span("run", || call("Search"));
    });
    provider.force_flush(LONG).unwrap();
    let expected = ["p start Planner", "p start Search", "p end Search", "p end Planner"];
    assert_eq!(log.lines(), expected);
    let stats = &provider.stats().processors[0];
    assert_eq!((stats.name.as_str(), stats.panics, stats.queued), ("elsewhere", 0, 0));
    provider.shutdown(LONG).unwrap();
    assert_eq!(log.lines().last().map(String::as_str), Some("p end Planner"));
}

#[test]
fn d1_flush_and_shutdown_reach_an_offloaded_processor() {
    let log = Log::default();
    let provider = TracerProvider::builder().with(Offload::new(Listener::new("p", &log))).build();
    provider.run(|| call("Search"));
    provider.force_flush(LONG).unwrap();
    assert_eq!(log.lines(), ["p start Search", "p end Search", "p flush"]);
    provider.shutdown(LONG).unwrap();
    assert_eq!(log.count("p shutdown"), 1);
}

#[test]
fn d1_an_offloaded_processor_may_block_while_the_program_goes_on() {
    struct Blocking(Mutex<mpsc::Receiver<()>>);
    impl SpanProcessor for Blocking {
        fn name(&self) -> &'static str {
            "blocking"
        }
        fn wants_start(&self) -> bool {
            false
        }
        fn on_end(&self, _: &FinishedSpan) {
            let _ = self.0.lock().unwrap().recv();
        }
    }
    let (release, blocked) = mpsc::channel();
    let config = BatchConfig::default().with_max_spans(10).with_batch_size(1);
    let provider = TracerProvider::builder()
        .with(Offload::with_config(Blocking(blocked.into()), config))
        .build();
    provider.run(|| (0..30).for_each(|_| call("Search")));
    assert!(provider.force_flush(SHORT).is_err());
    let stats = provider.stats().processors[0].clone();
    assert_eq!((stats.received, stats.queued, stats.dropped), (30, 10, 20));
    assert_eq!(stats.slow_calls, 0);
    drop(release);
    until("the rest was heard", || provider.stats().processors[0].delivered == 10);
}

#[test]
fn d1_a_panic_in_an_offloaded_processor_costs_only_that_call() {
    struct Picky(Listener);
    impl SpanProcessor for Picky {
        fn name(&self) -> &'static str {
            "picky"
        }
        fn wants_start(&self) -> bool {
            false
        }
        fn on_end(&self, span: &FinishedSpan) {
            assert!(span.component_name() != "Bad", "cannot stand it");
            self.0.on_end(span);
        }
    }
    let log = Log::default();
    let provider =
        TracerProvider::builder().with(Offload::new(Picky(Listener::new("p", &log)))).build();
    provider.run(|| ["First", "Bad", "Last"].map(call));
    let lost = provider.force_flush(LONG).unwrap_err();
    let error =
        ProcessorError::Failed { message: "panicked: cannot stand it".to_owned(), dropped: 1 };
    assert_eq!(lost.failures()[0].error, error);
    assert_eq!(log.lines(), ["p end First", "p end Last"]);
    let stats = provider.stats().processors[0].clone();
    assert_eq!((stats.received, stats.delivered, stats.dropped, stats.panics), (3, 2, 1, 1));
    assert_eq!(stats.last_error.as_deref(), Some("panicked: cannot stand it"));
}

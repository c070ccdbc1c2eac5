//! The console sink when things go wrong.

#![cfg(feature = "console")]

mod support;

use std::{
    io::{self, Write},
    sync::{Arc, Barrier},
    thread,
};

use raaf_processors::{ConsoleMode, ConsoleSink};
use raaf_trace_core::{MemoryExporter, SpanProcessor as _, TracerProvider, sink::SimpleProcessor};
use support::{Bench, LONG, Output};

/// A writer that does the same at every write.
struct Always<F>(F);

impl<F: FnMut() -> io::Result<usize>> Write for Always<F> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        (self.0)()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn provider(write: impl FnMut() -> io::Result<usize> + Send + 'static) -> TracerProvider {
    let console = ConsoleSink::builder().writer(Always(write)).build();
    TracerProvider::builder().with(console).build()
}

#[test]
fn a_closed_pipe_ends_the_output_quietly() {
    let provider = provider(|| Err(io::ErrorKind::BrokenPipe.into()));
    for _ in 0..3 {
        provider.tracer().start_span("x").finish();
    }
    assert_eq!(provider.force_flush(LONG), Ok(()));
    let stats = &provider.stats().processors[0];
    assert_eq!((stats.received, stats.dropped, &stats.last_error), (3, 3, &None));
    assert_eq!(provider.shutdown(LONG), Ok(()));
}

#[test]
fn d1_a_writer_that_fails_is_named_by_the_flush() {
    let provider = provider(|| Err(io::Error::other("gone")));
    provider.tracer().start_span("x").finish();
    let error = provider.force_flush(LONG).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not everything was delivered: `console` cannot write to the console: gone"
    );
    assert_eq!(provider.force_flush(LONG), Ok(()), "said once");
}

#[test]
fn d1_a_writer_that_panics_harms_nobody() {
    let provider = provider(|| panic!("no paper"));
    for _ in 0..2 {
        provider.tracer().start_span("x").finish();
    }
    let error = provider.force_flush(LONG).unwrap_err().to_string();
    assert!(error.ends_with("the console's writer panicked: no paper"), "{error}");
    assert_eq!(provider.stats().processors[0].dropped, 2);
}

#[test]
fn g67_an_endless_trace_stays_within_bounds() {
    let bench = Bench::new(ConsoleSink::builder().max_spans(10));
    let tracer = bench.tracer();
    let root = tracer.start_span("endless");
    root.in_span(|| {
        for number in 0..1_000 {
            tracer.start_span(number.to_string()).finish();
            assert!(bench.provider.stats().processors[0].queued <= 10);
        }
    });
    root.finish();
    let _ = bench.provider.force_flush(LONG);
    let stats = &bench.provider.stats().processors[0];
    assert_eq!((stats.received, stats.queued), (1_001, 0));
    assert_eq!(stats.delivered + stats.dropped, 1_001);
    let writes = bench.output.writes();
    let lines: usize = writes.iter().map(|text| text.lines().count()).sum();
    let heads = writes.iter().filter(|text| text.contains("(partial")).count();
    assert_eq!((lines - heads) as u64, stats.delivered);
}

#[test]
fn g67_spans_are_dropped_and_counted_while_the_writer_hangs() {
    let (hangs, is_over) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let mut first = Some((Arc::clone(&hangs), Arc::clone(&is_over)));
    let writer = Always(move || {
        if let Some((hangs, is_over)) = first.take() {
            hangs.wait();
            is_over.wait();
        }
        Ok(usize::MAX)
    });
    let writer = WholeWrites(writer);
    let console = ConsoleSink::builder().max_spans(4).writer(writer).build();
    let provider = TracerProvider::builder().with(console).build();
    let tracer = provider.tracer();
    tracer.start_span("hangs").finish();
    hangs.wait();
    for _ in 0..10 {
        tracer.start_span("x").finish();
    }
    let stats = provider.stats().processors[0].clone();
    assert_eq!((stats.queued, stats.dropped), (4, 7));
    is_over.wait();
    let error = provider.force_flush(LONG).unwrap_err().to_string();
    assert!(error.ends_with("`console` the queue was full"), "{error}");
    assert_eq!(provider.stats().processors[0].delivered, 4);
}

/// Reports that everything was written.
struct WholeWrites<W>(W);

impl<W: Write> Write for WholeWrites<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|_| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn g19_trees_of_many_threads_do_not_mix() {
    let bench = Bench::new(ConsoleSink::builder().max_spans(100_000));
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let tracer = bench.tracer();
            scope.spawn(move || {
                for _ in 0..50 {
                    tracer.pipeline_span(name).in_span(|| {
                        tracer.agent_span(name).in_span(|| tracer.tool_span(name).in_span(|| ()));
                    });
                }
            });
        }
    });
    bench.provider.force_flush(LONG).unwrap();
    let writes = bench.output.writes();
    assert_eq!(writes.len(), 200);
    for tree in writes {
        let name = &tree["Pipeline:".len()..][..1];
        assert_eq!(
            tree,
            format!(
                "Pipeline:{name}  0 ns  self 0 ns  ✓ ok\n\
                 └── Agent:{name}  +0 ns  0 ns  self 0 ns  ✓ ok\n    \
                     └── Tool:{name}  +0 ns  0 ns  ✓ ok\n"
            )
        );
    }
}

#[test]
fn nothing_is_shown_after_the_shutdown() {
    for mode in [ConsoleMode::Tree, ConsoleMode::Lines] {
        let bench = Bench::new(ConsoleSink::builder().mode(mode));
        let tracer = bench.tracer();
        tracer.start_span("before").finish();
        bench.provider.shutdown(LONG).unwrap();
        let shown = bench.output.writes();
        tracer.start_span("after").finish();
        assert_eq!(bench.output.writes(), shown, "{mode:?}");
        assert!(shown.concat().contains("before"));
    }
}

#[test]
fn a_dropped_sink_shows_the_rest() {
    let memory = MemoryExporter::new();
    let source = TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    let root = source.tracer().start_span("still runs");
    root.in_span(|| source.tracer().start_span("x").finish());
    let output = Output::default();
    let console = ConsoleSink::builder().writer(output.clone()).build();
    console.on_end(&memory.spans()[0]);
    drop(console);
    assert!(output.writes().concat().contains("└── Custom:x  "));
}

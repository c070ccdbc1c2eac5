//! Bursts of spans, and sinks that hang: what is lost, and for how long threads wait.

#![cfg(all(unix, feature = "console", feature = "file"))]
#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::{
    fs::OpenOptions,
    io::{self, BufRead as _},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use raaf_processors::{ConsoleSink, FileSink};
use raaf_trace_core::{
    BatchConfig, Component, FinishedSpan, MemoryExporter, SpanExporter, Traceable as _,
    TracerProvider,
    sink::{BatchProcessor, ExportError},
};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(120);

/// Makes traces of ten spans in several threads.
fn burst(provider: &TracerProvider, threads: u64, traces: u64) -> u64 {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let (agent, tool) = (Component::agent("A"), Component::tool("T"));
                for _ in 0..traces {
                    provider.run(|| {
                        agent.in_span("run", || (0..9).for_each(|_| tool.in_span("run", || ())));
                    });
                }
            });
        }
    });
    threads * traces * 10
}

fn assert_nothing_lost(provider: &TracerProvider, made: u64) {
    assert_eq!(provider.force_flush(LONG), Ok(()));
    let stats = provider.stats().processors.remove(0);
    assert_eq!((stats.received, stats.delivered, stats.dropped), (made, made, 0));
}

#[test]
fn g67_a_burst_to_the_console_loses_nothing() {
    let console = ConsoleSink::builder().writer(io::sink()).max_wait(LONG).build();
    let provider = TracerProvider::builder().with(console).build();
    let made = burst(&provider, 4, 500);
    assert_nothing_lost(&provider, made);
}

#[test]
fn g67_eight_threads_flat_out_into_a_file_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let patient = BatchConfig::default().with_max_wait(LONG);
    let file = BatchProcessor::with_config(FileSink::new(&path), patient);
    let provider = TracerProvider::builder().with(file).build();
    let made = burst(&provider, 8, 1_000);
    assert_nothing_lost(&provider, made);
    let lines = std::fs::read_to_string(&path).unwrap().lines().count();
    assert_eq!(lines as u64, made);
}

/// An exporter that tells the size of each batch, and answers only once the test lets go of the
/// other end of its first field.
struct Slow(Mutex<mpsc::Receiver<()>>, mpsc::Sender<usize>);

impl SpanExporter for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.1.send(batch.len()).unwrap();
        let _ = self.0.lock().unwrap().recv();
        Ok(())
    }
}

#[test]
fn g67_a_burst_waits_in_memory_for_a_slow_collector() {
    let ((answer, wait), (begin, sizes)) = (mpsc::channel(), mpsc::channel());
    let provider = TracerProvider::builder().with(Slow(Mutex::new(wait), begin)).build();
    // Before it has answered once.
    let made = burst(&provider, 4, 100);
    drop(answer);
    assert_nothing_lost(&provider, made);
    let sizes: Vec<_> = sizes.try_iter().collect();
    assert!(sizes.len() < 12, "batches grow while more than one waits: {sizes:?}");
}

#[test]
fn g67_leaves_are_dropped_before_spans_with_children_and_roots() {
    let ((answer, wait), (begin, sizes)) = (mpsc::channel(), mpsc::channel());
    let memory = MemoryExporter::new();
    let slow = Both(Slow(Mutex::new(wait), begin), memory.clone());
    let config = BatchConfig::default().with_max_spans(100).with_batch_size(50);
    let provider =
        TracerProvider::builder().with(BatchProcessor::with_config(slow, config)).build();
    // The first batch is out of reach: wait until the exporter has it.
    let mut made = burst(&provider, 1, 5);
    assert_eq!(sizes.recv(), Ok(50));
    made += burst(&provider, 1, 15);
    drop(answer);
    assert!(provider.force_flush(LONG).is_err(), "it names the spans that were dropped");
    let stats = provider.stats().processors.remove(0);
    assert_eq!((stats.received, stats.delivered, stats.dropped), (made, 100, 100));
    let spans = memory.spans();
    assert_eq!(spans.iter().filter(|span| *span.kind() == "agent").count(), 20);
    assert_eq!(spans.iter().filter(|span| span.is_leaf()).count(), 80);
}

/// Exports to the second one what the first one has taken.
struct Both(Slow, MemoryExporter);

impl SpanExporter for Both {
    fn name(&self) -> &'static str {
        "both"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.0.export(batch)?;
        self.1.export(batch)
    }
}

#[test]
fn g67_a_file_that_hangs_holds_up_each_thread_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    // A reader that does not read: once the pipe is full, a write hangs like that to a dead disk.
    let reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let limit = Duration::from_millis(20);
    let config = BatchConfig::default().with_max_spans(1_000).with_max_wait(limit);
    let file = BatchProcessor::with_config(FileSink::new(&path), config);
    let provider = TracerProvider::builder().with(file).build();
    // This returns, although nothing is read.
    let made = burst(&provider, 4, 500);
    let stats = provider.stats().processors.remove(0);
    assert_eq!(stats.received, made);
    assert!(stats.dropped > 0 && stats.longest_wait >= limit, "{stats:?}");

    let lines = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&lines);
    thread::spawn(move || {
        for _ in io::BufReader::new(reader).lines() {
            read.fetch_add(1, Ordering::Relaxed);
        }
    });
    let flushed = provider.force_flush(LONG);
    assert!(flushed.is_err(), "it names the spans that were dropped");
    let stats = provider.stats().processors.remove(0);
    assert_eq!((stats.delivered + stats.dropped, stats.queued), (made, 0));
    while lines.load(Ordering::Relaxed) < stats.delivered {
        thread::yield_now();
    }
}

//! The `otlp` sink under many threads: what it says of its deliveries is what the server got.

#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use std::{collections::HashSet, thread, time::Duration};

use raaf_processors::OtlpSink;
use raaf_testkit::read;
use raaf_trace_core::{
    SpanId, TracerProvider,
    sink::{BatchConfig, BatchProcessor},
};

use server::{Answer, Server};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);
const THREADS: u64 = 8;
const SPANS: u64 = 2_500;

#[test]
fn d3_every_span_is_at_the_server_once_or_counted_as_dropped() {
    // Small enough for some spans to find no room; a busy server makes it more of them.
    let busy = (0..20).map(|number| Answer::status(if number % 2 == 0 { 503 } else { 200 }));
    let server = Server::scripted(busy, Answer::status(200));
    let sink = OtlpSink::builder().endpoint(server.url()).gzip(false).build().unwrap();
    let config = BatchConfig::default()
        .with_max_spans(2_000)
        .with_batch_size(200)
        .with_max_retries(100)
        .with_backoff(Duration::from_millis(1), Duration::from_millis(1));
    let batch = BatchProcessor::with_config(sink, config);
    let provider = TracerProvider::builder().with(batch).build();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let tracer = provider.tracer();
                for number in 0..SPANS {
                    tracer.span("s").with("number", number).start().finish();
                }
            });
        }
    });
    // Fails where spans were dropped; what counts is that they are counted. Each flush tries once.
    while provider.stats().processors[0].queued > 0 {
        let _ = provider.force_flush(LONG);
    }
    let _ = provider.shutdown(LONG);

    let stats = provider.stats().processors.remove(0);
    assert_eq!((stats.received, stats.queued), (THREADS * SPANS, 0));
    assert_eq!(stats.delivered + stats.dropped, stats.received);
    // A batch that was refused comes again, with the same bytes.
    let bodies: HashSet<_> = server.requests().into_iter().map(|request| request.body).collect();
    let mut seen: HashSet<SpanId> = HashSet::new();
    for body in &bodies {
        for span in read::otlp(body).unwrap().as_written() {
            assert!(seen.insert(span.span_id()), "{} came twice", span.span_id());
        }
    }
    assert_eq!(seen.len() as u64, stats.delivered);
}

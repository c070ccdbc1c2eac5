//! Many threads with spans of both kinds, whose guards are dropped in every wrong order.
//!
//! `THREADS_ROUNDS` sets the number of rounds of each thread; CI runs 5,000, which are 40,000 spans.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod support;

use std::{
    collections::HashMap,
    env, mem,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use raaf_trace_core::{
    BatchConfig, Component, FinishedSpan, SpanExporter, SpanId, Status, Traceable as _,
    TracerProvider, current_span, sink::ExportError, trace,
};
use support::subscribe;
use tracing::{info, info_span, span::EnteredSpan};

const THREADS: u64 = 24;
/// Rounds of each thread, unless the environment says otherwise.
const ROUNDS: u64 = 100;
/// Spans of a round, of both kinds.
const SPANS: u64 = 8;

/// Checked properties of a span.
struct Seen {
    id: SpanId,
    parent: Option<SpanId>,
    is_right: bool,
}

#[derive(Clone, Default)]
struct Checked(Arc<Mutex<Vec<Seen>>>);

impl SpanExporter for Checked {
    fn name(&self) -> &'static str {
        "checked"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let seen = batch.iter().map(|span| {
            let (status, events) = match span.method() {
                "entered" => (Status::Unset, 1),
                "shared" => (Status::Unset, 0),
                _ => (Status::Ok, 0),
            };
            let is_right = (span.status(), span.events().count()) == (status, events);
            Seen { id: span.span_id(), parent: span.parent_id(), is_right }
        });
        self.0.lock().unwrap().extend(seen);
        Ok(())
    }
}

/// Pseudorandom numbers, equal in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % end
    }
}

fn current() -> Option<SpanId> {
    current_span().map(|span| span.span_id())
}

/// Enters spans, half of them inside a call, and leaves them in any order. Of those that are entered
/// and not left, the latest is always current.
fn round(
    numbers: &mut Numbers,
    thread: u64,
    tool: &Component,
    expected: &mut HashMap<SpanId, SpanId>,
) {
    let outer = current().unwrap();
    let mut entered: Vec<(SpanId, EnteredSpan)> = Vec::new();
    for number in 0..SPANS / 2 {
        let parent = entered.last().map_or(outer, |(id, _)| *id);
        let span = info_span!("entered", thread, number).entered();
        info!(number, "entered");
        let id = current().unwrap();
        assert_ne!(id, parent);
        expected.insert(id, parent);
        entered.push((id, span));
        if numbers.below(3) == 0 {
            drop(entered.remove(numbers.below(entered.len())));
        }
        let parent = entered.last().map_or(outer, |(id, _)| *id);
        assert_eq!(current(), Some(parent));
        tool.in_span("run", || {
            let id = current().unwrap();
            expected.insert(id, parent);
            if !entered.is_empty() && numbers.below(3) == 0 {
                drop(entered.remove(numbers.below(entered.len())));
            }
            assert_eq!(current(), Some(id), "what is left inside a call does not end it");
        });
    }
    while !entered.is_empty() {
        drop(entered.remove(numbers.below(entered.len())));
        assert_eq!(current(), Some(entered.last().map_or(outer, |(id, _)| *id)));
    }
}

#[test]
fn threads_that_leave_spans_in_every_order_make_right_trees() {
    subscribe();
    let rounds = env::var("THREADS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let rounds: u64 = rounds.unwrap_or(ROUNDS);
    let all = THREADS * rounds * SPANS + 2;
    let checked = Checked::default();
    let provider = TracerProvider::builder()
        .with(checked.clone())
        .batch(BatchConfig::default().with_max_spans(all as usize)) // the exporter may be slow
        .build();
    let mut expected = HashMap::new();
    provider.run(|| {
        trace("threads").in_span(|| {
            let shared = info_span!("shared");
            let workers: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        let (mut numbers, mut expected) = (Numbers(thread), HashMap::new());
                        let tool = Component::tool("Tool");
                        for _ in 0..rounds {
                            shared.in_scope(|| round(&mut numbers, thread, &tool, &mut expected));
                            assert_eq!(current(), None);
                        }
                        expected
                    })
                })
                .collect();
            for worker in workers {
                expected.extend(worker.join().unwrap());
            }
        });
    });
    provider.force_flush(Duration::from_secs(60)).unwrap();
    let seen = mem::take(&mut *checked.0.lock().unwrap());
    assert_eq!(seen.len() as u64, all);
    let (mut roots, mut others) = (0, 0);
    for Seen { id, parent, is_right } in seen {
        assert!(is_right, "status or events of {id}");
        match expected.remove(&id) {
            Some(right) => assert_eq!(parent, Some(right)),
            None if parent.is_none() => roots += 1,
            None => others += 1,
        }
    }
    assert!(expected.is_empty(), "lost: {}", expected.len());
    assert_eq!((roots, others), (1, 1), "the trace's root and the shared span, none twice");

    let stats = provider.stats();
    assert_eq!((stats.started, stats.ended, stats.late_calls), (all, all, 0));
    assert_eq!((stats.stale, stats.stray_roots, stats.dropped()), (0, 0, 0));
    let [sink] = &stats.processors[..] else { panic!("one sink") };
    assert_eq!((sink.received, sink.delivered, sink.queued), (all, all, 0));
}

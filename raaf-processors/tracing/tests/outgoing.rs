//! Finished spans as events of `tracing`.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::sync::atomic::{AtomicU32, Ordering};

use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::trace;
use raaf_tracing::{Builder, ToTracing};
use tracing::{Event, Subscriber, info, info_span, subscriber::with_default};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

/// Counts events of the target of finished spans.
struct Finished(AtomicU32);

static FINISHED: Finished = Finished(AtomicU32::new(0));

impl<S: Subscriber> Layer<S> for &'static Finished {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "raaf::span" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn finished_spans_go_out_once_and_do_not_come_back() {
    // With a filter that lets everything pass, the layer has to stop the loop itself.
    let layer = Builder::new().filter("raaf=trace").unwrap().build();
    let subscriber = tracing_subscriber::registry().with(&FINISHED).with(layer);
    let capture = Capture::with(|provider| provider.with(ToTracing::new()));
    with_default(subscriber, || {
        capture.run(|| {
            trace("ours").in_span(|| {
                info!("ours");
                info_span!("theirs").in_scope(|| info!("theirs"));
            });
        });
    });
    assert_span_tree!(capture, { trace "ours" { component "outgoing".theirs } });
    assert!(capture.spans().iter().all(|span| span.events().count() == 1));
    assert_eq!(FINISHED.0.load(Ordering::Relaxed), 1, "the span of `tracing` is not sent back");
}

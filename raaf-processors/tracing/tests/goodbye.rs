//! The end of a provider whose sink uses `tracing`.
//!
//! In a program of its own: `tracing` may hold a subscriber for a moment in any thread that registers a
//! callsite, and the thread that drops it last records what the sink says.

#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

use std::{sync::mpsc, time::Duration};

use raaf_trace_core::{FinishedSpan, SpanProcessor, TracerProvider, registry::Sink};
use raaf_tracing::Builder;
use tracing::{info, info_span, subscriber::with_default};
use tracing_subscriber::layer::SubscriberExt as _;

/// A sink that makes a span of `tracing` when its provider is gone.
struct SaysGoodbye(mpsc::Sender<()>);

impl SpanProcessor for SaysGoodbye {
    fn on_end(&self, _: &FinishedSpan) {}
}

impl Drop for SaysGoodbye {
    fn drop(&mut self) {
        info_span!("goodbye").in_scope(|| ());
        _ = self.0.send(());
    }
}

#[test]
fn a_provider_ends_with_its_layer_though_its_spans_were_bridged() {
    let (sender, gone) = mpsc::channel();
    for _ in 0..9 {
        let sink = Sink::processor(SaysGoodbye(sender.clone()));
        let provider = TracerProvider::builder().with(sink).build();
        let layer = Builder::new().provider(&provider).build();
        let subscriber = tracing_subscriber::registry().with(layer);
        with_default(subscriber, || info_span!("root").in_scope(|| info!("inside")));
        assert!(gone.try_recv().is_err(), "the provider was dropped early");
        drop(provider);
        gone.recv_timeout(Duration::from_secs(60)).unwrap();
    }
}

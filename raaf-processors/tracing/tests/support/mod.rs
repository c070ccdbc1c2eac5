//! A subscriber with the layer, for a test or for a whole test program.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::sync::Once;

use raaf_testkit::{Capture, Spans};
use raaf_tracing::Builder;
use tracing::subscriber::with_default;
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Sets the default layer for all threads of the test program.
pub(crate) fn subscribe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::registry().with(Builder::new().build()).init());
}

/// Runs `work` with a layer of its own, and returns its spans.
pub(crate) fn bridged_by(builder: Builder, work: impl FnOnce()) -> Spans {
    let capture = Capture::new();
    let subscriber = tracing_subscriber::registry().with(builder.build());
    with_default(subscriber, || capture.run(work));
    capture.spans()
}

/// Runs `work` with the default layer, and returns its spans.
pub(crate) fn bridged(work: impl FnOnce()) -> Spans {
    bridged_by(Builder::new(), work)
}

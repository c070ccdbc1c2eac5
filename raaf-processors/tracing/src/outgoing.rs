//! Finished spans as events of `tracing`.

use std::cell::Cell;

use raaf_trace_core::{FinishedSpan, SpanProcessor, Status};
use tracing::Level;

thread_local! {
    static CLOSING: Cell<bool> = const { Cell::new(false) };
}

/// Mark that this thread delivers a span that came from `tracing`.
pub(crate) struct ClosingBridged(bool);

impl ClosingBridged {
    pub(crate) fn begin() -> Self {
        Self(CLOSING.try_with(|closing| closing.replace(true)).unwrap_or(true))
    }
}

impl Drop for ClosingBridged {
    fn drop(&mut self) {
        let _ = CLOSING.try_with(|closing| closing.set(self.0));
    }
}

/// Processor that passes each finished span to the subscribers of `tracing`, as an event with the
/// target `raaf::span`: at level INFO, or WARN for a span that failed. Its fields are the name, the
/// status, the duration, the ids, and the type of the error; attributes and content are not passed on.
///
/// Spans that came from `tracing` are not sent back, and the layer of this crate ignores the events, so
/// that there is no loop.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{TracerProvider, trace};
/// use raaf_tracing::ToTracing;
///
/// tracing_subscriber::fmt().with_test_writer().init();
/// let provider = TracerProvider::builder().with(ToTracing::new()).build();
/// provider.run(|| trace("import").in_span(|| ()));
/// // INFO raaf::span: run.workflow.trace.import status="ok" duration_ms=0.02 trace_id="…" span_id="…"
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ToTracing {}

impl ToTracing {
    /// Creates the processor.
    pub const fn new() -> Self {
        Self {}
    }
}

impl SpanProcessor for ToTracing {
    fn name(&self) -> &'static str {
        "tracing"
    }

    fn on_end(&self, span: &FinishedSpan) {
        if CLOSING.try_with(Cell::get).unwrap_or(true) {
            return;
        }
        // The level of an event must be a constant.
        macro_rules! event {
            ($level:expr) => {
                tracing::event!(
                    target: "raaf::span",
                    $level,
                    status = span.status().as_str(),
                    duration_ms = span.duration().as_secs_f64() * 1e3,
                    trace_id = %span.trace_id(),
                    span_id = %span.span_id(),
                    parent_id = span.parent_id().map(tracing::field::display),
                    error_type = span.error().map(|error| error.kind()),
                    "{}",
                    span.name()
                )
            };
        }
        if span.status() == Status::Error {
            event!(Level::WARN);
        } else {
            event!(Level::INFO);
        }
    }
}

//! Foreign code that runs inside callbacks of the layer. For the whole program: only then does
//! `tracing` pass on what happens in callbacks.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod support;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use raaf_testkit::Capture;
use raaf_trace_core::{
    Component, FinishedSpan, SpanExporter, SpanProcessor, StartedSpan, Traceable as _,
    TracerProvider, current_span,
    sink::{ExportError, SimpleProcessor},
    trace,
};
use support::subscribe;
use tracing::{error, field::Empty, info, info_span, instrument};

/// Traces and logs while it is formatted, as foreign code may.
struct Talks;

impl fmt::Debug for Talks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(span) = current_span() {
            span.set_attribute("talked", true);
        }
        info_span!("talking").in_scope(|| info!("talking"));
        f.write_str("talks")
    }
}

#[test]
fn fields_may_trace_while_they_are_formatted() {
    subscribe();
    let capture = Capture::new();
    capture.run(|| {
        trace("ours").in_span(|| {
            let span = info_span!("work", talks = ?Talks, late = Empty);
            let _inside = span.enter();
            span.record("late", tracing::field::debug(Talks));
            info!(talks = ?Talks, "said");
        });
    });
    let spans = capture.spans();
    let work = spans.iter().find(|span| span.method() == "work").unwrap();
    assert_eq!(work.attributes().get("late"), Some("talks".into()));
    assert_eq!(spans.iter().filter(|span| span.method() == "talking").count(), 3);
    assert_eq!(spans.only("ours").attributes().get("talked"), Some(true.into()));
}

/// Logs and traces whatever it gets, as a client of a sink would.
#[derive(Clone, Default)]
struct Chatty(Arc<Mutex<Vec<String>>>);

impl Chatty {
    #[instrument(skip_all)]
    fn receives(&self, span: &str) {
        info_span!("sending").in_scope(|| error!(error = "no answer", span, "sending"));
        Component::tool("Client").in_span("send", || info!("sent"));
        self.0.lock().unwrap().push(span.to_owned());
    }
}

impl SpanProcessor for Chatty {
    fn on_start(&self, span: &mut StartedSpan) {
        self.receives(span.method());
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.receives(span.method());
    }
}

impl SpanExporter for Chatty {
    fn name(&self) -> &'static str {
        "chatty"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        for span in batch {
            assert_eq!(span.events().count(), 1, "{:?}", span.name());
            self.receives(span.method());
        }
        Ok(())
    }
}

fn work() {
    trace("ours").in_span(|| {
        info!("ours");
        info_span!("theirs").in_scope(|| info!("theirs"));
    });
}

#[test]
fn d4_a_sink_that_logs_and_traces_does_not_feed_itself() {
    subscribe();
    let processor = Chatty::default();
    let (simple, batching) = (Chatty::default(), Chatty::default());
    let builder = TracerProvider::builder().with(SimpleProcessor::new(simple.clone()));
    // `Chatty` is a processor and an exporter, so the kind of sink is chosen explicitly.
    let provider = builder
        .with(raaf_trace_core::registry::Sink::processor(processor.clone()))
        .with(raaf_trace_core::registry::Sink::exporter(batching.clone()))
        .build();
    provider.run(work);
    provider.force_flush(Duration::from_secs(60)).unwrap();
    let seen = |chatty: &Chatty| chatty.0.lock().unwrap().clone();
    assert_eq!(seen(&processor), ["run", "theirs", "theirs", "run"]);
    assert_eq!(seen(&simple), ["theirs", "run"]);
    assert_eq!(seen(&batching), ["theirs", "run"]);
}

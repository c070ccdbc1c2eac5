//! Fields of spans and events, and what they mean.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod failures;
mod logged;
mod meaning;
mod spans;
#[path = "../support/mod.rs"]
mod support;

use raaf_testkit::{Capture, Spans};
use raaf_trace_core::{FinishedSpan, attributes::ValueRef, span::Event};
use raaf_tracing::Builder;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;

fn get<'a>(span: &'a FinishedSpan, key: &str) -> Option<ValueRef<'a>> {
    span.attributes().stored().get(key)
}

fn of_event<'a>(event: &'a Event, key: &str) -> Option<ValueRef<'a>> {
    event.attributes().get(key)
}

fn events(span: &FinishedSpan) -> Vec<&Event> {
    span.events().collect()
}

fn without_content(builder: Builder, work: impl FnOnce()) -> Spans {
    let capture = Capture::with(|provider| provider.include_sensitive_data(false));
    let subscriber = tracing_subscriber::registry().with(builder.build());
    with_default(subscriber, || capture.run(work));
    capture.spans()
}

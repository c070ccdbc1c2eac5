//! Records of the crate `log`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod support;

use raaf_testkit::Capture;
use raaf_trace_core::trace;
use support::subscribe;
use tracing::info_span;

#[test]
fn records_of_log_are_events_with_their_own_target() {
    subscribe();
    tracing_log::LogTracer::init().unwrap();
    let capture = Capture::new();
    capture.run(|| {
        trace("ours").in_span(|| {
            log::info!("in ours: {}", 1);
            log::debug!("too low");
            log::error!(target: "hyper::client", "of a transport");
            info_span!("theirs").in_scope(|| log::warn!(target: "sqlx", "slow"));
        });
    });
    let spans = capture.spans();
    let lines = |name: &str| {
        let events = spans.only(name).events();
        let line = |key, event: &raaf_trace_core::span::Event| {
            event.attributes().get(key).unwrap().to_string()
        };
        let all = events.map(|event| {
            assert_eq!((event.name(), event.attributes().len()), ("log", 3));
            ["level", "target", "message"].map(|key| line(key, event)).join(" ")
        });
        all.collect::<Vec<_>>()
    };
    assert_eq!(lines("ours"), ["INFO log in ours: 1"]);
    assert_eq!(lines("log"), ["WARN sqlx slow"]);
}

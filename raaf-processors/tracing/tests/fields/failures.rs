//! Errors, and spans that have failed.

use std::{error::Error, fmt, io, panic};

use raaf_trace_core::{FinishedSpan, Status, keys, trace};
use raaf_tracing::{Builder, Failures};
use tracing::{error, field::Empty, info_span, instrument, warn};

use super::{
    events, of_event,
    support::{bridged, bridged_by},
};

#[derive(Debug)]
struct Outer(io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("loading failed")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[instrument(err)]
fn failing() -> Result<(), Outer> {
    Err(Outer(io::Error::other("disk full")))
}

#[test]
fn a_field_error_is_an_exception() {
    let spans = bridged(|| {
        trace("ours").in_span(|| {
            let error = Outer(io::Error::other("disk full"));
            warn!(error = &error as &dyn Error, attempt = 2, "again");
        });
    });
    let ours = spans.only("ours");
    assert_eq!(ours.status(), Status::Ok, "the outcome of our calls is their own");
    let [event] = events(ours)[..] else { panic!("{:?}", events(ours)) };
    assert_eq!(event.name(), "exception");
    assert_eq!(of_event(event, keys::EXCEPTION_MESSAGE), Some("loading failed: disk full".into()));
    assert_eq!(of_event(event, "level"), Some("WARN".into()));
    assert_eq!(of_event(event, "attempt"), Some(2.into()));
    assert_eq!(of_event(event, "message"), Some("again".into()));
}

#[test]
fn errors_mark_spans_as_failed_only_as_configured() {
    let work = || {
        let _ = failing();
        info_span!("logs").in_scope(|| error!("odd"));
        info_span!("warns").in_scope(|| warn!(error = "x", "odd"));
        info_span!("field", error = Empty).record("error", "gone");
    };
    let failed = |failures| {
        let spans = bridged_by(Builder::new().failures(failures), work);
        let failed: Vec<_> = spans.failed().map(|span| span.method().to_owned()).collect();
        let exceptions =
            |span: &FinishedSpan| span.events().filter(|one| one.name() == "exception").count();
        assert_eq!(spans.iter().map(exceptions).collect::<Vec<_>>(), [1, 0, 1, 1]);
        failed
    };
    assert_eq!(failed(Failures::Never), [""; 0]);
    assert_eq!(failed(Failures::Errors), ["failing", "field"]);
    assert_eq!(failed(Failures::ErrorLevel), ["failing", "logs", "field"]);
    let spans = bridged(|| drop(failing()));
    let error = spans.only("fields::failures").error().unwrap();
    assert_eq!((error.kind(), error.message()), ("error", Some("loading failed")));
}

#[test]
fn a_type_and_a_message_of_an_error_may_come_one_by_one() {
    let spans = bridged(|| {
        let span = info_span!("call", error.type = Empty, error.message = Empty);
        span.record("error.message", "no answer").record("error.type", "timeout");
    });
    let error = spans.only("fields::failures").error().unwrap();
    assert_eq!((error.kind(), error.message()), ("timeout", Some("no answer")));
}

#[test]
fn a_span_that_a_panic_closes_has_failed() {
    let spans = bridged(|| {
        let panicked = panic::catch_unwind(|| info_span!("work").in_scope(|| panic!("gone")));
        assert!(panicked.is_err());
    });
    assert_eq!(spans.only("fields::failures").error().unwrap().kind(), "panic");
}

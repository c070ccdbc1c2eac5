//! Events and their fields.

use raaf_trace_core::{keys, trace};
use raaf_tracing::Builder;
use tracing::{debug, debug_span, info, info_span};

use super::{events, of_event, support::bridged, without_content};

#[test]
fn events_have_level_target_fields_and_message() {
    let spans = bridged(|| {
        info!("outside of any span");
        trace("ours").in_span(|| {
            info!(rows = 3, "loaded {}", 3);
            debug!("too low");
            tracing::event!(name: "cache.miss", target: "cache", tracing::Level::WARN, key = "k");
            let span = info_span!("theirs");
            info!(parent: &span, "elsewhere");
        });
    });
    let ours = spans.only("ours");
    let [loaded, missed] = events(ours)[..] else { panic!("{:?}", events(ours)) };
    assert_eq!((loaded.name(), missed.name()), ("log", "cache.miss"));
    let all: Vec<_> =
        loaded.attributes().iter().map(|(key, value)| (key, value.to_string())).collect();
    let expected =
        [("level", "INFO"), ("target", "fields::logged"), ("message", "loaded 3"), ("rows", "3")];
    assert_eq!(all, expected.map(|(key, value)| (key, value.to_owned())));
    assert_eq!(of_event(missed, "target"), Some("cache".into()));
    assert_eq!(events(spans.only("fields::logged")).len(), 1);
}

#[test]
fn fields_that_mean_something_to_a_span_are_attributes_of_an_event() {
    let spans = bridged(|| {
        trace("ours").in_span(|| {
            info!(success = false, error = true, otel.name = "x", otel.status_code = "ERROR");
            info!(error.type = "T", error.message = "m", gen_ai.tool.call.outcome = "error");
            info!(error = "broken", error.type = "T");
        });
    });
    let ours = spans.only("ours");
    let [first, second, third] = events(ours)[..] else { panic!("{:?}", events(ours)) };
    assert_eq!(of_event(first, "success"), Some(false.into()));
    assert_eq!(of_event(first, "error"), Some(true.into()));
    assert_eq!(of_event(first, "otel.name"), Some("x".into()));
    assert_eq!(of_event(first, "otel.status_code"), Some("ERROR".into()));
    assert_eq!(of_event(second, keys::ERROR_TYPE), Some("T".into()));
    assert_eq!(of_event(second, keys::ERROR_MESSAGE), Some("m".into()));
    assert_eq!(of_event(second, "gen_ai.tool.call.outcome"), Some("error".into()));
    assert_eq!(third.name(), "exception");
    assert_eq!(of_event(third, keys::ERROR_TYPE), Some("T".into()));
    assert_eq!(ours.losses().reserved_ignored, 0);
    let spans = without_content(Builder::new(), || {
        trace("ours").in_span(|| info!(error.type = "T", error.message = "a secret"));
    });
    let event = events(spans.only("ours"))[0];
    assert_eq!(of_event(event, keys::ERROR_TYPE), Some("T".into()));
    assert_eq!(of_event(event, keys::ERROR_MESSAGE), None);
}

#[test]
fn an_event_whose_explicit_parent_is_none_or_not_recorded_is_of_no_span() {
    let spans = bridged(|| {
        let unseen = debug_span!("unseen");
        trace("ours").in_span(|| {
            let _theirs = info_span!("theirs").entered();
            info!(parent: None, "of none");
            info!(parent: &unseen, "of one that is not recorded");
        });
    });
    assert!(spans.iter().all(|span| span.events().count() == 0));
}

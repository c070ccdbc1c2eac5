//! Links, ends and providers of spans.

use std::time::Duration;

use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{FinishedSpan, TracerProvider, trace};
use raaf_tracing::Builder;
use tracing::{info_span, subscriber::with_default};
use tracing_subscriber::layer::SubscriberExt as _;

use super::support::bridged;

#[test]
fn follows_from_is_a_link() {
    let spans = bridged(|| {
        let cause = info_span!("cause");
        let effect = info_span!("effect");
        effect.follows_from(&cause);
        effect.follows_from(info_span!(target: "hyper", "filtered").id());
    });
    let of = |method: &str| spans.iter().find(|span| span.method() == method).unwrap();
    let [link] = of("effect").links().collect::<Vec<_>>()[..] else { panic!("links") };
    assert_eq!(link.context().span_id(), Some(of("cause").span_id()));
}

#[test]
fn the_end_is_the_last_exit() {
    let capture = Capture::deterministic();
    let subscriber = tracing_subscriber::registry().with(Builder::new().build());
    let second = Duration::from_secs(1);
    with_default(subscriber, || {
        capture.run(|| {
            let span = info_span!("work");
            capture.advance(second);
            span.in_scope(|| capture.advance(second));
            capture.advance(second);
            span.in_scope(|| capture.advance(second));
            capture.advance(second * 10);
            drop(span);
            let _never_entered = info_span!("idle");
            capture.advance(second);
        });
    });
    let durations: Vec<_> = capture.spans().iter().map(FinishedSpan::duration).collect();
    assert_eq!(durations, [second * 4, second]);
}

#[test]
fn a_provider_of_the_layer_is_for_traces_that_begin_there() {
    let (ours, layers) = (Capture::new(), Capture::new());
    let provider: &TracerProvider = layers.provider();
    let subscriber = tracing_subscriber::registry().with(Builder::new().provider(provider).build());
    with_default(subscriber, || {
        info_span!("root").in_scope(|| ());
        ours.run(|| trace("ours").in_span(|| info_span!("inside").in_scope(|| ())));
    });
    assert_span_tree!(layers, { component "fields::spans".root });
    assert_span_tree!(ours, { trace "ours" { component "fields::spans".inside } });
}

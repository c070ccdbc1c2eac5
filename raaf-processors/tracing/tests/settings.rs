//! Spans and events that are recorded, by default and by directives.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use raaf_trace_core::{FinishedSpan, TracerProvider, environment::Environment, trace};
use raaf_tracing::Builder;
use support::bridged_by;
use tracing::{debug_span, info, info_span, trace_span};

/// `tracing` keeps the interest in a callsite, and the highest level, for all subscribers of a process.
static ONE_SUBSCRIBER: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_SUBSCRIBER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn recorded(builder: Builder) -> Vec<String> {
    let _alone = alone();
    let spans = bridged_by(builder, || {
        trace("ours").in_span(|| {
            info_span!("info").in_scope(|| ());
            debug_span!("debug").in_scope(|| ());
            trace_span!("trace", user = "ada").in_scope(|| debug_span!("inner").in_scope(|| ()));
            info_span!(target: "sqlx::query", "sqlx").in_scope(|| ());
            for _ in 0..2 {
                info_span!(target: "hyper::client", "hyper").in_scope(|| info!(target: "h2", "x"));
                info_span!(target: "raaf::http", "raaf").in_scope(|| ());
                info_span!(target: "ureq", "ureq").in_scope(|| ());
                info_span!(target: "rustls::conn", "rustls").in_scope(|| ());
                info_span!(target: "tokio::task", "tokio").in_scope(|| ());
                info_span!(target: "mio", "mio").in_scope(|| ());
            }
        });
    });
    assert_eq!(spans.only("ours").events().count(), 0);
    let methods = spans.iter().map(|span| span.method().to_owned());
    methods.filter(|method| method != "run").collect()
}

fn by(directives: &str) -> Vec<String> {
    recorded(Builder::new().filter(directives).unwrap())
}

#[test]
fn by_default_info_without_transports_is_recorded() {
    assert_eq!(recorded(Builder::new()), ["info", "sqlx"]);
}

#[test]
fn crates_whose_names_only_begin_like_a_transports_are_recorded() {
    let _alone = alone();
    for builder in [Builder::new(), Builder::new().filter("[other]=trace").unwrap()] {
        let spans = bridged_by(builder, || {
            trace("ours").in_span(|| {
                info_span!(target: "raaf_app::jobs", "app").in_scope(|| ());
                info_span!(target: "tokio_postgres", "postgres").in_scope(|| ());
                info_span!(target: "tokio", "tokio").in_scope(|| ());
            });
        });
        let methods: Vec<_> = spans.iter().map(FinishedSpan::method).collect();
        assert_eq!(methods, ["run", "app", "postgres"]);
    }
}

#[test]
fn directives_are_added_to_the_default() {
    assert_eq!(by(" debug , sqlx=off,"), ["info", "debug", "inner"]);
    assert_eq!(by("warn,hyper=info"), ["hyper", "hyper"]);
    assert_eq!(by("off"), [""; 0]);
    assert_eq!(by("[trace{user=ada}]=trace"), ["info", "trace", "inner", "sqlx"]);
}

#[test]
fn the_environment_sets_directives() {
    let of = |pairs: &[(&str, &str)]| {
        Builder::of_environment(&Environment::from_pairs(pairs.iter().copied()))
    };
    let set = of(&[("RAAF_TRACE_TRACING", "sqlx=warn,debug")]).unwrap();
    assert_eq!(recorded(set), ["info", "debug", "inner"]);
    assert_eq!(recorded(of(&[]).unwrap()), ["info", "sqlx"]);
    let error = of(&[("RAAF_TRACE_TRACING", "sqlx=loud")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RAAF_TRACE_TRACING is `sqlx=loud`; expected directives such as `debug`, \
         `sqlx=debug,hyper=info` or `off`"
    );
    assert!(of(&[("RAAF_TRACE_TRACING", "[span=")]).is_err());
}

#[test]
fn g60_an_invalid_variable_is_an_error_of_the_provider() {
    let build = |value: &str| {
        let environment = Environment::from_pairs([("RAAF_TRACE_TRACING", value)]);
        TracerProvider::builder().environment(&environment).build()
    };
    assert!(build("debug").is_ok());
    let error = build("sqlx=loud").unwrap_err();
    assert!(error.to_string().contains("RAAF_TRACE_TRACING is `sqlx=loud`"), "{error}");
}

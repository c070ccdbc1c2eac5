//! Settings from the process's environment. Each test runs a process of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod own_process;

use std::{
    io::{self, Write as _},
    time::Duration,
};

use own_process::in_own_process;
use raaf_trace_core::{
    Component, FinishedSpan, Sampler, SpanExporter, SpanProcessor, Traceable as _, TracerProvider,
    TracerProviderBuilder,
    diagnostics::{self, Categories, Category, Level},
    init, is_traced,
    provider::{BuildError, global_provider},
    registry::{Sink, SinkRegistration},
    sink::{BatchConfig, BatchProcessor, ExportError},
    submit, trace, tracer,
};

/// Says on standard output which spans it gets.
struct Echo(&'static str);

impl SpanProcessor for Echo {
    fn name(&self) -> &'static str {
        self.0
    }
    fn on_end(&self, span: &FinishedSpan) {
        let _ = writeln!(io::stdout(), "{} got {}", self.0, span.component_name());
    }
}

/// Sink behind a worker, so that spans arrive only if somebody delivers them.
struct BatchedEcho;

impl SpanExporter for BatchedEcho {
    fn name(&self) -> &'static str {
        "batched"
    }
    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        for span in batch {
            Echo("batched").on_end(span);
        }
        Ok(())
    }
}

/// Fails, so that there is something to complain about.
struct Failing;

impl SpanProcessor for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }
    fn on_end(&self, _: &FinishedSpan) {
        panic!("cannot reach the server");
    }
}

submit! { SinkRegistration::new("first", |_| Ok(Sink::processor(Echo("first")))) }
submit! { SinkRegistration::new("second", |_| Ok(Sink::processor(Echo("second")))) }
submit! {
    SinkRegistration::new("default", |_| Ok(Sink::processor(Echo("default"))))
        .default_if(|environment| environment.get_os("DEFAULT_KEY").is_some())
}
submit! { SinkRegistration::new("batched", |_| Ok(Sink::exporter(BatchedEcho))) }
submit! { SinkRegistration::new("failing", |_| Ok(Sink::processor(Failing))) }

const FIRST: (&str, &str) = ("RAAF_TRACE_PROCESSORS", "first");

fn call() {
    Component::tool("Search").in_span("run", || ());
}

fn names(provider: &TracerProvider) -> Vec<String> {
    provider.stats().processors.into_iter().map(|stats| stats.name).collect()
}

#[test]
fn g61_tracing_disabled_by_the_environment_makes_no_spans() {
    in_own_process(
        &[FIRST, ("RAAF_DISABLE_TRACING", "TRUE")],
        || {
            let guard = init().unwrap();
            let tool = Component::tool("Search");
            assert!(!tool.traced("run").is_enabled(), "decided before anything else is done");
            assert!(!tool.in_span("run", is_traced));
            assert!(!tracer().start_span("by hand").is_recording());
            trace("nightly").in_span(call);
            assert!(guard.provider().is_disabled());
            assert_eq!(guard.provider().stats().started, 0);
        },
        |ended| assert!(!ended.well().stdout.contains("got"), "{}", ended.stdout),
    );
}

#[test]
fn g61_tracing_is_disabled_by_opentelemetry_s_variable_too() {
    in_own_process(
        &[FIRST, ("OTEL_SDK_DISABLED", "True")],
        || {
            let guard = init().unwrap();
            call();
            assert!(guard.provider().is_disabled());
        },
        |ended| {
            assert!(!ended.well().stdout.contains("got"), "{}", ended.stdout);
            assert_eq!(ended.diagnostics(), [""; 0]);
        },
    );
}

#[test]
fn g61_opentelemetry_s_variable_counts_as_unset_with_another_value() {
    in_own_process(
        &[FIRST, ("OTEL_SDK_DISABLED", "maybe")],
        || {
            let _guard = init().unwrap();
            call();
        },
        |ended| {
            assert!(ended.well().stdout.contains("first got Search"), "{}", ended.stdout);
            let warning = "raaf warn [tracing] OTEL_SDK_DISABLED is `maybe`; expected `true` or \
                           `false`; the variable is ignored";
            assert_eq!(ended.diagnostics(), [warning]);
        },
    );
}

#[test]
fn g60_sinks_run_in_the_order_in_which_the_environment_names_them() {
    in_own_process(
        &[("RAAF_TRACE_PROCESSORS", "second,first")],
        || {
            let guard = init().unwrap();
            assert_eq!(names(guard.provider()), ["second", "first"]);
            call();
        },
        |ended| {
            let echoes = "second got Search\nfirst got Search\n";
            assert!(ended.well().stdout.contains(echoes), "{}", ended.stdout);
        },
    );
}

#[test]
fn s1_the_environment_s_sample_rate_holds() {
    in_own_process(
        &[FIRST, ("RAAF_TRACE_SAMPLE_RATE", "0")],
        || {
            let _guard = init().unwrap();
            (0..20).for_each(|_| call());
        },
        |ended| assert!(!ended.well().stdout.contains("got"), "{}", ended.stdout),
    );
}

#[test]
fn g49_a_default_sink_starts_only_where_its_condition_holds() {
    in_own_process(
        &[("DEFAULT_KEY", "sk-test")],
        || assert_eq!(names(init().unwrap().provider()), ["default"]),
        |ended| {
            ended.well();
        },
    );
}

#[test]
fn g49_the_default_sink_can_be_forbidden() {
    in_own_process(
        &[("DEFAULT_KEY", "sk-test"), ("RAAF_SKIP_DEFAULT_PROCESSORS", "on")],
        || assert_eq!(names(init().unwrap().provider()), [""; 0]),
        |ended| {
            ended.well();
        },
    );
}

#[test]
fn g49_a_bad_value_is_an_error_of_init_that_says_what_would_be_right() {
    in_own_process(
        &[FIRST, ("RAAF_TRACE_BATCH_SIZE", "many")],
        || {
            let error = init().unwrap_err();
            assert!(matches!(error, BuildError::Settings(_)));
            assert_eq!(
                error.to_string(),
                "RAAF_TRACE_BATCH_SIZE is `many`; expected a whole number from 1 to \
                 RAAF_TRACE_MAX_SPANS, which is 10000",
            );
        },
        |ended| {
            ended.well();
        },
    );
}

#[test]
fn g49_for_the_default_provider_a_bad_value_is_a_warning_and_the_default() {
    in_own_process(
        &[
            ("RAAF_TRACE_PROCESSORS", "first,nosuch"),
            ("RAAF_TRACE_SAMPLE_RATE", "2"),
            ("RAAF_TRACE_BATCH_SIZE", "many"),
        ],
        || {
            call();
            assert_eq!(names(&global_provider()), ["first"]);
        },
        |ended| {
            assert!(ended.well().stdout.contains("first got Search"), "{}", ended.stdout);
            let said = ended.diagnostics();
            assert_eq!(said.len(), 3, "{said:#?}");
            assert!(said[0].starts_with("raaf warn [tracing] RAAF_TRACE_BATCH_SIZE is `many`"));
            assert!(said[1].starts_with("raaf warn [tracing] RAAF_TRACE_SAMPLE_RATE is `2`"));
            assert!(said[2].contains("unknown sink `nosuch`"), "{said:#?}");
        },
    );
}

/// Work of which the type does not show that it returns a `Result`.
fn generic<T>(planner: &Component, work: impl FnOnce() -> T) -> T {
    let call = planner.traced("run").with_content("prompt", "what the patient said");
    call.with("api_key", "sk-very-secret").in_span(work)
}

/// Everything that this library might complain about, with a key and a prompt at hand.
fn a_workflow_with_complaints() {
    let guard = init().unwrap();
    let planner = Component::agent("Planner");
    let _: Result<(), String> = generic(&planner, || Err("told the patient".to_owned()));
    call();
    guard.provider().force_flush(Duration::from_secs(60)).unwrap();
}

const COMPLAINING: [(&str, &str); 2] =
    [("RAAF_TRACE_PROCESSORS", "failing"), ("OPENAI_API_KEY", "sk-very-secret")];

/// The library's lines when categories and level are these.
fn complaints(ended: &own_process::Ended) -> Vec<String> {
    let ended = ended.well();
    assert!(!ended.stdout.contains("raaf "), "on standard output: {}", ended.stdout);
    let said: Vec<_> = ended.diagnostics().into_iter().map(str::to_owned).collect();
    for line in &said {
        for private in ["sk-very-secret", "patient"] {
            assert!(!line.contains(private), "{line}");
        }
    }
    said
}

#[test]
fn d1_diagnostics_show_warnings_only_unless_asked() {
    in_own_process(&COMPLAINING, a_workflow_with_complaints, |ended| {
        let said = complaints(ended);
        assert!(said.iter().all(|line| line.starts_with("raaf warn [")), "{said:#?}");
        let sink = "raaf warn [export] processor `failing` panicked";
        assert!(said.iter().any(|line| line.starts_with(sink)), "{said:#?}");
    });
}

#[test]
fn d1_diagnostics_of_a_category_are_shown_up_to_the_level() {
    let asked = [("RAAF_DEBUG_CATEGORIES", "all"), ("RAAF_LOG_LEVEL", "trace")];
    in_own_process(&[COMPLAINING, asked].concat(), a_workflow_with_complaints, |ended| {
        let said = complaints(ended);
        assert!(said.iter().any(|line| line.starts_with("raaf debug [tracing] ")), "{said:#?}");
        assert!(said.iter().any(|line| line.starts_with("raaf warn [tracing] ")), "{said:#?}");
    });
}

#[test]
fn d1_diagnostics_of_other_categories_are_not_shown() {
    let asked = [("RAAF_DEBUG_CATEGORIES", "http,tools"), ("RAAF_LOG_LEVEL", "trace")];
    in_own_process(&[COMPLAINING, asked].concat(), a_workflow_with_complaints, |ended| {
        let said = complaints(ended);
        assert!(!said.iter().any(|line| line.starts_with("raaf debug")), "{said:#?}");
    });
}

#[test]
fn d1_diagnostics_can_be_silenced() {
    let asked = [("RAAF_DEBUG_CATEGORIES", "none"), ("RAAF_LOG_LEVEL", "trace")];
    in_own_process(&[COMPLAINING, asked].concat(), a_workflow_with_complaints, |ended| {
        assert_eq!(complaints(ended), [""; 0]);
    });
}

#[test]
fn d1_diagnostics_have_a_level_for_none() {
    let asked = [("RAAF_DEBUG_CATEGORIES", "all"), ("RAAF_LOG_LEVEL", "off")];
    in_own_process(&[COMPLAINING, asked].concat(), a_workflow_with_complaints, |ended| {
        assert_eq!(complaints(ended), [""; 0]);
    });
}

#[test]
fn d1_diagnostics_configured_in_code_before_init_beat_the_environment() {
    in_own_process(
        &[FIRST, ("RAAF_LOG_LEVEL", "error")],
        || {
            diagnostics::configure(Categories::all(), Level::Debug);
            let _guard = init().unwrap();
            assert!(diagnostics::enabled(Category::Http, Level::Debug));
        },
        |ended| {
            ended.well();
        },
    );
}

/// A builder of which every checked value is wrong.
fn values_without_a_meaning() -> Vec<(TracerProviderBuilder, &'static str)> {
    let builder = TracerProvider::builder;
    let batch = BatchConfig::default;
    vec![
        (
            builder().batch(batch().with_max_spans(0)),
            "BatchConfig::max_spans is `0`; expected at least 1",
        ),
        (
            builder().batch(batch().with_batch_size(20).with_max_spans(10)),
            "BatchConfig::batch_size is `20`; expected 1 to `max_spans`, which is 10",
        ),
        (
            builder().sampler(Sampler::ratio(f64::NAN)),
            "Sampler::ratio is `NaN`; expected a share from 0 to 1",
        ),
        (
            builder().stale_after(Some(Duration::ZERO)),
            "TracerProviderBuilder::stale_after is `0ns`; expected at least 1ms",
        ),
        (
            builder().cleanup_interval(Duration::ZERO),
            "TracerProviderBuilder::cleanup_interval is `0ns`; expected at least 1ms",
        ),
    ]
}

#[test]
fn g49_a_value_in_code_without_a_meaning_is_an_error_where_building_can_fail() {
    in_own_process(
        &[],
        || {
            for (builder, expected) in values_without_a_meaning() {
                assert_eq!(builder.init().unwrap_err().to_string(), expected);
            }
            for (builder, expected) in values_without_a_meaning() {
                assert_eq!(builder.from_env().build().unwrap_err().to_string(), expected);
            }
        },
        |ended| {
            ended.well();
        },
    );
}

#[test]
fn g49_a_value_in_code_without_a_meaning_is_one_warning_where_building_cannot_fail() {
    in_own_process(
        &[],
        || {
            for (builder, _) in values_without_a_meaning() {
                builder.with(BatchedEcho).build();
            }
            drop(BatchProcessor::with_config(
                BatchedEcho,
                BatchConfig::default().with_batch_size(0),
            ));
        },
        |ended| {
            let mut expected: Vec<_> =
                values_without_a_meaning().into_iter().map(|(_, text)| text).collect();
            expected
                .push("BatchConfig::batch_size is `0`; expected 1 to `max_spans`, which is 10000");
            let warning = |text| format!("raaf warn [tracing] {text}; the nearest value is used");
            let expected: Vec<_> = expected.into_iter().map(warning).collect();
            assert_eq!(ended.well().diagnostics(), expected);
        },
    );
}

#[test]
fn d2_the_batched_sink_of_the_environment_gets_its_spans_at_the_guard_s_end() {
    in_own_process(
        &[("RAAF_TRACE_PROCESSORS", "batched"), ("RAAF_TRACE_FLUSH_INTERVAL", "3600")],
        || {
            let guard = init().unwrap();
            call();
            drop(guard);
            call();
        },
        |ended| {
            let echoes = ended.well().stdout.matches("batched got Search").count();
            assert_eq!(echoes, 1, "{}", ended.stdout);
        },
    );
}

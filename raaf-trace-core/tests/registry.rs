//! Sinks by name, registered by this very crate as any other crate would.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::sync::LazyLock;

use doubles::{LONG, Listener, Log, in_line};
use raaf_trace_core::{
    MemoryExporter, TracerProvider,
    environment::{Environment, SettingsError, Variables},
    provider::BuildError,
    registry::{AbsentSink, Sink, SinkError, SinkRegistration, linked_sinks},
    submit, trace,
};

static MEMORY: LazyLock<MemoryExporter> = LazyLock::new(MemoryExporter::new);

submit! {
    SinkRegistration::new("kept", |_| Ok(Sink::exporter(MEMORY.clone())))
}

submit! {
    SinkRegistration::new("listener", |_| {
        Ok(Sink::processor(Listener::new("listener", &Log::default())))
    })
}

submit! {
    SinkRegistration::new("needs-port", |config| {
        let port = port(config.environment())?.ok_or("SINK_PORT is not set")?;
        assert!(port > 0 && config.batch().batch_size > 0);
        Ok(Sink::processor(Listener::new("needs-port", &Log::default())))
    })
    .check_with(|environment| port(environment).map(drop))
}

fn port(environment: &Environment) -> Result<Option<u16>, SettingsError> {
    environment.read("SINK_PORT", "a port", |text| text.parse().ok())
}

submit! {
    Variables::new(&["RAAF_BRIDGE"], |environment| environment.flag("RAAF_BRIDGE").map(drop))
}

submit! {
    AbsentSink::new("remote", "its feature `remote` of these tests is off")
}

submit! {
    SinkRegistration::new("twice", |_| Ok(Sink::exporter(MemoryExporter::new())))
}

submit! {
    SinkRegistration::new("twice", |_| Ok(Sink::exporter(MemoryExporter::new())))
}

fn names(provider: &TracerProvider) -> Vec<String> {
    provider.stats().processors.into_iter().map(|stats| stats.name).collect()
}

fn from_environment(pairs: &[(&str, &str)]) -> Result<TracerProvider, BuildError> {
    let environment = Environment::from_pairs(pairs.iter().copied());
    TracerProvider::builder().environment(&environment).build()
}

#[test]
fn g49_a_registered_sink_is_had_by_name_in_code() {
    let provider = TracerProvider::builder().sink("kept").build().unwrap();
    provider.tracer().start_span("one").finish();
    provider.force_flush(LONG).unwrap();
    assert_eq!(MEMORY.len(), 1);
}

#[test]
fn g60_variables_of_a_crate_that_is_no_sink_are_checked() {
    assert!(from_environment(&[("RAAF_BRIDGE", "on")]).is_ok());
    let error = from_environment(&[("RAAF_BRIDGE", "maybe")]).unwrap_err();
    assert!(error.to_string().contains("RAAF_BRIDGE is `maybe`"), "{error}");
}

#[test]
fn g60_the_environment_names_sinks_in_order() {
    for (list, expected) in
        [("listener,kept", ["listener", "memory"]), (" kept , listener ", ["memory", "listener"])]
    {
        let provider = from_environment(&[("RAAF_TRACE_PROCESSORS", list)]).unwrap();
        assert_eq!(names(&provider), expected);
    }
}

#[test]
fn g49_code_beats_the_environment() {
    let environment = Environment::from_pairs([("RAAF_TRACE_PROCESSORS", "listener")]);
    let builder = TracerProvider::builder().with(MemoryExporter::new());
    let provider = builder.environment(&environment).build().unwrap();
    assert_eq!(names(&provider), ["memory"]);
}

#[test]
fn g49_linking_a_sink_starts_nothing() {
    assert_eq!(from_environment(&[]).unwrap().processor_count(), 0);
}

#[test]
fn g49_an_unknown_sink_is_an_error_that_lists_the_linked_ones_and_says_how_to_link() {
    let error = from_environment(&[("RAAF_TRACE_PROCESSORS", "kept,nosuch")]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`nosuch`"), "{text}");
    assert!(text.contains("kept, listener, needs-port, panics, traces, twice"), "{text}");
    assert!(text.contains("use raaf_processors as _;"), "{text}");
    assert!(matches!(error, BuildError::Sink(SinkError::Unknown { .. })));
}

#[test]
fn g49_an_unknown_sink_is_named_with_the_nearest_one() {
    let error = TracerProvider::builder().sink("listner").build().unwrap_err();
    let text = "unknown sink `listner`; did you mean `listener`? Linked sinks: ";
    assert!(error.to_string().starts_with(text), "{error}");
}

#[test]
fn g49_a_sink_whose_feature_is_off_is_an_error_that_names_the_feature() {
    let error = TracerProvider::builder().sink("remote").build().unwrap_err();
    let expected =
        "the sink `remote` is not compiled in: its feature `remote` of these tests is off";
    assert_eq!(error.to_string(), expected);
    let near = TracerProvider::builder().sink("remoet").build().unwrap_err();
    assert!(near.to_string().contains("did you mean `remote`?"), "{near}");
}

#[test]
fn g49_what_a_main_prints_of_an_error_has_its_text() {
    let error = TracerProvider::builder().sink("remote").build().unwrap_err();
    assert_eq!(format!("{error:?}"), format!("Sink({error})"));
    let error = from_environment(&[("RAAF_TRACE_SAMPLE_RATE", "2")]).unwrap_err();
    let text = "RAAF_TRACE_SAMPLE_RATE is `2`; expected a number from 0 to 1";
    assert_eq!(format!("{error:?}"), format!("Settings({text})"));
}

#[test]
fn g49_a_bad_variable_of_a_sink_that_is_not_enabled_is_an_error() {
    for named in ["kept", "listener"] {
        let pairs = [("RAAF_TRACE_PROCESSORS", named), ("SINK_PORT", "eighty")];
        let error = from_environment(&pairs).unwrap_err();
        assert_eq!(error.to_string(), "SINK_PORT is `eighty`; expected a port");
    }
    let environment = Environment::from_pairs([("SINK_PORT", "eighty")]);
    let in_code = TracerProvider::builder().with(MemoryExporter::new()).environment(&environment);
    assert!(matches!(in_code.build(), Err(BuildError::Settings(_))));
}

#[test]
fn g49_a_name_that_is_registered_twice_is_an_error() {
    let error = TracerProvider::builder().sink("twice").build().unwrap_err();
    let duplicate = |error: &BuildError| {
        matches!(error, BuildError::Sink(SinkError::Duplicate { count: 2, .. }))
    };
    assert!(duplicate(&error), "{error}");
    assert!(error.to_string().contains("`twice` is registered 2 times"), "{error}");
    assert_eq!(linked_sinks(), ["kept", "listener", "needs-port", "panics", "traces", "twice"]);
}

#[test]
fn g49_a_sink_reads_variables_of_its_own_and_may_say_no() {
    let named = ("RAAF_TRACE_PROCESSORS", "needs-port");
    for (port, reason) in
        [(None, "SINK_PORT is not set"), (Some("eighty"), "SINK_PORT is `eighty`; expected a port")]
    {
        let pairs: Vec<_> =
            [named].into_iter().chain(port.map(|port| ("SINK_PORT", port))).collect();
        let error = from_environment(&pairs).unwrap_err();
        let expected = format!("the sink `needs-port` could not be built: {reason}");
        assert_eq!(error.to_string(), expected);
    }
    let provider = from_environment(&[named, ("SINK_PORT", "80")]).unwrap();
    assert_eq!(names(&provider), ["needs-port"]);
}

submit! {
    SinkRegistration::new("traces", |_| {
        trace("making a sink").in_span(|| ());
        Ok(Sink::exporter(MemoryExporter::new()))
    })
}

submit! {
    SinkRegistration::new("panics", |_| panic!("no such device"))
}

#[test]
fn d4_making_a_sink_is_not_traced() {
    let (provider, memory) = in_line();
    provider.run(|| TracerProvider::builder().sink("traces").build().map(drop)).unwrap();
    assert!(memory.is_empty());
}

#[test]
fn d1_a_sink_that_panics_while_it_is_made_is_an_error() {
    let error = TracerProvider::builder().sink("panics").build().map(drop).unwrap_err();
    assert!(error.to_string().ends_with("panicked: no such device"), "{error}");
}

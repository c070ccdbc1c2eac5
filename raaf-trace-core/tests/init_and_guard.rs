//! The global provider. Each test runs a process of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;
mod own_process;

use doubles::{LONG, Listener, Log, components};
use own_process::{Ended, in_own_process};
use raaf_trace_core::{
    Component, MemoryExporter, Traceable as _, TracerProvider, init,
    provider::{BuildError, global_provider, set_global_provider},
    sink::{ExportError, SimpleProcessor},
    tracer,
};

fn call(name: &str) {
    Component::tool(name).in_span("run", || ());
}

fn ended_well(ended: &Ended) {
    ended.well();
}

fn is_enabled() -> bool {
    Component::tool("Search").traced("run").is_enabled()
}

#[test]
fn d2_initialising_twice_is_an_error_while_the_guard_lives() {
    in_own_process(
        &[],
        || {
            let guard = init().unwrap();
            assert!(matches!(init(), Err(BuildError::AlreadyInitialised)));
            let second = TracerProvider::builder().with(MemoryExporter::new()).init();
            let text = second.unwrap_err().to_string();
            assert_eq!(
                text,
                "tracing is already initialised; keep its guard, or replace the \
                 provider with `set_global_provider`"
            );
            assert!(guard.provider().is(&global_provider()), "the first one stays");
            drop(guard);
            drop(init().unwrap());
        },
        ended_well,
    );
}

#[test]
fn d2_the_guard_s_drop_delivers_and_shuts_down() {
    in_own_process(
        &[],
        || {
            let (memory, log) = (MemoryExporter::new(), Log::default());
            let guard = TracerProvider::builder()
                .with(memory.clone())
                .with(Listener::new("p", &log))
                .init()
                .unwrap()
                .with_timeout(LONG);
            call("Search");
            assert!(memory.is_empty());
            drop(guard);
            assert_eq!((components(&memory), log.count("p shutdown")), (vec!["Search".into()], 1));
            call("Late");
            assert_eq!(memory.len(), 1);
        },
        ended_well,
    );
}

#[test]
fn d2_the_guard_s_shutdown_says_how_it_went() {
    in_own_process(
        &[],
        || {
            let exporter = doubles::Stalled::default();
            let guard = TracerProvider::builder().with(exporter.clone()).init().unwrap();
            call("Search");
            let error = guard.with_timeout(doubles::SHORT).shutdown().unwrap_err();
            assert_eq!(error.failures()[0].name, "stalled");
            exporter.release();
        },
        ended_well,
    );
}

#[test]
fn d2_the_last_line_says_how_many_spans_were_lost() {
    in_own_process(
        &[],
        || {
            let refusing = SimpleProcessor::new(doubles::Failing(ExportError::permanent("no")));
            let guard = TracerProvider::builder().with(refusing).init().unwrap();
            call("Lost");
            call("Lost");
            drop(guard);
        },
        |ended| {
            let lines = ended.well().diagnostics();
            let last = lines.last().unwrap();
            assert!(last.ends_with("at shutdown, `failing` lost 2 of 2 spans"), "{last}");
        },
    );
}

#[test]
fn d2_what_is_traced_after_the_guard_is_reported_once() {
    in_own_process(
        &[],
        || {
            let memory = MemoryExporter::new();
            let _ = TracerProvider::builder().with(memory.clone()).init().unwrap();
            call("Unseen");
            call("Unseen");
            assert!(memory.is_empty());
            assert!(!is_enabled(), "it is reported once, and costs nothing then");
        },
        |ended| {
            let [line] = ended.well().diagnostics()[..] else { panic!("{}", ended.stderr) };
            assert!(line.contains("`let _tracing = init()?;`"), "{line}");
        },
    );
}

#[test]
fn d2_a_guard_that_ends_with_the_program_says_nothing() {
    in_own_process(
        &[],
        || drop(TracerProvider::builder().with(MemoryExporter::new()).init().unwrap()),
        |ended| assert_eq!(ended.well().diagnostics(), [""; 0]),
    );
}

#[test]
fn g61_without_sinks_the_default_provider_makes_no_spans_and_tracing_costs_one_look() {
    in_own_process(
        &[],
        || {
            assert!(is_enabled(), "nobody knows yet");
            assert!(!tracer().start_span("by hand").is_recording());
            assert!(!is_enabled(), "now it is known");
            assert_eq!(global_provider().processor_count(), 0);
            assert_eq!(global_provider().stats().started, 0);
        },
        ended_well,
    );
}

#[test]
fn g49_the_default_provider_records_as_soon_as_it_has_a_processor() {
    in_own_process(
        &[],
        || {
            call("Unseen");
            let memory = MemoryExporter::new();
            global_provider().add_processor(SimpleProcessor::new(memory.clone()));
            call("Seen");
            assert_eq!(components(&memory), ["Seen"]);
            global_provider().disable();
            assert!(!is_enabled());
            global_provider().enable();
            call("Again");
            assert_eq!(components(&memory), ["Seen", "Again"]);
        },
        ended_well,
    );
}

#[test]
fn g49_init_takes_the_place_of_the_default_provider() {
    in_own_process(
        &[],
        || {
            call("Unseen");
            let memory = MemoryExporter::new();
            let guard = TracerProvider::builder().with(memory.clone()).init().unwrap();
            call("Seen");
            guard.shutdown().unwrap();
            assert_eq!(components(&memory), ["Seen"]);
        },
        ended_well,
    );
}

#[test]
fn g48_setting_another_global_provider_returns_the_old_one_still_running() {
    in_own_process(
        &[],
        || {
            let memories = [MemoryExporter::new(), MemoryExporter::new()];
            let providers = memories.each_ref().map(|memory| {
                let simple = SimpleProcessor::new(memory.clone());
                TracerProvider::builder().with(simple).build()
            });
            assert!(set_global_provider(providers[0].clone()).is_none());
            call("First");
            let old = set_global_provider(providers[1].clone()).unwrap();
            assert!(old.is(&providers[0]));
            call("Second");
            old.run(|| call("Third"));
            assert_eq!(components(&memories[0]), ["First", "Third"]);
            assert_eq!(components(&memories[1]), ["Second"]);
        },
        ended_well,
    );
}

#[test]
fn g61_with_no_provider_that_records_the_gate_is_closed() {
    in_own_process(
        &[],
        || {
            let guard = TracerProvider::builder().with(MemoryExporter::new()).init().unwrap();
            assert!(is_enabled());
            guard.provider().disable();
            assert!(!is_enabled());
            let local = TracerProvider::builder().build();
            assert!(is_enabled(), "another provider records");
            drop(local);
            assert!(!is_enabled());
            guard.provider().enable();
            assert!(is_enabled());
            drop(guard);
            // The first late call is reported.
            call("Late");
            assert!(!is_enabled(), "it is over, and no other provider was made");
            let _next = TracerProvider::builder().with(MemoryExporter::new()).init().unwrap();
            assert!(is_enabled());
        },
        ended_well,
    );
}

//! Tracing in a forked child. Each test runs a process of its own, and its children.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;
mod forked;
mod own_process;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use doubles::{LONG, Stalled, components, in_line};
use forked::{batching, ended_well, forked};
use own_process::in_own_process;
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, SpanExporter, SpanProcessor, Traceable as _,
    TracerProvider, current_span, current_trace_id,
    provider::global_provider,
    registry::{Sink, SinkRegistration},
    sink::{BatchConfig, ExportError, PerProcess, SimpleProcessor},
    submit,
};

fn ids_of_a_hundred_spans() -> String {
    let search = Component::tool("Search");
    let ids = || format!("{:?} {:?}\n", current_trace_id(), current_span().unwrap().span_id());
    (0..100).map(|_| search.in_span("run", ids)).collect()
}

fn in_common(ours: &str, theirs: &str, word: usize) -> usize {
    let ids = |text: &str| -> HashSet<String> {
        text.lines().map(|line| line.split(' ').nth(word).unwrap().to_owned()).collect()
    };
    assert_eq!((ours.lines().count(), theirs.lines().count()), (100, 100));
    ids(ours).intersection(&ids(theirs)).count()
}

#[test]
fn l10_parent_and_child_draw_different_ids() {
    in_own_process(
        &[],
        || {
            let (provider, _) = in_line();
            provider.run(|| {
                ids_of_a_hundred_spans();
                let mut ours = String::new();
                let theirs = forked(ids_of_a_hundred_spans, || ours = ids_of_a_hundred_spans());
                assert_eq!((in_common(&ours, &theirs, 0), in_common(&ours, &theirs, 1)), (0, 0));
                // A brother, and inside of a span.
                Component::agent("Planner").in_span("run", || {
                    let brothers =
                        forked(ids_of_a_hundred_spans, || ours = ids_of_a_hundred_spans());
                    assert_eq!(in_common(&ours, &brothers, 0), 1, "one trace");
                    assert_eq!(in_common(&ours, &brothers, 1), 0);
                    assert_eq!(in_common(&theirs, &brothers, 1), 0);
                });
            });
        },
        ended_well,
    );
}

#[test]
fn l10_a_child_delivers_its_own_spans_and_not_its_parent_s() {
    in_own_process(
        &[],
        || {
            let (provider, memory) = batching();
            let call = |name: &str| provider.run(|| Component::tool(name).in_span("run", || ()));
            call("Early");
            let child = || {
                call("Child");
                call("Child");
                provider.force_flush(LONG).unwrap();
                let stats = provider.stats();
                format!("{:?} {stats:?}", components(&memory))
            };
            let answer = forked(child, || ());
            assert!(answer.starts_with(r#"["Child", "Child"]"#), "{answer}");
            for count in ["started: 2", "ended: 2", "received: 2", "delivered: 2", "dropped: 0"] {
                assert!(answer.contains(count), "{count}: {answer}");
            }
            provider.force_flush(LONG).unwrap();
            assert_eq!(components(&memory), ["Early"]);
        },
        ended_well,
    );
}

#[test]
fn l10_a_child_of_a_child_delivers_too() {
    in_own_process(
        &[],
        || {
            let (provider, memory) = batching();
            let call = |name: &str| provider.run(|| Component::tool(name).in_span("run", || ()));
            let grandchild = || {
                call("Grandchild");
                provider.shutdown(LONG).unwrap();
                format!("{:?}", components(&memory))
            };
            let child = || {
                call("Child");
                forked(grandchild, || ())
            };
            assert_eq!(forked(child, || ()), r#"["Grandchild"]"#);
        },
        ended_well,
    );
}

#[test]
fn l10_a_sink_at_work_at_the_fork_is_not_called_and_what_it_loses_is_told() {
    in_own_process(
        &[],
        || {
            let stalled = Stalled::default();
            let provider = TracerProvider::builder().with(stalled.clone()).build();
            let call = || provider.run(|| Component::tool("Search").in_span("run", || ()));
            call();
            drop(provider.force_flush(doubles::SHORT));
            stalled.until_it_hangs();
            let child = || {
                call();
                let error = provider.force_flush(LONG).unwrap_err();
                format!("{error}, {} dropped", provider.stats().processors[0].dropped)
            };
            let answer = forked(child, || ());
            assert!(answer.contains("when this process was forked"), "{answer}");
            assert!(answer.ends_with("1 dropped"), "{answer}");
            stalled.release();
        },
        |ended| {
            ended.well();
            let told = "raaf warn [export] `stalled` receives no spans in this process: ";
            assert!(ended.diagnostics().iter().any(|line| line.starts_with(told)));
        },
    );
}

#[test]
fn l10_no_child_hangs_however_many_threads_trace_at_the_fork() {
    in_own_process(
        &[],
        || {
            let provider = TracerProvider::builder()
                .with(MemoryExporter::with_limit(100))
                .with(SimpleProcessor::new(MemoryExporter::with_limit(100)))
                .build();
            let (planner, search) = (Component::agent("Planner"), Component::tool("Search"));
            let work = || {
                provider.run(|| {
                    planner.in_span("run", || {
                        search.traced("find").with("query", "tea").in_span(|| ());
                        provider.tracer().start_span("by hand").finish();
                    });
                });
            };
            let done = AtomicBool::new(false);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        while !done.load(Ordering::Relaxed) {
                            work();
                        }
                    });
                }
                for _ in 0..100 {
                    let child = || {
                        work();
                        thread::scope(|scope| {
                            scope.spawn(work);
                        });
                        drop(provider.force_flush(LONG));
                        provider.stats().started.to_string()
                    };
                    assert_eq!(forked(child, || ()), "6");
                }
                done.store(true, Ordering::Relaxed);
            });
        },
        |ended| {
            ended.well();
        },
    );
}

#[test]
fn l10_each_process_has_its_own_value() {
    in_own_process(
        &[],
        || {
            let value = PerProcess::new(1);
            let next = || value.get(|parent| parent + 1).to_string();
            let child = || next() + &forked(next, || ()) + &next();
            assert_eq!(forked(child, || ()), "232");
            assert_eq!(next(), "1");
        },
        ended_well,
    );
}

/// Fails until its process is a child.
struct DeliversInChildren {
    memory: MemoryExporter,
    is_child: Arc<AtomicBool>,
}

impl SpanExporter for DeliversInChildren {
    fn name(&self) -> &'static str {
        "delivers in children"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        if self.is_child.load(Ordering::Relaxed) {
            return self.memory.export(batch);
        }
        Err(ExportError::retryable("not a child"))
    }
}

#[test]
fn l10_a_child_forked_during_a_flush_delivers_its_spans() {
    in_own_process(
        &[],
        || {
            let (memory, is_child) = (MemoryExporter::new(), Arc::new(AtomicBool::new(false)));
            let exporter =
                DeliversInChildren { memory: memory.clone(), is_child: Arc::clone(&is_child) };
            let config = BatchConfig::default().with_backoff(LONG, LONG);
            let provider = TracerProvider::builder().with(exporter).batch(config).build();
            let call = |name: &str| provider.run(|| Component::tool(name).in_span("run", || ()));
            call("Early");
            thread::scope(|scope| {
                scope.spawn(|| drop(provider.force_flush(Duration::from_secs(2))));
                // A failed attempt: the flush waits for the next, and no call of the exporter runs.
                doubles::until("an attempt failed", || {
                    provider.stats().processors[0].last_error.is_some()
                });
                let child = || {
                    is_child.store(true, Ordering::Relaxed);
                    call("Child");
                    provider.shutdown(LONG).unwrap();
                    format!("{:?}", components(&memory))
                };
                assert_eq!(forked(child, || ()), r#"["Child"]"#);
            });
        },
        |ended| {
            ended.well();
        },
    );
}

#[test]
fn l10_the_counts_of_a_child_begin_at_0_without_a_queue_too() {
    in_own_process(
        &[],
        || {
            let (provider, _) = in_line();
            let call = || provider.run(|| Component::tool("Search").in_span("run", current_span));
            let spans: Vec<_> = (0..3).map(|_| call().unwrap()).collect();
            spans[0].set_attribute("late", true);
            let counts = || {
                call();
                let stats = provider.stats();
                let sink = &stats.processors[0];
                format!("{} {} {}", sink.received, sink.delivered, stats.late_calls)
            };
            assert_eq!(forked(counts, || ()), "1 1 0");
            assert_eq!(counts(), "4 4 1");
        },
        ended_well,
    );
}

/// Hangs in its first call until it is released.
struct Stuck(Stalled);

impl SpanProcessor for Stuck {
    fn on_end(&self, span: &FinishedSpan) {
        drop(self.0.export(std::slice::from_ref(span)));
    }
}

#[test]
fn l10_a_child_adds_a_processor_while_its_parent_replaces_them() {
    in_own_process(
        &[],
        || {
            let stalled = Stalled::default();
            let provider = TracerProvider::builder().with(Stuck(stalled.clone())).build();
            thread::scope(|scope| {
                scope.spawn(|| provider.run(|| Component::tool("T").in_span("run", || ())));
                stalled.until_it_hangs();
                scope.spawn(|| drop(provider.set_processors(Vec::new(), LONG)));
                doubles::until("they are replaced", || provider.processor_count() == 0);
                let child = || {
                    provider.add_processor(MemoryExporter::new());
                    provider.processor_count().to_string()
                };
                assert_eq!(forked(child, || ()), "1");
                stalled.release();
            });
        },
        |ended| {
            ended.well();
        },
    );
}

/// State of a sink's construction, and permission to finish it.
static IS_BUILDING: AtomicBool = AtomicBool::new(false);
static MAY_BE_BUILT: AtomicBool = AtomicBool::new(false);

submit! {
    SinkRegistration::new("slow", |_| {
        IS_BUILDING.store(true, Ordering::Release);
        while !MAY_BE_BUILT.load(Ordering::Acquire) {
            thread::yield_now();
        }
        Ok(Sink::exporter(MemoryExporter::new()))
    })
}

#[test]
fn l10_a_child_forked_while_the_default_provider_is_built_builds_its_own() {
    in_own_process(
        &[("RAAF_TRACE_PROCESSORS", "slow")],
        || {
            let first = thread::spawn(|| Component::tool("Parent").in_span("run", || ()));
            doubles::until("the sink is being built", || IS_BUILDING.load(Ordering::Acquire));
            let child = || {
                MAY_BE_BUILT.store(true, Ordering::Release);
                Component::tool("Child").in_span("run", || ());
                let delivered = global_provider().shutdown(LONG);
                format!("{delivered:?} {}", global_provider().stats().processors[0].delivered)
            };
            assert_eq!(forked(child, || ()), "Ok(()) 1");
            MAY_BE_BUILT.store(true, Ordering::Release);
            first.join().unwrap();
            assert_eq!(global_provider().stats().started, 1);
        },
        |ended| {
            ended.well();
        },
    );
}

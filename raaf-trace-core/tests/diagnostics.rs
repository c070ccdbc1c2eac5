//! Handlers of diagnostic lines. Each test runs a process of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;
mod own_process;

use std::sync::{Arc, Mutex};

use doubles::in_line;
use own_process::in_own_process;
use raaf_trace_core::{
    Component, MemoryExporter, Traceable as _, TracerProvider,
    diagnostics::{self, Category, Line},
    provider::{global_provider, set_global_provider},
};

/// Lines that arrived somewhere.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, text: &impl ToString) {
        self.0.lock().unwrap().push(text.to_string());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Writes lines that are shown, and one that is not.
fn some_lines() {
    diagnostics::warn(Category::Http, format_args!("no\nanswer"));
    diagnostics::error(Category::Tools, format_args!("no tool"));
    diagnostics::debug(Category::Context, format_args!("not shown"));
}

#[test]
fn a_handler_receives_lines_in_place_of_standard_error() {
    in_own_process(
        &[],
        || {
            let heard = Heard::default();
            let shown = heard.clone();
            diagnostics::set_handler(move |line| shown.note(line));
            some_lines();
            assert_eq!(
                heard.take(),
                ["raaf warn [http] no\\nanswer", "raaf error [tools] no tool"]
            );
            let parts = heard.clone();
            diagnostics::set_handler(move |line: &Line| {
                parts.note(&format!("{:?} {:?} {}", line.level(), line.category(), line.text()));
            });
            some_lines();
            assert_eq!(heard.take(), ["Warn Http no\\nanswer", "Error Tools no tool"]);
            diagnostics::clear_handler();
            diagnostics::warn(Category::Api, format_args!("shown again"));
            assert!(heard.take().is_empty());
        },
        |ended| assert_eq!(ended.well().diagnostics(), ["raaf warn [api] shown again"]),
    );
}

#[test]
fn a_handler_does_not_feed_itself() {
    in_own_process(
        &[],
        || {
            let (provider, memory) = in_line();
            set_global_provider(provider);
            diagnostics::set_handler(|_| {
                Component::tool("Log").in_span("write", || ());
                diagnostics::warn(Category::Api, format_args!("from within"));
            });
            some_lines();
            assert!(memory.is_empty());
        },
        |ended| {
            let line = "raaf warn [api] from within";
            assert_eq!(ended.well().diagnostics(), [line, line]);
        },
    );
}

#[test]
fn a_line_over_which_a_handler_panics_goes_to_standard_error() {
    in_own_process(
        &[],
        || {
            diagnostics::set_handler(|_| panic!("no room"));
            diagnostics::warn(Category::Api, format_args!("one"));
            diagnostics::warn(Category::Api, format_args!("two"));
        },
        |ended| {
            assert_eq!(ended.well().diagnostics(), ["raaf warn [api] one", "raaf warn [api] two"]);
        },
    );
}

#[test]
fn a_handler_may_use_the_global_provider_while_that_is_built() {
    in_own_process(
        &[("RAAF_TRACE_BATCH_SIZE", "many")],
        || {
            let heard = Heard::default();
            let shown = heard.clone();
            diagnostics::set_handler(move |line| {
                shown.note(&format!("{} {line}", global_provider().stats().started));
            });
            Component::tool("Search").in_span("run", || ());
            let [line] = &heard.take()[..] else { panic!("one line") };
            assert!(line.starts_with("0 raaf warn [tracing] RAAF_TRACE_BATCH_SIZE"), "{line}");
        },
        |ended| assert_eq!(ended.well().diagnostics(), [""; 0]),
    );
}

#[cfg(feature = "log")]
mod log_handler {
    use super::*;

    impl log::Log for Heard {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            self.note(&format!("{} {} {}", record.level(), record.target(), record.args()));
        }

        fn flush(&self) {}
    }

    #[test]
    fn lines_go_to_log_with_their_level_and_category() {
        in_own_process(
            &[],
            || {
                let heard = Heard::default();
                log::set_logger(Box::leak(Box::new(heard.clone()))).unwrap();
                log::set_max_level(log::LevelFilter::Trace);
                diagnostics::set_handler(diagnostics::to_log);
                some_lines();
                assert_eq!(
                    heard.take(),
                    ["WARN raaf::http no\\nanswer", "ERROR raaf::tools no tool"]
                );
            },
            |ended| assert!(ended.well().diagnostics().is_empty()),
        );
    }
}

#[cfg(feature = "tracing")]
mod tracing_handler {
    use std::fmt;

    use super::*;
    use tracing::{Event, Metadata, Subscriber, field, span};

    impl Subscriber for Heard {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            struct Message(String);
            impl field::Visit for Message {
                fn record_debug(&mut self, _: &field::Field, value: &dyn fmt::Debug) {
                    self.0 = format!("{value:?}");
                }
            }
            let mut message = Message(String::new());
            event.record(&mut message);
            let about = event.metadata();
            self.note(&format!("{} {} {}", about.level(), about.target(), message.0));
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn lines_go_to_tracing_with_their_level_and_category() {
        in_own_process(
            &[],
            || {
                let heard = Heard::default();
                tracing::subscriber::set_global_default(heard.clone()).unwrap();
                diagnostics::set_handler(diagnostics::to_tracing);
                some_lines();
                assert_eq!(
                    heard.take(),
                    ["WARN raaf::http no\\nanswer", "ERROR raaf::tools no tool"]
                );
            },
            |ended| assert!(ended.well().diagnostics().is_empty()),
        );
    }
}

#[test]
fn a_panic_whose_value_panics_when_dropped_stays_inside() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any(Self);
        }
    }
    in_own_process(
        &[],
        || {
            let heard = Heard::default();
            let shown = heard.clone();
            diagnostics::set_handler(move |line| {
                if line.category() == Category::Http {
                    std::panic::panic_any(Bomb);
                }
                shown.note(line);
            });
            some_lines();
            diagnostics::clear_handler();
            assert_eq!(heard.take(), ["raaf error [tools] no tool"]);
        },
        |ended| assert_eq!(ended.well().diagnostics(), ["raaf warn [http] no\\nanswer"]),
    );
}

#[test]
fn a_handler_may_read_statistics_when_a_worker_cannot_start() {
    // No thread has a stack of this size.
    in_own_process(
        &[("RUST_MIN_STACK", "140737488355328")],
        || {
            let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
            let (heard, stats) = (Heard::default(), provider.clone());
            let shown = heard.clone();
            diagnostics::set_handler(move |line| {
                shown.note(line);
                shown.note(&stats.stats().started);
            });
            provider.run(|| Component::tool("T").in_span("run", || ()));
            diagnostics::clear_handler();
            let heard = heard.take();
            assert!(heard[0].contains("the exporter's thread could not be started"), "{heard:?}");
            assert_eq!(heard[1], "1");
            assert_eq!(provider.stats().processors[0].dropped, 1);
        },
        |ended| {
            ended.well();
        },
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_line_is_shown_when_no_file_can_be_opened() {
    in_own_process(
        &[],
        || {
            let mut open = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                open.push(file);
            }
            diagnostics::warn(Category::Http, format_args!("{} files", open.len().min(1)));
        },
        |ended| assert_eq!(ended.well().diagnostics(), ["raaf warn [http] 1 files"]),
    );
}

#[test]
fn a3_a_reserved_key_is_named_once() {
    in_own_process(
        &[],
        || {
            let (provider, memory) = in_line();
            let batched = TracerProvider::builder().with(MemoryExporter::new()).build();
            for provider in [&provider, &batched, &provider] {
                provider.run(|| {
                    let tool = Component::tool("Search");
                    tool.traced("run")
                        .with("success", true)
                        .on_result(|(): &(), attributes| {
                            attributes.set("error.code", 7);
                        })
                        .in_span(|| ());
                });
            }
            assert_eq!(memory.len(), 2);
        },
        |ended| {
            let line = |key| {
                format!(
                    "raaf warn [tracing] ignored the attribute `{key}`: `component.*`, `success`, \
                     `duration_ms` and `error.*` are set by the library; use another key"
                )
            };
            assert_eq!(ended.well().diagnostics(), [line("success"), line("error.code")]);
        },
    );
}

//! Delivery of spans when `main` ends, without a guard and with one. The program under
//! test is this one, started again; a test harness would keep its own `main` in between.

#![allow(clippy::expect_used, reason = "this is a test")]

use std::{
    env,
    io::{self, Write as _},
    process::Command,
    time::Duration,
};

use raaf_trace_core::{
    Component, FinishedSpan, SpanExporter, SpanProcessor, Traceable as _,
    registry::{Sink, SinkRegistration},
    sink::{ExportError, ProcessorError},
    submit,
};

const INSIDE: &str = "IN_A_PROCESS_OF_ITS_OWN";

struct Echo;

impl SpanExporter for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }
    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        for span in batch {
            let _ = writeln!(io::stdout(), "delivered {}", span.component_name());
        }
        Ok(())
    }
}

/// Tells of its calls, and delivers nothing in time.
struct Stuck;

impl Stuck {
    fn times_out(call: &str) -> Result<(), ProcessorError> {
        let _ = writeln!(io::stdout(), "{call}");
        Err(ProcessorError::Timeout { pending: 1 })
    }
}

impl SpanProcessor for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }
    fn on_end(&self, _: &FinishedSpan) {}
    fn force_flush(&self, _: Duration) -> Result<(), ProcessorError> {
        Self::times_out("flush")
    }
    fn shutdown(&self, _: Duration) -> Result<(), ProcessorError> {
        Self::times_out("shutdown")
    }
}

submit! { SinkRegistration::new("echo", |_| Ok(Sink::exporter(Echo))) }
submit! { SinkRegistration::new("stuck", |_| Ok(Sink::processor(Stuck))) }

fn main() {
    match env::var(INSIDE).as_deref() {
        Ok("guard") => {
            let _tracing = raaf_trace_core::init().expect("the settings are valid");
            Component::tool("Search").in_span("run", || ());
        }
        Ok(_) => Component::tool("Search").in_span("run", || ()),
        Err(_) => {
            d2_the_end_of_the_main_thread_delivers_without_a_guard();
            d2_the_end_of_the_main_thread_waits_once_for_a_sink_that_hangs();
        }
    }
}

fn d2_the_end_of_the_main_thread_delivers_without_a_guard() {
    assert_eq!(output("no guard", "echo"), "delivered Search\n");
}

fn d2_the_end_of_the_main_thread_waits_once_for_a_sink_that_hangs() {
    assert_eq!(output("no guard", "stuck"), "flush\n");
    assert_eq!(output("guard", "stuck"), "shutdown\n");
}

/// Returns what the program prints that uses this sink, with a guard or without one.
fn output(inside: &str, sink: &str) -> String {
    let program = env::current_exe().expect("a running program has a path");
    let output = Command::new(program)
        .env(INSIDE, inside)
        .env("RAAF_TRACE_PROCESSORS", sink)
        .env("RAAF_TRACE_FLUSH_INTERVAL", "3600")
        .output()
        .expect("the program can be started again");
    assert!(output.status.success(), "{output:#?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

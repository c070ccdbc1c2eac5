//! Delivery of spans when `main` ends and no guard was kept. The program under
//! test is this one, started again; a test harness would keep its own `main` in between.

#![allow(clippy::expect_used, reason = "this is a test")]

use std::{
    env,
    io::{self, Write as _},
    process::Command,
};

use raaf_trace_core::{
    Component, FinishedSpan, SpanExporter, Traceable as _,
    registry::{Sink, SinkRegistration},
    sink::ExportError,
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

submit! { SinkRegistration::new("echo", |_| Ok(Sink::exporter(Echo))) }

fn main() {
    if env::var_os(INSIDE).is_some() {
        Component::tool("Search").in_span("run", || ());
    } else {
        d2_the_end_of_the_main_thread_delivers_without_a_guard();
    }
}

fn d2_the_end_of_the_main_thread_delivers_without_a_guard() {
    let program = env::current_exe().expect("a running program has a path");
    let output = Command::new(program)
        .env(INSIDE, "1")
        .env("RAAF_TRACE_PROCESSORS", "echo")
        .env("RAAF_TRACE_FLUSH_INTERVAL", "3600")
        .output()
        .expect("the program can be started again");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout == "delivered Search\n", "{output:#?}");
}

//! Shutdown on signals. Each test runs a process of its own, which a signal ends.

#![cfg(all(unix, feature = "signals"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;
mod own_process;

use std::{
    env,
    ffi::c_int,
    fs,
    io::{self, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::Command,
    thread,
};

use doubles::LONG;
use own_process::{Ended, in_own_process};
use raaf_trace_core::{
    Component, FinishedSpan, SpanExporter, Traceable as _, TracerProvider, sink::ExportError,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    low_level::raise,
};

/// Prints what it delivers. Its shutdown raises signals, while the provider's is in progress.
struct Echo {
    raised_in_shutdown: &'static [c_int],
}

impl SpanExporter for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        print(format_args!("delivered {}", batch.len()));
        Ok(())
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        for signal in self.raised_in_shutdown {
            raise(*signal).unwrap();
            print(format_args!("survived {signal}"));
        }
        Ok(())
    }
}

fn print(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Traces a call, raises these signals, and waits for one of them to end the process.
fn trace_and_raise(signals: &[c_int], raised_in_shutdown: &'static [c_int]) {
    let guard = TracerProvider::builder().with(Echo { raised_in_shutdown }).init().unwrap();
    guard.provider().shutdown_on_signals(LONG).unwrap();
    Component::tool("Search").in_span("run", || ());
    for signal in signals {
        raise(*signal).unwrap();
    }
    // Only a broken handler lets it come to an end of this.
    thread::sleep(LONG);
}

/// Runs this test process again, from a shell that runs `setup` first; once.
fn run_again_after(setup: &str) {
    const AGAIN: &str = "RUNS_AGAIN";
    if env::var_os(AGAIN).is_none() {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{setup}; exec \"$0\" \"$@\"")]);
        shell.arg(env::current_exe().unwrap()).args(env::args_os().skip(1));
        panic!("{}", shell.env(AGAIN, "1").exec());
    }
}

/// Returns whether this process began with a signal ignored, as shells begin jobs in the background.
fn is_ignored(signal: c_int) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let is_ignored = ignored.is_some_and(|mask| mask & (1 << (signal - 1)) != 0);
    if is_ignored {
        print(format_args!("skipped: signal {signal} is ignored here"));
    }
    is_ignored
}

fn ended_by(ended: &Ended, signal: c_int) {
    assert_eq!(ended.output.status.signal(), Some(signal), "{}", ended.stderr);
    assert!(ended.stdout.contains("delivered 1"), "{}", ended.stdout);
}

#[test]
fn d2_sigterm_delivers_and_then_ends_the_process_as_it_would_have() {
    in_own_process(&[], || trace_and_raise(&[SIGTERM], &[]), |ended| ended_by(ended, SIGTERM));
}

#[test]
fn d2_sighup_delivers_and_then_ends_the_process_as_it_would_have() {
    in_own_process(&[], || trace_and_raise(&[SIGHUP], &[]), |ended| ended_by(ended, SIGHUP));
}

#[test]
fn d2_sigquit_delivers_and_then_ends_the_process_as_it_would_have() {
    if is_ignored(SIGQUIT) {
        return;
    }
    in_own_process(
        &[],
        || {
            run_again_after("ulimit -c 0");
            trace_and_raise(&[SIGQUIT], &[]);
        },
        |ended| ended_by(ended, SIGQUIT),
    );
}

#[test]
fn d2_a_second_signal_ends_a_shutdown_at_once() {
    if is_ignored(SIGINT) {
        return;
    }
    in_own_process(
        &[],
        || trace_and_raise(&[SIGTERM], &[SIGINT]),
        |ended| {
            ended_by(ended, SIGINT);
            assert!(!ended.stdout.contains("survived"), "{}", ended.stdout);
        },
    );
}

#[test]
fn d2_sighup_does_not_cut_a_shutdown_short_or_make_the_next_signal_a_second_one() {
    in_own_process(
        &[],
        || trace_and_raise(&[SIGHUP], &[SIGHUP, SIGTERM, SIGHUP]),
        |ended| {
            ended_by(ended, SIGHUP);
            let survived = ended.stdout.matches("survived").count();
            assert_eq!(survived, 3, "{}", ended.stdout);
        },
    );
}

/// Other systems do not show what is ignored.
#[cfg(target_os = "linux")]
#[test]
fn d2_ignored_signals_remain_ignored() {
    in_own_process(
        &[],
        || {
            run_again_after("trap '' HUP INT");
            trace_and_raise(&[SIGHUP, SIGINT, SIGINT, SIGTERM], &[]);
        },
        |ended| ended_by(ended, SIGTERM),
    );
}

//! Errors in the console sink's output.

#![cfg(feature = "console")]

mod support;

use std::{error::Error, fmt, iter};

use raaf_processors::{ConsoleMode, ConsoleSink};
use raaf_trace_core::{
    Status, TracerProvider, attributes::SpanLimits, clock::ManualClock, id::SequentialIds,
};
use support::{Bench, LONG, Output};

/// An error with a source.
#[derive(Debug)]
struct Because(String, Option<Box<Because>>);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Because {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

/// An error with those texts, outermost first.
fn chain<S: Into<String>>(texts: impl DoubleEndedIterator<Item = S>) -> Because {
    let add = |source, text: S| Some(Box::new(Because(text.into(), source)));
    let nothing = || Because("nothing".to_owned(), None);
    texts.rev().fold(None, add).map_or_else(nothing, |error| *error)
}

#[test]
fn g17_a_failure_shows_what_caused_it_once() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    let _ = tracer.pipeline_span("Report").try_in_span(|| {
        let failed = tracer.agent_span("Writer").try_in_span(|| {
            let failed = tracer.tool_span("Fetch").try_in_span(|| {
                Err::<(), _>(chain(["no page", "no answer", "refused"].into_iter()))
            });
            tracer.tool_span("Cleanup").in_span(|| ());
            failed
        });
        failed.map_err(|error| Because("no report".to_owned(), Some(Box::new(error))))
    });
    assert_eq!(
        bench.shown(),
        "\
Pipeline:Report  0 ns  self 0 ns  ✗ error  Because: no report
└── Agent:Writer  +0 ns  0 ns  self 0 ns  ✗ error  Because: no page
    ├── Tool:Fetch  +0 ns  0 ns  ✗ error  Because: no page: no answer: refused
    └── Tool:Cleanup  +0 ns  0 ns  ✓ ok
"
    );
}

#[test]
fn a_cause_that_no_child_tells_of_is_shown_above_them() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    let _ = tracer.agent_span("Writer").try_in_span(|| {
        let _ =
            tracer.tool_span("Other").try_in_span(|| Err::<(), _>(chain(["refused"].into_iter())));
        let failed = tracer
            .tool_span("Fetch")
            .try_in_span(|| Err::<(), _>(chain(["no answer", "refused"].into_iter())));
        failed.map_err(|error| chain(["no text", "no page", &error.0, "refused"].into_iter()))
    });
    assert_eq!(
        bench.shown(),
        "\
Agent:Writer  0 ns  self 0 ns  ✗ error  Because: no text: no page
├── Tool:Other  +0 ns  0 ns  ✗ error  Because: refused
└── Tool:Fetch  +0 ns  0 ns  ✗ error  Because: no answer: refused
"
    );
}

#[test]
fn what_of_an_error_does_not_fit_the_line_follows_below() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    let long = "long ".repeat(30);
    let _ = tracer.agent_span("Writer").try_in_span(|| {
        let texts = ["no page", "no answer from the server at http://localhost:8000", "refused"];
        let _ = tracer.tool_span("Fetch").try_in_span(|| Err::<(), _>(chain(texts.into_iter())));
        tracer.tool_span("Print").try_in_span(|| Err::<(), _>(chain([&*long, &*long].into_iter())))
    });
    let shown = bench.shown();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[1], "├── Tool:Fetch  +0 ns  0 ns  ✗ error  Because: no page");
    assert_eq!(lines[2], "│         caused by: no answer from the server at http://localhost:8000");
    assert_eq!(lines[3], "│         caused by: refused");
    assert!(lines[4].starts_with("└── Tool:Print  +0 ns  0 ns  ✗ error  Because: long long"));
    assert!(lines[5].starts_with("          message: long long "));
    assert!(lines[6].starts_with("                   long long "));
    assert!(lines[7].starts_with("          caused by: long long "));
    assert!(lines[8].starts_with("                     long long "));
    assert!(lines.iter().all(|line| line.chars().count() <= 100), "{shown}");
    assert_eq!(lines.len(), 9);
    let words = lines[5..].iter().map(|line| line.matches(" long").count());
    assert_eq!(words.sum::<usize>(), 2 * 30);
}

#[test]
fn causes_come_with_lines_and_before_details() {
    for (detailed, expected) in [(false, ""), (true, "      note = x\n")] {
        let console = ConsoleSink::builder().mode(ConsoleMode::Lines).detailed(detailed);
        let bench = Bench::new(console);
        let failing = bench.tracer().tool_span("Fetch").with("note", "x");
        let _ = failing
            .try_in_span(|| Err::<(), _>(chain([&*"no page ".repeat(12), "refused"].into_iter())));
        let shown = bench.shown();
        let end = format!("\n      caused by: refused\n{expected}");
        assert!(shown.ends_with(&end), "{shown}");
    }
}

#[test]
fn a_long_chain_of_causes_is_cut() {
    let bench = Bench::new(ConsoleSink::builder());
    let hostile = iter::once("end".to_owned()).chain((0..9).map(|n| format!("\u{1b}[2J\n{n}")));
    let _ = bench.tracer().tool_span("Fetch").try_in_span(|| {
        let texts: Vec<String> = hostile.collect();
        Err::<(), _>(chain(texts.into_iter()))
    });
    let shown = bench.shown();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 7, "{shown}");
    assert_eq!(lines[1], r"      caused by: \u{1b}[2J\n0");
    assert_eq!(lines[6], "      + 4 more causes");
}

#[test]
fn l7_every_status_looks_different() {
    let bench = Bench::new(ConsoleSink::builder().color(true));
    let tracer = bench.tracer();
    let open = tracer.start_span("open");
    bench.pass(2 * 3_600 * 1_000);
    bench.provider.cleanup();
    open.finish();
    let _ = tracer.tool_span("fails").try_in_span(|| "x".parse::<u8>());
    tracer.tool_span("slow").start().set_status(Status::Cancelled);
    let shown = bench.shown();
    for expected in ["\u{1b}[35m? stale", "\u{1b}[31m✗ error", "\u{1b}[33m⊘ cancelled"] {
        assert!(shown.contains(expected), "{expected:?} is not in {shown:?}");
    }
}

#[test]
fn a_span_with_very_much_to_say_is_cut() {
    let (output, mut limits) = (Output::default(), SpanLimits::default());
    (limits.max_attributes, limits.max_value_bytes) = (20_000, 20 << 20);
    let console = ConsoleSink::builder().detailed(true).writer(output.clone()).build();
    let provider = TracerProvider::builder()
        .with(console)
        .limits(limits)
        .clock(ManualClock::new().clock())
        .ids(SequentialIds::default())
        .build();
    let huge = "日".repeat((10 << 20) / 3);
    let mut failing = provider.tracer().tool_span(huge.clone()).with("first", huge.clone());
    for number in 1..10_000 {
        failing = failing.with(format!("key {number}"), number);
    }
    let _ = failing.try_in_span(|| Err::<(), _>(chain([huge.clone(), huge].into_iter())));
    provider.force_flush(LONG).unwrap();
    let shown = output.writes().concat();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 12 + 128 + 1, "{shown}");
    assert!(lines.iter().all(|line| line.chars().count() < 300));
    assert_eq!(lines[25], format!("      first = {}…", "日".repeat(59)));
    assert_eq!(lines[153], "      + 9872 more attributes");
}

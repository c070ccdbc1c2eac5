//! Tests of the screen's contents, with a terminal in memory and a manual clock.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::{
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use indicatif::{InMemoryTerm, TermLike};
use raaf_testkit::conformance::check_processor;
use raaf_trace_core::{
    FinishedSpan, SpanProcessor, Tracer, TracerProvider, clock::ManualClock, id::SequentialIds,
    span::StartedSpan,
};

use super::{Live, Screen};
use crate::{ConsoleBuilder, ConsoleSink};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

/// View without a worker, drawn when the test requests it.
struct View {
    live: Arc<Mutex<Live>>,
    terminal: InMemoryTerm,
    provider: TracerProvider,
    time: ManualClock,
}

struct Direct(Arc<Mutex<Live>>, ManualClock);

impl SpanProcessor for Direct {
    fn on_start(&self, span: &mut StartedSpan) {
        self.0.lock().unwrap().started(Box::new(span.clone()), self.1.clock().now());
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.0.lock().unwrap().ended(span);
    }
}

impl View {
    fn new(rows: u16, columns: u16) -> Self {
        let (terminal, time) = (InMemoryTerm::new(rows, columns), ManualClock::new());
        let live = Live::new(Screen::of(terminal.clone()), None, time.clock());
        let live = Arc::new(Mutex::new(live));
        let provider = TracerProvider::builder()
            .with(Direct(Arc::clone(&live), time.clone()))
            .clock(time.clock())
            .build();
        Self { live, terminal, provider, time }
    }

    fn tracer(&self) -> Tracer {
        self.provider.tracer()
    }

    fn pass(&self, millis: u64) {
        self.time.advance(Duration::from_millis(millis));
    }

    fn drawn(&self) -> String {
        self.live.lock().unwrap().refresh(true);
        self.terminal.contents()
    }
}

#[test]
fn running_spans_hang_below_their_parents() {
    let view = View::new(24, 80);
    let tracer = view.tracer();
    tracer.pipeline_span("Report").in_span(|| {
        view.pass(1_000);
        tracer.agent_span("Planner").in_span(|| {
            view.pass(250);
            let other = tracer.agent_span("Other").start();
            tracer.tool_span("Search").method("lookup").in_span(|| {
                view.pass(61_000);
                assert_eq!(
                    view.drawn(),
                    "\
⠹ Pipeline:Report  1 min 02 s
└── ⠹ Agent:Planner  1 min 01 s
    ├── ⠋ Agent:Other  1 min 01 s
    └── ⠋ Tool:Search.lookup  1 min 01 s"
                );
            });
            other.finish();
        });
        let _ = tracer.tool_span("Save").try_in_span(|| "x".parse::<u8>());
        tracer.agent_span("Writer").in_span(|| {
            assert_eq!(
                view.drawn(),
                "⠹ Pipeline:Report  1 min 02 s  3 done, 1 failed\n└── ⠋ Agent:Writer  0.0 s"
            );
        });
    });
    assert_eq!(view.drawn(), "");
}

#[test]
fn the_newest_are_shown_when_there_are_too_many() {
    let view = View::new(24, 80);
    let tracer = view.tracer();
    let root = tracer.pipeline_span("Many").start();
    let starts = (0..1_000)
        .map(|number| tracer.agent_span(number.to_string()).parent(root.context()).start());
    let agents: Vec<_> = starts.collect();
    let drawn = view.drawn();
    let lines: Vec<_> = drawn.lines().collect();
    assert_eq!(lines.len(), 20, "{drawn}");
    assert_eq!(lines[0], "⠋ Pipeline:Many  0.0 s");
    assert_eq!(lines[1], "├── ⠋ Agent:982  0.0 s");
    assert_eq!(lines[18], "└── ⠋ Agent:999  0.0 s");
    assert_eq!(lines[19], "+ 982 more");
    drop((agents, root));
    assert_eq!(view.drawn(), "");
}

#[test]
fn a_small_terminal_has_few_lines_and_narrow_ones() {
    let view = View::new(4, 30);
    let tracer = view.tracer();
    let spans = ["A", "日本語日本語日本語日本語", "C", "D"].map(|name| {
        view.pass(10_000);
        tracer.agent_span(name).start()
    });
    let last = spans[3].in_span(|| tracer.tool_span("a tool with a long name").start());
    assert_eq!(view.drawn(), "⠋ Agent:D  0.0 s\n└── ⠋ Tool:a tool wit…  0.0 s\n+ 3 more",);
    drop(last);
    assert_eq!(view.drawn(), "⠋ Agent:C  10.0 s\n⠋ Agent:D  0.0 s  1 done\n+ 2 more");
    let [_, _, c, d] = spans;
    drop((c, d));
    assert_eq!(view.drawn(), "⠋ Agent:A  30.0 s\n⠋ Agent:日本語日本語…  20.0 s");
}

#[test]
fn l6_a_deep_chain_shows_its_deepest_spans() {
    let view = View::new(24, 80);
    let mut spans = vec![view.tracer().start_span("0")];
    for depth in 1..10_000 {
        let parent = spans[depth - 1].context();
        spans.push(view.tracer().span(depth.to_string()).parent(parent).start());
    }
    let drawn = view.drawn();
    assert_eq!(drawn.lines().count(), 20);
    assert!(drawn.starts_with("⠋ Custom:9981  0.0 s\n└── ⠋ Custom:9982  0.0 s\n"), "{drawn}");
    assert!(drawn.contains("(depth 18) ⠋ Custom:9999  0.0 s\n+ 9981 more"), "{drawn}");
}

#[test]
fn hostile_names_are_shown_escaped() {
    let view = View::new(24, 100);
    let hostile = "\u{1b}[2J\r\n\u{202e}\t\0";
    let span = view.tracer().agent_span(hostile).start();
    assert_eq!(view.drawn(), r"⠋ Agent:\u{1b}[2J\r\n\u{202e}\t\u{0}  0.0 s");
    drop(span);
}

#[test]
fn a_span_whose_end_was_dropped_leaves_the_view() {
    let view = View::new(24, 80);
    let lost = FinishedSpan::builder("custom", "lost").build();
    let started = Box::new(lost.started());
    view.live.lock().unwrap().started(started, view.time.clock().now());
    assert_eq!(view.drawn(), "⠋ Custom:lost  0.0 s");
    view.live.lock().unwrap().lost(lost.span_id());
    assert_eq!(view.drawn(), "");
}

/// Writes to the terminal that the view is on.
struct Printer(InMemoryTerm);

impl Write for Printer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.write_str(&text.replace('\n', "\r\n"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The whole sink on a terminal in memory.
fn sink(console: ConsoleBuilder, terminal: &InMemoryTerm, time: &ManualClock) -> ConsoleSink {
    let console = console.writer(Printer(terminal.clone()));
    console.build_with(Some(Screen::of(terminal.clone())), time.clock())
}

fn provider(console: ConsoleSink, time: &ManualClock) -> TracerProvider {
    TracerProvider::builder()
        .with(console)
        .clock(time.clock())
        .ids(SequentialIds::default())
        .build()
}

#[test]
fn the_view_gives_way_to_the_tree() {
    let (terminal, time) = (InMemoryTerm::new(24, 80), ManualClock::new());
    let provider = provider(sink(ConsoleSink::builder(), &terminal, &time), &time);
    let tracer = provider.tracer();
    let other = tracer.agent_span("Other").start();
    tracer.pipeline_span("Report").in_span(|| {
        tracer.agent_span("Writer").in_span(|| {
            provider.force_flush(LONG).unwrap();
            assert_eq!(
                terminal.contents(),
                "⠋ Agent:Other  0.0 s\n⠋ Pipeline:Report  0.0 s\n└── ⠋ Agent:Writer  0.0 s"
            );
        });
    });
    provider.force_flush(LONG).unwrap();
    let tree = "Pipeline:Report  0 ns  self 0 ns  ✓ ok\n└── Agent:Writer  +0 ns  0 ns  ✓ ok";
    assert_eq!(terminal.contents(), format!("{tree}\n⠋ Agent:Other  0.0 s"));
    other.finish();
    provider.force_flush(LONG).unwrap();
    assert_eq!(terminal.contents(), format!("{tree}\nAgent:Other  0 ns  · unset"));
}

#[test]
fn what_is_printed_in_a_pause_of_the_view_stays() {
    let (terminal, time) = (InMemoryTerm::new(24, 80), ManualClock::new());
    let console = Arc::new(sink(ConsoleSink::builder(), &terminal, &time));
    let provider = TracerProvider::builder().with(Arc::clone(&console)).clock(time.clock()).build();
    let span = provider.tracer().start_span("runs");
    provider.force_flush(LONG).unwrap();
    console.suspend(|| writeln!(Printer(terminal.clone()), "half way there").unwrap());
    assert_eq!(terminal.contents(), "half way there\n⠋ Custom:runs  0.0 s");
    drop(span);
    provider.force_flush(LONG).unwrap();
    assert_eq!(terminal.contents(), "half way there\nCustom:runs  0 ns  · unset");
}

#[test]
fn the_screen_is_left_clean_however_it_ends() {
    for shut_down in [true, false] {
        let (terminal, time) = (InMemoryTerm::new(24, 80), ManualClock::new());
        let provider = provider(sink(ConsoleSink::builder(), &terminal, &time), &time);
        let span = provider.tracer().start_span("runs");
        provider.force_flush(LONG).unwrap();
        assert_eq!(terminal.contents(), "⠋ Custom:runs  0.0 s");
        if shut_down {
            provider.shutdown(LONG).unwrap();
            assert_eq!(terminal.contents(), "");
            drop(span);
        } else {
            let panicking = AssertUnwindSafe(|| {
                let (_provider, _span) = (provider, span);
                resume_unwind(Box::new("the program's own"));
            });
            catch_unwind(panicking).unwrap_err();
            assert_eq!(
                terminal.contents(),
                "Custom:runs  0 ns  ✗ error  panic: dropped by a panic"
            );
        }
    }
}

#[test]
fn a_thousand_spans_at_once_are_counted_and_delivered() {
    let (terminal, time) = (InMemoryTerm::new(24, 80), ManualClock::new());
    let console = ConsoleSink::builder().max_spans(10_000);
    let provider = provider(sink(console, &terminal, &time), &time);
    let start = |tracer: Tracer| move || (0..250).map(|_| tracer.start_span("x")).collect();
    let threads = [(); 4].map(|()| thread::spawn(start(provider.tracer())));
    let spans: Vec<Vec<_>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    provider.force_flush(LONG).unwrap();
    let drawn = terminal.contents();
    assert_eq!(drawn.lines().count(), 20, "{drawn}");
    assert!(drawn.ends_with("⠋ Custom:x  0.0 s\n+ 981 more"), "{drawn}");
    drop(spans);
    provider.shutdown(LONG).unwrap();
    assert!(terminal.contents().ends_with("\nCustom:x  0 ns  · unset"));
    assert_eq!(provider.stats().processors[0].delivered, 1_000);
}

#[test]
fn spans_do_not_draw_but_the_passing_of_time_does() {
    let (terminal, time) = (InMemoryTerm::new(24, 80), ManualClock::new());
    let console = ConsoleSink::builder().max_spans(10_000);
    let provider = provider(sink(console, &terminal, &time), &time);
    provider.tracer().pipeline_span("Many").in_span(|| {
        for _ in 0..1_000 {
            provider.tracer().start_span("x").finish();
        }
    });
    provider.force_flush(LONG).unwrap();
    let moves = terminal.moves_since_last_check();
    let drawings = moves.lines().filter(|line| *line == "Flush").count();
    // At most the first look, and the clearing for the tree.
    assert!(drawings <= 2, "{drawings} drawings in no time");
    assert_eq!(provider.stats().processors[0].delivered, 1_001);
}

#[test]
fn the_live_console_keeps_the_contract_of_processors() {
    check_processor(|| {
        let screen = Screen::of(InMemoryTerm::new(24, 80));
        let console = ConsoleSink::builder().writer(io::sink());
        console.build_with(Some(screen), raaf_trace_core::clock::Clock::system())
    });
}

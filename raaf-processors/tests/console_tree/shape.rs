//! Shapes of trees, and the moments when they are drawn.

use std::thread;

use raaf_processors::ConsoleSink;
use raaf_trace_core::{Context, SpanContext, SpanId, TraceId};

use super::support::Bench;

#[test]
fn a_tree_is_drawn_when_its_root_ends() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    tracer.pipeline_span("Report").in_span(|| {
        tracer.agent_span("Planner").in_span(|| {
            bench.llm("gpt-5", 390, (500, 110));
            let _ = tracer.tool_span("Search").method("lookup").try_in_span(|| {
                bench.pass(3);
                "many".parse::<u8>()
            });
        });
        tracer.agent_span("Writer").in_span(|| bench.llm("gpt-5", 790, (1_020, 200)));
    });
    assert_eq!(
        bench.shown(),
        "\
Pipeline:Report  1.18 s  self 0 ns  ✓ ok  1520 tokens in, 310 out  $0.0050
├── Agent:Planner  +0 ns  393 ms  self 0 ns  ✓ ok  500 tokens in, 110 out  $0.0017
│   ├── Llm:gpt-5  +0 ns  390 ms  ✓ ok  500 tokens in, 110 out  $0.0017
│   └── Tool:Search.lookup  +390 ms  3 ms  ✗ error  ParseIntError: invalid digit found in string
└── Agent:Writer  +393 ms  790 ms  ✓ ok  1020 tokens in, 200 out  $0.0033
    └── Llm:gpt-5  +393 ms  790 ms  ✓ ok  1020 tokens in, 200 out  $0.0033
"
    );
}

#[test]
fn g8_spans_of_other_threads_are_in_the_tree_when_it_is_drawn() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    tracer.pipeline_span("Parallel").in_span(|| {
        for name in ["A", "B", "C"] {
            let (context, tracer) = (Context::current(), tracer.clone());
            let agent = move || context.run(|| tracer.agent_span(name).in_span(|| ()));
            thread::spawn(agent).join().unwrap();
            bench.pass(1);
        }
    });
    assert_eq!(
        bench.shown(),
        "\
Pipeline:Parallel  3 ms  self 3 ms  ✓ ok
├── Agent:A  +0 ns  0 ns  ✓ ok
├── Agent:B  +1 ms  0 ns  ✓ ok
└── Agent:C  +2 ms  0 ns  ✓ ok
"
    );
    assert_eq!(bench.output.writes().len(), 1, "a tree is one write");
}

#[test]
fn what_is_not_over_at_a_flush_is_a_partial_tree() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    let root = tracer.start_span("long");
    root.in_span(|| {
        tracer.agent_span("First").in_span(|| tracer.tool_span("Search").in_span(|| ()));
        tracer.agent_span("Second").in_span(|| ());
    });
    let partial = "\
trace_00000000000000000000000000000001  (partial: the enclosing span is missing)
├── Agent:First  +0 ns  0 ns  self 0 ns  ✓ ok
│   └── Tool:Search  +0 ns  0 ns  ✓ ok
└── Agent:Second  +0 ns  0 ns  ✓ ok
";
    assert_eq!(bench.shown(), partial);
    root.finish();
    assert_eq!(bench.shown(), format!("{partial}Custom:long  0 ns  · unset\n"));
}

#[test]
fn l3_a_child_that_outlives_its_root_is_shown_later() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    let root = tracer.start_span("root");
    let child = root.in_span(|| tracer.start_span("late"));
    root.finish();
    child.finish();
    assert_eq!(
        bench.shown(),
        "\
Custom:root  0 ns  · unset
trace_00000000000000000000000000000001  (partial: the enclosing span is missing)
└── Custom:late  +0 ns  0 ns  · unset
"
    );
}

#[test]
fn a_trace_that_comes_back_to_its_process_is_one_tree_if_asked() {
    let bench = Bench::new(ConsoleSink::builder().whole_traces(true));
    let tracer = bench.tracer();
    let ask = || {
        let sent = Context::current().span_context().unwrap();
        let server = || tracer.agent_span("Server").remote_parent(sent).in_span(|| ());
        thread::scope(|scope| scope.spawn(server).join().unwrap());
    };
    tracer.pipeline_span("Report").in_span(|| tracer.tool_span("Client").in_span(ask));
    let whole = "\
Pipeline:Report  0 ns  self 0 ns  ✓ ok
└── Tool:Client  +0 ns  0 ns  self 0 ns  ✓ ok
    └── Agent:Server  +0 ns  0 ns  ✓ ok
";
    assert_eq!(bench.shown(), whole);

    let elsewhere = SpanContext::new(TraceId::random(), SpanId::random());
    tracer.agent_span("Server").remote_parent(elsewhere).in_span(|| ());
    // A flush shows it.
    assert_eq!(bench.shown(), format!("{whole}Agent:Server  0 ns  ✓ ok\n"));
}

#[test]
fn p3_a_remote_parent_leaves_a_tree_of_its_own() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    let there = SpanContext::new(TraceId::random(), SpanId::random());
    let first = tracer.agent_span("First").remote_parent(there.clone()).start();
    let second = tracer.agent_span("Second").remote_parent(there).start();
    first.in_span(|| tracer.tool_span("A").in_span(|| ()));
    second.in_span(|| tracer.tool_span("B").in_span(|| ()));
    second.finish();
    first.finish();
    assert_eq!(
        bench.shown(),
        "\
Agent:Second  0 ns  self 0 ns  · unset
└── Tool:B  +0 ns  0 ns  ✓ ok
Agent:First  0 ns  self 0 ns  · unset
└── Tool:A  +0 ns  0 ns  ✓ ok
"
    );
}

#[test]
fn l6_a_deep_chain_is_drawn_without_growing_wider() {
    let bench = Bench::new(ConsoleSink::builder().max_spans(10_000));
    let tracer = bench.tracer();
    let mut spans = vec![tracer.start_span("0")];
    for depth in 1..10_000 {
        let parent = spans[depth - 1].context();
        spans.push(tracer.span(depth.to_string()).parent(parent).start());
    }
    while let Some(span) = spans.pop() {
        span.finish();
    }
    let shown = bench.shown();
    assert_eq!(shown.lines().count(), 10_000);
    let last = shown.lines().last().unwrap();
    assert_eq!(last.trim_start(), "└── (depth 9999) Custom:9999  +0 ns  0 ns  · unset");
    assert!(shown.lines().all(|line| line.chars().count() < 220));
}

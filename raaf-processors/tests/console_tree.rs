//! Output of the console sink, word by word.

#![cfg(feature = "console")]

mod support;

use std::thread;

use raaf_processors::{ConsoleMode, ConsoleSink};
use raaf_trace_core::{Context, SpanContext, SpanId, Status, TraceId, keys, trace};
use support::Bench;

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
Pipeline:Report  1.18 s  ✓ ok  1520 tokens in, 310 out
├── Agent:Planner  393 ms  ✓ ok  500 tokens in, 110 out
│   ├── Llm:gpt-5  390 ms  ✓ ok  500 tokens in, 110 out
│   └── Tool:Search.lookup  3 ms  ✗ error  ParseIntError: invalid digit found in string
└── Agent:Writer  790 ms  ✓ ok  1020 tokens in, 200 out
    └── Llm:gpt-5  790 ms  ✓ ok  1020 tokens in, 200 out
"
    );
}

#[test]
fn a_method_named_like_its_component_is_shown_once() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    tracer.tool_span("index").method("index").in_span(|| ());
    tracer.tool_span("index").method("reindex").in_span(|| ());
    assert_eq!(bench.shown(), "Tool:index  0 ns  ✓ ok\nTool:index.reindex  0 ns  ✓ ok\n");
}

#[test]
fn a_step_that_was_skipped_does_not_look_done() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    let step = |name: &str| tracer.custom_span(name).kind("step");
    tracer.pipeline_span("Report").in_span(|| {
        step("Review")
            .with(keys::STEP_SKIPPED, true)
            .with(keys::STEP_SKIP_REASON, "no\ttime")
            .in_span(|| ());
        step("Print").with(keys::STEP_SKIPPED, true).in_span(|| ());
        step("Send").with(keys::STEP_SKIPPED, false).in_span(|| ());
        let _ = step("Fail").with(keys::STEP_SKIPPED, true).try_in_span(|| "x".parse::<u8>());
    });
    assert_eq!(
        bench.shown(),
        "\
Pipeline:Report  0 ns  ✓ ok
├── Step:Review  0 ns  ⊘ skipped (no\\ttime)
├── Step:Print  0 ns  ⊘ skipped
├── Step:Send  0 ns  ✓ ok
└── Step:Fail  0 ns  ✗ error  ParseIntError: invalid digit found in string
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
Pipeline:Parallel  3 ms  ✓ ok
├── Agent:A  0 ns  ✓ ok
├── Agent:B  0 ns  ✓ ok
└── Agent:C  0 ns  ✓ ok
"
    );
    assert_eq!(bench.output.writes().len(), 1, "a tree is one write");
}

#[test]
fn statuses_have_marks() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    tracer.span("statuses").in_span(|| {
        for status in [Status::Unset, Status::Ok, Status::Cancelled] {
            let span = tracer.start_span(status.as_str());
            span.set_status(status);
            span.finish();
        }
    });
    assert_eq!(
        bench.shown(),
        "\
Custom:statuses  0 ns  ✓ ok
├── Custom:unset  0 ns  · unset
├── Custom:ok  0 ns  ✓ ok
└── Custom:cancelled  0 ns  ⊘ cancelled
"
    );
}

#[test]
fn kinds_read_like_types_and_workflows_by_their_name() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    bench.provider.context().run(|| {
        trace("nightly report").in_span(|| {
            tracer.mcp_list_tools_span("files").in_span(|| ());
            tracer.span("batch").kind("processor").in_span(|| ());
        });
    });
    assert_eq!(
        bench.shown(),
        "\
Trace:nightly report  0 ns  ✓ ok
├── McpListTools:files  0 ns  ✓ ok
└── Processor:batch  0 ns  ✓ ok
"
    );
}

#[test]
fn details_are_ids_and_attributes() {
    let bench = Bench::new(ConsoleSink::builder().detailed(true));
    let tracer = bench.tracer();
    tracer.agent_span("Planner").with("agent.model", "gpt-5").with("agent.max_turns", 3).in_span(
        || {
            tracer.tool_span("Search").with("tool.note", "x\ny").in_span(|| ());
        },
    );
    let trace = "trace_00000000000000000000000000000001";
    assert_eq!(
        bench.shown(),
        format!(
            "\
Agent:Planner  0 ns  ✓ ok  [{trace} span_0000000000000001]
│     agent.model = gpt-5
│     agent.max_turns = 3
└── Tool:Search  0 ns  ✓ ok  [{trace} span_0000000000000002]
          tool.note = x\\ny
"
        )
    );
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
├── Agent:First  0 ns  ✓ ok
│   └── Tool:Search  0 ns  ✓ ok
└── Agent:Second  0 ns  ✓ ok
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
└── Custom:late  0 ns  · unset
"
    );
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
Agent:Second  0 ns  · unset
└── Tool:B  0 ns  ✓ ok
Agent:First  0 ns  · unset
└── Tool:A  0 ns  ✓ ok
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
    assert_eq!(last.trim_start(), "└── (depth 9999) Custom:9999  0 ns  · unset");
    assert!(shown.lines().all(|line| line.chars().count() < 220));
}

#[test]
fn a_model_cannot_drive_the_terminal() {
    let bench = Bench::new(ConsoleSink::builder().detailed(true));
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\n├── Agent:Fake\u{202e}\u{9b}31m\0";
    let agent = bench.tracer().agent_span(hostile).method(hostile).with(hostile, hostile);
    let _ = agent.try_in_span(|| Err::<(), _>(std::io::Error::other(hostile)));
    let shown = bench.shown();
    assert_eq!(shown.lines().count(), 2, "{shown}");
    let is_safe = |character: char| !character.is_control() && character != '\u{202e}';
    assert!(shown.lines().all(|line| line.chars().all(is_safe)), "{shown:?}");
    assert!(shown.contains(r"\u{1b}]0;owned\u{7}\u{1b}[2J\r\n"), "{shown}");
}

#[test]
fn long_texts_are_cut() {
    let bench = Bench::new(ConsoleSink::builder());
    bench.tracer().agent_span("あ".repeat(5_000)).in_span(|| ());
    assert_eq!(bench.shown(), format!("Agent:{}…  0 ns  ✓ ok\n", "あ".repeat(29)));
}

#[test]
fn colours_are_used_when_asked_for() {
    let bench = Bench::new(ConsoleSink::builder().color(true));
    bench.tracer().agent_span("A").in_span(|| ());
    assert_eq!(bench.shown(), "Agent:\u{1b}[1mA\u{1b}[0m  0 ns  \u{1b}[32m✓ ok\u{1b}[0m\n");
}

#[test]
fn g47_lines_come_with_each_start_and_end() {
    let bench = Bench::new(ConsoleSink::builder().mode(ConsoleMode::Lines));
    let tracer = bench.tracer();
    tracer.agent_span("Planner").in_span(|| {
        bench.llm("gpt-5", 20, (5, 7));
    });
    assert_eq!(
        bench.shown(),
        "\
start  Agent:Planner
start  Llm:gpt-5
end    Llm:gpt-5  20 ms  ✓ ok  5 tokens in, 7 out
end    Agent:Planner  20 ms  ✓ ok
"
    );
}

#[test]
fn only_tokens_that_were_reported_are_shown() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    tracer.agent_span("A").in_span(|| {
        tracer.llm_span("m").with(keys::GEN_AI_USAGE_INPUT_TOKENS, 3).in_span(|| ());
        tracer.llm_span("n").in_span(|| ());
    });
    assert_eq!(
        bench.shown(),
        "\
Agent:A  0 ns  ✓ ok  3 tokens in
├── Llm:m  0 ns  ✓ ok  3 tokens in
└── Llm:n  0 ns  ✓ ok
"
    );
}

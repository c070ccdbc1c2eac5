//! Output of the console sink, word by word.

#![cfg(feature = "console")]

mod support;

use std::thread;

use raaf_processors::{ConsoleMode, ConsoleSink};
use raaf_trace_core::{
    Attributes, Context, SpanContext, SpanId, Status, TraceId, current_span, keys, trace,
};
use support::Bench;
use unicode_width::UnicodeWidthStr as _;

/// Adds an event to the current span.
fn event(name: &'static str, set: impl FnOnce(&mut Attributes)) {
    if let Some(span) = current_span() {
        span.add_event(name, set);
    }
}

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
fn offsets_and_self_times_show_where_the_time_went() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    tracer.pipeline_span("Report").in_span(|| {
        bench.pass(5);
        let [first, second] = ["A", "B"].map(|name| {
            bench.pass(10);
            tracer.agent_span(name).start()
        });
        bench.pass(20);
        first.finish();
        bench.pass(3);
        second.finish();
        bench.pass(2);
    });
    assert_eq!(
        bench.shown(),
        "\
Pipeline:Report  50 ms  self 17 ms  ✓ ok
├── Agent:A  +15 ms  30 ms  · unset
└── Agent:B  +25 ms  23 ms  · unset
"
    );
}

#[test]
fn retries_of_calls_and_steps_are_shown() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    tracer.llm_span("gpt-5").with(keys::RETRY_COUNT, 1).in_span(|| ());
    tracer.custom_span("Fetch").kind("step").with(keys::STEP_ATTEMPTS, 3).in_span(|| ());
    tracer.custom_span("Read").kind("step").with(keys::STEP_ATTEMPTS, 1).in_span(|| ());
    assert_eq!(
        bench.shown(),
        "Llm:gpt-5  0 ns  ✓ ok  1 retry\nStep:Fetch  0 ns  ✓ ok  2 retries\nStep:Read  0 ns  ✓ ok\n"
    );
}

#[test]
fn a_tree_fits_100_columns() {
    for color in [false, true] {
        let bench = Bench::new(ConsoleSink::builder().color(color));
        let tracer = bench.tracer();
        let long = "long ".repeat(20);
        let _ = tracer.pipeline_span(long.clone()).method(long.clone()).try_in_span(|| {
            let agent = tracer.agent_span(long.clone()).method("plan");
            agent.try_in_span(|| {
                bench.llm(&long, 12_340, (12_345, 1_234));
                let tool = tracer.tool_span("Search").method("look_up").with(keys::RETRY_COUNT, 12);
                tool.try_in_span(|| Err::<(), _>(std::io::Error::other(long.clone())))
            })
        });
        let shown = anstream::adapter::strip_str(&bench.shown()).to_string();
        assert_eq!(shown.lines().count(), 5, "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
        assert!(shown.contains("  12 retries  io::Error::Other: long long "), "{shown}");
    }
}

#[test]
fn a_tree_of_wide_names_fits_100_columns() {
    let bench = Bench::new(ConsoleSink::builder());
    for method in ["予約を取り消す", "\u{202e}\u{202e}"] {
        let agent = bench.tracer().agent_span("問".repeat(40)).method(method);
        agent.with(keys::GEN_AI_USAGE_INPUT_TOKENS, 12_345).in_span(|| ());
    }
    let shown = bench.shown();
    assert!(shown.lines().all(|line| line.width() <= 100), "{shown}");
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
Pipeline:Report  0 ns  self 0 ns  ✓ ok
├── Step:Review  +0 ns  0 ns  ⊘ skipped (no\\ttime)
├── Step:Print  +0 ns  0 ns  ⊘ skipped
├── Step:Send  +0 ns  0 ns  ✓ ok
└── Step:Fail  +0 ns  0 ns  ✗ error  ParseIntError: invalid digit found in string
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
Custom:statuses  0 ns  self 0 ns  ✓ ok
├── Custom:unset  +0 ns  0 ns  · unset
├── Custom:ok  +0 ns  0 ns  ✓ ok
└── Custom:cancelled  +0 ns  0 ns  ⊘ cancelled
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
Trace:nightly report  0 ns  self 0 ns  ✓ ok
├── McpListTools:files  +0 ns  0 ns  ✓ ok
└── Processor:batch  +0 ns  0 ns  ✓ ok
"
    );
}

#[test]
fn details_are_ids_attributes_and_events() {
    let bench = Bench::new(ConsoleSink::builder().detailed(true));
    let tracer = bench.tracer();
    tracer.agent_span("Planner").with("agent.model", "gpt-5").with("agent.max_turns", 3).in_span(
        || {
            tracer.tool_span("Search").with("tool.note", "x\ny").in_span(|| {
                let span = current_span().unwrap();
                span.add_event("exception", |_| ());
                span.add_event("retry", |event| {
                    event.set("reason", "busy\r").set("wait", 3);
                });
            });
        },
    );
    let trace = "trace_00000000000000000000000000000001";
    assert_eq!(
        bench.shown(),
        format!(
            "\
Agent:Planner  0 ns  self 0 ns  ✓ ok  [{trace} span_0000000000000001]
│     agent.model = gpt-5
│     agent.max_turns = 3
└── Tool:Search  +0 ns  0 ns  ✓ ok  [{trace} span_0000000000000002]
          tool.note = x\\ny
          event exception
          event retry: reason = busy\\r, wait = 3
"
        )
    );
}

#[test]
fn what_fallbacks_and_hooks_changed_is_shown_in_few_words() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    let hook = |point: &'static str, action: &'static str| {
        event("hook", move |event| {
            event.set(keys::HOOK_POINT, point).set(keys::HOOK_ACTION, action);
        });
    };
    let fallback =
        |to: String| event("fallback", move |event| _ = event.set(keys::FALLBACK_TO, to));
    tracer.agent_span("Planner").in_span(|| {
        hook("before_tool", "refuse");
        tracer.llm_span("gpt-5").in_span(|| {
            fallback("gpt-5-mini".to_owned());
            fallback("gpt-4o-mini".to_owned());
        });
        let hostile = format!("a\u{1b}[2J{}", "x".repeat(500));
        tracer.llm_span("gpt-5").in_span(|| fallback(hostile));
    });
    tracer.agent_span("Writer").in_span(|| {
        hook("before_tool", "refuse");
        hook("after_tool", "replace");
    });
    assert_eq!(
        bench.shown(),
        "\
Agent:Planner  0 ns  self 0 ns  ✓ ok  hook before_tool refuse
├── Llm:gpt-5  +0 ns  0 ns  ✓ ok  → gpt-4o-mini
└── Llm:gpt-5  +0 ns  0 ns  ✓ ok  → a\\u{1b}[2Jxxxxxxxxxxxxx…
Agent:Writer  0 ns  ✓ ok  2 hooks acted
"
    );
}

#[test]
fn changes_give_way_where_the_line_is_full() {
    let bench = Bench::new(ConsoleSink::builder());
    let call = bench.tracer().llm_span("m".repeat(200)).with(keys::RETRY_COUNT, 2);
    let _ = call.try_in_span(|| {
        event("fallback", |event| _ = event.set(keys::FALLBACK_TO, "n".repeat(200)));
        event("hook", |event| _ = event.set(keys::HOOK_POINT, "p".repeat(200)));
        Err::<(), _>(std::io::Error::other("e".repeat(200)))
    });
    let shown = bench.shown();
    let first = shown.lines().next().unwrap();
    assert!(first.width() <= 100 && !first.contains('→'), "{shown}");
}

#[test]
fn details_have_events_within_the_width() {
    let bench = Bench::new(ConsoleSink::builder().detailed(true));
    let tracer = bench.tracer();
    tracer.agent_span("Planner").with("agent.model", "gpt-5").in_span(|| {
        event("fallback", |event| {
            event.set("fallback.from", "gpt-5").set("fallback.to", "gpt-4o");
        });
        let _ = tracer.tool_span("Search").try_in_span(|| {
            event("a\u{1b}[2J", |event| _ = event.set("k\n", "あ".repeat(200)));
            event("bare", |_| ());
            event("many", |event| (0..9).for_each(|at| _ = event.set(format!("k{at}"), at)));
            Err::<(), _>(std::io::Error::other("no"))
        });
    });
    let trace = "trace_00000000000000000000000000000001";
    assert_eq!(
        bench.shown(),
        format!(
            "\
Agent:Planner  0 ns  self 0 ns  ✓ ok  → gpt-4o  [{trace} span_0000000000000001]
│     agent.model = gpt-5
│     event fallback: fallback.from = gpt-5, fallback.to = gpt-4o
└── Tool:Search  +0 ns  0 ns  ✗ error  io::Error::Other: no  [{trace} span_0000000000000002]
          event a\\u{{1b}}[2J: k\\n = {}…
          event bare
          event many: k0 = 0, k1 = 1, k2 = 2, k3 = 3, k4 = 4, k5 = 5, k6 = 6, k7 = 7, k8 = 8
",
            "あ".repeat(32)
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

#[test]
fn a_model_cannot_drive_the_terminal() {
    let bench = Bench::new(ConsoleSink::builder().detailed(true));
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\n├── Agent:Fake\u{202e}\u{9b}31m\0";
    let agent = bench.tracer().agent_span(hostile).method(hostile).with(hostile, hostile);
    let _ = agent.try_in_span(|| Err::<(), _>(std::io::Error::other(hostile)));
    let shown = bench.shown();
    assert_eq!(shown.lines().count(), 3, "{shown}");
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
end    Llm:gpt-5  20 ms  ✓ ok  5 tokens in, 7 out  $0.000076
end    Agent:Planner  20 ms  ✓ ok
"
    );
}

#[test]
fn costs_are_summed_and_say_if_some_are_unknown() {
    let bench = Bench::new(ConsoleSink::builder());
    bench.tracer().agent_span("A").with(keys::GEN_AI_USAGE_INPUT_TOKENS, 9).in_span(|| {
        bench.llm("gpt-4o", 0, (1_000, 0));
        bench.llm("ours", 0, (1_000, 0));
    });
    assert_eq!(
        bench.shown(),
        "\
Agent:A  0 ns  self 0 ns  ✓ ok  9 tokens in  ≥ $0.0025
├── Llm:gpt-4o  +0 ns  0 ns  ✓ ok  1000 tokens in, 0 out  $0.0025
└── Llm:ours  +0 ns  0 ns  ✓ ok  1000 tokens in, 0 out
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
Agent:A  0 ns  self 0 ns  ✓ ok  3 tokens in
├── Llm:m  +0 ns  0 ns  ✓ ok  3 tokens in
└── Llm:n  +0 ns  0 ns  ✓ ok
"
    );
}

//! The line of a span.

use raaf_processors::{ConsoleMode, ConsoleSink};
use raaf_trace_core::{Status, keys, trace};

use super::{event, support::Bench};

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

//! The details below a line.

use raaf_processors::ConsoleSink;
use raaf_trace_core::current_span;

use super::{event, support::Bench};

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

//! What the console sink draws, word by word.

mod support;

use raaf_processors::ConsoleSink;
use support::Bench;

#[test]
fn g47_a_tree_is_drawn_when_its_root_ends() {
    let bench = Bench::new(ConsoleSink::builder());
    let tracer = bench.tracer();
    tracer.pipeline_span("Report").run(|_| {
        tracer.agent_span("Planner").run(|_| {
            bench.llm("gpt-5", 390, (500, 110));
            let _ = tracer.tool_span("Search").method("lookup").try_run(|_| {
                bench.pass(3);
                "many".parse::<u8>()
            });
        });
        tracer.agent_span("Writer").run(|_| bench.llm("gpt-5", 790, (1_020, 200)));
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

//! Long, wide and hostile text.

use std::io;

use raaf_processors::ConsoleSink;
use raaf_trace_core::keys;
use unicode_width::UnicodeWidthStr as _;

use super::{event, support::Bench};

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
                tool.try_in_span(|| Err::<(), _>(io::Error::other(long.clone())))
            })
        });
        let shown = anstream::adapter::strip_str(&bench.shown()).to_string();
        // The message of the tool's error takes two lines.
        assert_eq!(shown.lines().count(), 6, "{shown}");
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
fn changes_give_way_where_the_line_is_full() {
    let bench = Bench::new(ConsoleSink::builder());
    let call = bench.tracer().llm_span("m".repeat(200)).with(keys::RETRY_COUNT, 2);
    let _ = call.try_in_span(|| {
        event("fallback", |event| _ = event.set(keys::FALLBACK_TO, "n".repeat(200)));
        event("hook", |event| _ = event.set(keys::HOOK_POINT, "p".repeat(200)));
        Err::<(), _>(io::Error::other("e".repeat(200)))
    });
    let shown = bench.shown();
    let first = shown.lines().next().unwrap();
    assert!(first.width() <= 100 && !first.contains('→'), "{shown}");
}

#[test]
fn long_texts_are_cut() {
    let bench = Bench::new(ConsoleSink::builder());
    bench.tracer().agent_span("あ".repeat(5_000)).in_span(|| ());
    assert_eq!(bench.shown(), format!("Agent:{}…  0 ns  ✓ ok\n", "あ".repeat(29)));
}

#[test]
fn a_model_cannot_drive_the_terminal() {
    let bench = Bench::new(ConsoleSink::builder().detailed(true));
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\n├── Agent:Fake\u{202e}\u{9b}31m\0";
    let agent = bench.tracer().agent_span(hostile).method(hostile).with(hostile, hostile);
    let _ = agent.try_in_span(|| Err::<(), _>(io::Error::other(hostile)));
    let shown = bench.shown();
    assert_eq!(shown.lines().count(), 3, "{shown}");
    let is_safe = |character: char| !character.is_control() && character != '\u{202e}';
    assert!(shown.lines().all(|line| line.chars().all(is_safe)), "{shown:?}");
    assert!(shown.contains(r"\u{1b}]0;owned\u{7}\u{1b}[2J\r\n"), "{shown}");
}

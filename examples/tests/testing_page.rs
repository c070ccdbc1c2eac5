//! Checks that the failures shown in `docs/testing.md` are those of failing tests.

use std::time::Duration;

use raaf_examples::shop;
use raaf_testkit::{Capture, Expected, Spans, captured, span_tree};
use raaf_trace_core::{
    Component, Status, Traceable as _, clock::ManualClock, current_span, tracer,
};

const PAGE: &str = include_str!("../../docs/testing.md");

#[track_caller]
fn shows(text: &str) {
    assert!(
        PAGE.contains(&format!("```text\n{text}```")),
        "docs/testing.md does not show\n\n{text}"
    );
}

fn text(expected: &Expected, spans: &Spans) -> String {
    expected.check(spans).unwrap_err().to_string()
}

#[test]
fn the_first_failure() {
    let (bought, spans) = captured(|| shop().run("two"));
    assert!(bought.is_err());
    shows(&text(&span_tree! {}, &spans));
}

#[test]
fn the_failure_that_is_read() {
    let capture = Capture::new();
    capture.run(|| {
        Component::pipeline("Shop").in_span("run", || {
            Component::agent("Planner").in_span("run", || {
                Component::tool("search").traced("find").with("query", "two").in_span(|| ());
            });
            Component::agent("Buyer").in_span("run", || ());
        });
    });
    let expected = span_tree! {
        pipeline "Shop" {
            agent "Planner"
            agent "Buyer" > tool "search" ["query" = "tea"]
            llm "gpt"
        }
    };
    shows(&text(&expected, &capture.spans()));
}

#[test]
fn what_is_incoherent() {
    let clock = ManualClock::new();
    let capture = Capture::with(|builder| builder.clock(clock.clock()));
    capture.run(|| {
        let parent = tracer().agent_span("Planner").start();
        let child = parent.in_span(|| tracer().tool_span("flush").start());
        clock.advance(Duration::from_secs(1));
        parent.set_status(Status::Ok).finish();
        clock.advance(Duration::from_millis(250));
        child.finish();
    });
    shows(&capture.spans().check_coherent().unwrap_err().to_string());
}

#[test]
fn what_is_said_of_each_property() {
    let clock = ManualClock::new();
    let capture = Capture::with(|builder| builder.clock(clock.clock()));
    let search = Component::tool("search");
    capture.run(|| {
        search.traced("find").with("query", "green tea").with("hits", 3).in_span(|| {
            clock.advance(Duration::from_millis(1500));
            let span = current_span().unwrap();
            span.add_event("retry", |attributes| _ = attributes.set("reason", "timeout"));
            span.add_event("retry", |attributes| _ = attributes.set("reason", "reset"));
        });
    });
    let spans = capture.spans();
    let page = PAGE.replace("\\|", "|");
    let mut told = 0;
    // Each row of the table, and the tree that it is about.
    for (written, expected) in [
        ("agent \"search\"", span_tree! { agent "search" }),
        ("tool \"search\".look", span_tree! { tool "search".look }),
        ("name \"tool.*\"", span_tree! { tool "search" name "tool.*" }),
        ("[status = cancelled]", span_tree! { tool "search" [cancelled] }),
        ("[error \"Timeout\"]", span_tree! { tool "search" [error "Timeout"] }),
        ("[\"query\" = \"black tea\"]", span_tree! { tool "search" ["query" = "black tea"] }),
        ("[\"hits\" = \"3\"]", span_tree! { tool "search" ["hits" = "3"] }),
        (
            "[\"query\" contains \"coffee\"]",
            span_tree! { tool "search" ["query" contains "coffee"] },
        ),
        ("[\"query\" like \"*coffee\"]", span_tree! { tool "search" ["query" like "*coffee"] }),
        ("[\"query\" ~ \"^tea\"]", span_tree! { tool "search" ["query" ~ "^tea"] }),
        ("[\"hits\" > 3]", span_tree! { tool "search" ["hits" > 3] }),
        (
            "[\"hits\" where |hits| hits.as_i64() > Some(10)]",
            span_tree! { tool "search" ["hits" where |hits| hits.as_i64() > Some(10)] },
        ),
        ("[\"misses\"]", span_tree! { tool "search" ["misses"] }),
        ("[!\"hits\"]", span_tree! { tool "search" [!"hits"] }),
        ("[event \"stop\"]", span_tree! { tool "search" [event "stop"] }),
        ("[event \"retry\" x 3]", span_tree! { tool "search" [event "retry" x 3] }),
        (
            "[event \"retry\" [\"reason\" = \"bored\"]]",
            span_tree! { tool "search" [event "retry" ["reason" = "bored"]] },
        ),
        ("[!event \"retry\"]", span_tree! { tool "search" [!event "retry"] }),
        ("[duration < 1s]", span_tree! { tool "search" [duration < 1s] }),
        ("[duration in 2s..3s]", span_tree! { tool "search" [duration in 2s..3s] }),
    ] {
        let text = text(&expected, &spans);
        let notes = text.lines().filter_map(|line| line.split_once("<- ")).map(|(_, note)| note);
        let row = page.lines().find(|line| line.starts_with(&format!("| `{written}`")));
        let row = row.unwrap_or_else(|| panic!("no row for {written}"));
        for note in notes {
            assert!(row.contains(&format!("`{note}`")), "{row}\ndoes not say {note}");
            told += 1;
        }
    }
    // A row that refers to another one has no text of its own.
    let rows = page.lines().skip_while(|line| *line != "| notation | failure |").skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    assert!(told >= rows.filter(|row| !row.contains("| the same with ")).count());
}

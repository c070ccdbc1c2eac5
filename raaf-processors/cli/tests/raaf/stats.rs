//! Sums of `stats`: usage, and the agents that it counts for.

use std::{fmt::Write as _, fs};

use raaf_trace_model::{
    id::SpanId,
    span::{FinishedSpan, FinishedSpanBuilder},
};
use serde_json::Value as Json;

use crate::support::{Files, lines, span, trace};

/// Builder for a span with this number and parent in a trace.
fn of(id: &str, number: u64, parent: u64, kind: &'static str, name: &str) -> FinishedSpanBuilder {
    let span = span(trace(id), 0, number, (kind, name), (number, 100 - number));
    span.parent_id(SpanId::from_u64(parent))
}

fn call(id: &str, number: u64, parent: u64, tokens: i64) -> FinishedSpan {
    let span = of(id, number, parent, "llm", "gpt-4o").attributes(|attributes| {
        attributes.set("gen_ai.request.model", "gpt-4o");
        attributes.set("gen_ai.usage.input_tokens", tokens);
        attributes.set("gen_ai.usage.output_tokens", 0);
    });
    span.build()
}

/// An agent that calls a model, a tool with a model call of its own, and another agent as a tool.
fn team(id: &str) -> Vec<FinishedSpan> {
    vec![
        call(id, 3, 2, 1),
        call(id, 5, 4, 10),
        of(id, 4, 2, "tool", "search").build(),
        call(id, 8, 7, 100),
        of(id, 7, 6, "agent", "Expert").build(),
        of(id, 6, 2, "tool", "ask_expert").build(),
        of(id, 2, 1, "agent", "Writer").build(),
        of(id, 1, 0, "runner", "Runner").build(),
        call(id, 9, 1, 1_000),
    ]
}

/// Returns the input tokens and the number of spans of each group.
fn tokens(files: &Files, arguments: &[&str]) -> String {
    let json = files.text(&[&["stats", "--json"], arguments].concat());
    let mut rows: Vec<_> =
        json.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()).collect();
    rows.sort_by_key(|row| row["group"].to_string());
    rows.iter().fold(String::new(), |mut all, row| {
        let _ = write!(
            all,
            "{} {} of {}; ",
            row["group"].as_str().unwrap(),
            row["input_tokens"],
            row["spans"]
        );
        all
    })
}

const TEAM: &str = "agent Expert 100 of 1; agent Writer 11 of 1; llm gpt-4o 1111 of 4; \
                    runner Runner 0 of 1; tool ask_expert 0 of 1; tool search 0 of 1; ";

#[test]
fn an_agent_has_the_usage_of_its_own_model_calls() {
    let files = Files::new(&lines(team("1a")));
    assert_eq!(tokens(&files, &[]), TEAM);
    let row = files.text(&["stats"]);
    assert!(row.contains("agent Expert") && row.contains("$0.00025\n"), "{row}");
    let kinds = tokens(&files, &["--by", "kind"]);
    assert_eq!(kinds, "agent 111 of 2; llm 1111 of 4; runner 0 of 1; tool 0 of 2; ");
    let help = files.text(&["stats", "--help"]);
    let help: Vec<_> = help.split_whitespace().collect();
    assert!(help.join(" ").contains("except those of other agents below it."));
}

#[test]
fn it_does_not_matter_where_the_spans_of_a_run_are() {
    let (one, other) = (team("1a"), team("2b"));
    let twice = "agent Expert 200 of 2; agent Writer 22 of 2; llm gpt-4o 2222 of 8; \
                 runner Runner 0 of 2; tool ask_expert 0 of 2; tool search 0 of 2; ";
    let mixed: Vec<_> =
        one.iter().zip(&other).flat_map(|(one, other)| [one.clone(), other.clone()]).collect();
    let files = Files::new(&lines(mixed.iter().cloned()));
    assert_eq!(tokens(&files, &[]), twice);
    let files = Files::new(&lines(mixed.iter().rev().cloned()));
    assert_eq!(tokens(&files, &[]), twice);

    // In two files, and on standard input.
    let (first, second) = mixed.split_at(7);
    fs::write(files.path("a.jsonl"), lines(first.iter().cloned())).unwrap();
    fs::write(files.path("b.jsonl"), lines(second.iter().cloned())).unwrap();
    assert_eq!(tokens(&files, &["b.jsonl", "a.jsonl"]), twice);
    let mut command = files.command(&["stats", "--json", "-"]);
    command.stdin(fs::File::open(files.path("traces.jsonl")).unwrap());
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), files.text(&["stats", "--json"]));
}

#[test]
fn starts_and_broken_parents_do_no_harm() {
    // The agent has a line for its start, and has not ended: its calls are not those of the agent around it.
    let mut text = lines(team("1a").into_iter().filter(|span| span.component_name() != "Expert"));
    let expert = of("1a", 7, 6, "agent", "Expert").build().started();
    text = serde_json::to_string(&expert).unwrap() + "\n" + &text;
    assert!(tokens(&Files::new(&text), &[]).starts_with("agent Writer 11 of 1; "), "{text}");
    let knot = [
        of("1a", 3, 4, "tool", "left").build(),
        of("1a", 4, 3, "tool", "right").build(),
        of("1a", 2, 99, "agent", "Writer").build(),
        call("1a", 5, 4, 7),
        call("1a", 6, 98, 7),
    ];
    assert!(
        tokens(&Files::new(&lines(knot)), &[])
            .starts_with("agent Writer 0 of 1; llm gpt-4o 14 of 2; ")
    );
}

/// Other programs set the usage of a run on the spans of its agents, too.
#[test]
fn usage_counts_once_if_an_agent_has_that_of_its_calls() {
    let agent = of("1a", 1, 0, "agent", "Writer").attributes(|attributes| {
        attributes.set("gen_ai.request.model", "gpt-4o");
        attributes.set("gen_ai.usage.input_tokens", 5);
        attributes.set("gen_ai.usage.output_tokens", 0);
    });
    let files = Files::new(&lines([call("1a", 2, 1, 5), agent.build()]));
    let listed: Json = serde_json::from_str(files.text(&["list", "--json"]).trim()).unwrap();
    assert_eq!(listed["input_tokens"], 5);
    assert_eq!(tokens(&files, &[]), "agent Writer 5 of 1; llm gpt-4o 5 of 1; ");
    assert_eq!(tokens(&files, &["--by", "model"]), "gpt-4o 5 of 1; ");
}

//! What is measured is true: each tool delivers the whole tree.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

use std::{collections::HashSet, process::Command};

use raaf_benches::facts::keys;
use serde_json::Value;

/// The spans of one tree as the tool delivers them, from a process of its own: some tools can be
/// set up once in a process.
fn spans(arguments: &[&str]) -> Vec<Value> {
    let program = env!("CARGO_BIN_EXE_raaf-benches");
    let output = Command::new(program).arg("spans").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A value that may have become text.
fn reads(value: &Value, as_text: &str) -> bool {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned) == as_text
}

fn holds(span: &Value, kind: &str) {
    let attributes = span["attributes"].as_object().unwrap();
    assert_eq!(attributes.len(), 4, "{span}");
    assert_eq!(attributes[keys::TYPE], kind);
    assert!(attributes[keys::NAME].as_str().is_some_and(|name| !name.is_empty()), "{span}");
    assert!(reads(&attributes[keys::NUMBER], "0"), "{span}");
    assert!(reads(&attributes[keys::EXACT], "true"), "{span}");
    assert!(span["name"].as_str().unwrap().ends_with("execute"), "{span}");
    assert!(span["start_ns"].as_u64().unwrap() > 0, "{span}");
}

fn delivers_the_whole_tree(arguments: &[&str]) {
    let spans = spans(arguments);
    assert_eq!(spans.len(), 13);
    let ids: HashSet<u64> = spans.iter().map(|span| span["span"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), 13, "ids are unique");
    let traces: HashSet<String> = spans.iter().map(|span| span["trace"].to_string()).collect();
    assert_eq!(traces.len(), 1, "it is one trace");

    let children = |parent: &Value| -> Vec<&Value> {
        spans.iter().filter(|span| span["parent"] == *parent).collect()
    };
    let [root] = children(&Value::from(0))[..] else { panic!("one root: {spans:?}") };
    holds(root, "pipeline");
    let agents = children(&root["span"]);
    assert_eq!(agents.len(), 3);
    for agent in agents {
        holds(agent, "agent");
        let tools = children(&agent["span"]);
        assert_eq!(tools.len(), 3);
        for tool in tools {
            holds(tool, "tool");
        }
        assert!(agent["duration_ns"].as_u64() <= root["duration_ns"].as_u64());
    }
}

#[test]
fn fastrace_local_delivers_a_tree_of_calls() {
    delivers_the_whole_tree(&["fastrace, local"]);
}

#[test]
fn raaf_delivers_trees_of_calls_and_of_futures() {
    delivers_the_whole_tree(&["raaf"]);
    delivers_the_whole_tree(&["raaf", "futures"]);
}

#[test]
fn fastrace_spans_delivers_trees_of_calls_and_of_futures() {
    delivers_the_whole_tree(&["fastrace, spans"]);
    delivers_the_whole_tree(&["fastrace, spans", "futures"]);
}

#[test]
fn tracing_with_a_layer_delivers_trees_of_calls_and_of_futures() {
    delivers_the_whole_tree(&["tracing + layer"]);
    delivers_the_whole_tree(&["tracing + layer", "futures"]);
}

#[test]
fn opentelemetry_simple_delivers_trees_of_calls_and_of_futures() {
    delivers_the_whole_tree(&["otel, simple"]);
    delivers_the_whole_tree(&["otel, simple", "futures"]);
}

#[test]
fn opentelemetry_batch_delivers_trees_of_calls_and_of_futures() {
    delivers_the_whole_tree(&["otel, batch"]);
    delivers_the_whole_tree(&["otel, batch", "futures"]);
}

#[test]
fn tracing_opentelemetry_delivers_trees_of_calls_and_of_futures() {
    delivers_the_whole_tree(&["tracing-otel"]);
    delivers_the_whole_tree(&["tracing-otel", "futures"]);
}

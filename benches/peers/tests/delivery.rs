//! Each measured tool delivers the whole tree.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

use std::{collections::HashSet, process::Command};

use raaf_benches::facts::keys;
use serde_json::Value;

/// The spans of one tree as the tool delivers them, from a process of its own: some tools can be
/// set up once in a process.
fn spans(row: &str, tool: usize) -> Vec<Value> {
    let program = env!("CARGO_BIN_EXE_raaf-peers");
    let output = Command::new(program).args(["child", row, &tool.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let values = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    values.filter(|value: &Value| !value.is_null()).collect()
}

/// Returns whether a value, which may have become text, is this one.
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

fn delivers_the_whole_tree(row: &str, tool: usize) {
    let spans = spans(row, tool);
    assert_eq!(spans.len(), 13, "{row}, {tool}");
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
fn each_tool_delivers_trees_of_calls() {
    (0..6).for_each(|tool| delivers_the_whole_tree("print-calls", tool));
}

#[test]
fn each_tool_that_can_delivers_trees_of_futures() {
    (0..5).for_each(|tool| delivers_the_whole_tree("print-futures", tool));
}

#[test]
fn bridges_of_tracing_deliver_trees_of_calls_and_of_futures() {
    (0..3).for_each(|tool| delivers_the_whole_tree("print-bridged-calls", tool));
    (0..3).for_each(|tool| delivers_the_whole_tree("print-bridged-futures", tool));
}

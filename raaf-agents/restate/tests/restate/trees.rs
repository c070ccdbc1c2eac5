//! Trees from the files of the workers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use raaf_processors::read::{Trace, TraceReader};
use raaf_trace_core::{Status, span::TreeProblem};

use crate::server::Server;

/// Reads what the workers wrote. A worker that was killed may have left half a line.
pub(crate) fn traces(server: &Server) -> Vec<Trace> {
    let text = fs::read(server.path("work/traces.jsonl")).unwrap();
    // The last attempt may repeat its end, and then records the root again, with the same line.
    let mut seen = BTreeSet::new();
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| seen.insert(*line));
    let path = server.path("once.jsonl");
    fs::write(&path, lines.collect::<Vec<_>>().concat()).unwrap();
    TraceReader::open(path).unwrap().traces().0
}

/// Asserts that the spans are one tree below one root, of which only spans of killed workers are open.
pub(crate) fn assert_one_tree(trace: &Trace, root: &str) {
    let problems: Vec<_> = trace
        .coherence_problems()
        .into_iter()
        .map(|(_, problem)| problem)
        .filter(|problem| !matches!(problem, TreeProblem::NeverEnded { .. }))
        .collect();
    assert_eq!(problems, [], "{}", drawn(trace));
    let top: Vec<_> = trace.walk().filter(|(depth, _)| *depth == 0).map(|(_, span)| span).collect();
    assert_eq!(top.len(), 1, "{}", drawn(trace));
    assert_eq!((top[0].kind().as_str(), top[0].component_name()), ("trace", root));
    assert!(top[0].ended().is_some(), "{}", drawn(trace));
}

/// Counts the spans of steps that ended, by the paths of their components.
pub(crate) fn steps(trace: &Trace) -> BTreeMap<String, usize> {
    let mut steps = BTreeMap::new();
    let mut agent = String::new();
    for (_, span) in trace.walk() {
        match span.kind().as_str() {
            "agent" => span.component_name().clone_into(&mut agent),
            "llm" | "tool" if span.ended().is_some() => {
                *steps.entry(format!("{agent}/{}", span.component_name())).or_default() += 1;
            }
            _ => {}
        }
    }
    steps
}

/// Counts the spans of agents that ended well, by the agent's name.
pub(crate) fn ended_agents(trace: &Trace) -> BTreeMap<String, usize> {
    let mut agents = BTreeMap::new();
    for (_, span) in trace.walk() {
        if span.kind().as_str() == "agent" && span.status() == Some(Status::Ok) {
            *agents.entry(span.component_name().to_owned()).or_default() += 1;
        }
    }
    agents
}

/// Draws a tree for the message of a test that fails.
pub(crate) fn drawn(trace: &Trace) -> String {
    let mut text = String::new();
    for (depth, span) in trace.walk() {
        let (kind, name, status) = (span.kind(), span.component_name(), span.status());
        let _ = writeln!(text, "{:1$}{kind} {name} {status:?}", "", 2 * depth);
    }
    text
}

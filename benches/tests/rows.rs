//! Rows measure what they say.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::{collections::HashSet, process::Command};

use raaf_benches::{
    child::CHILD,
    measure::Sample,
    row::{Row, ToolId, growth, rows, turns},
};

/// Measures an entry in a process of its own, as the program does.
fn measure(row: &str, tool: ToolId) -> Option<Sample> {
    let entries = Row::named(row).unwrap().entries;
    let entry = entries.iter().position(|entry| entry.tool == tool).unwrap();
    let program = env!("CARGO_BIN_EXE_raaf-benches");
    let output = Command::new(program).args([CHILD, row, &entry.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn names_are_unique_and_ours_comes_first() {
    let mut names = HashSet::new();
    for row in rows().into_iter().chain(growth()).chain(turns()) {
        assert!(names.insert(row.name), "{}", row.name);
        assert_eq!(row.entries[0].tool, ToolId::Raaf, "{}", row.name);
    }
}

#[test]
fn with_room_every_span_is_delivered() {
    for row in ["w1", "late", "threads", "async-multi", "file", "agents-at-once"] {
        let sample = measure(row, ToolId::Raaf).unwrap();
        assert!(sample.started > 0, "{row}");
        assert_eq!(sample.delivered, sample.started, "{row}");
    }
}

#[test]
fn of_a_million_spans_to_a_file_each_is_delivered_or_counted() {
    let sample = measure("million", ToolId::Raaf).unwrap();
    assert!(sample.started >= 1_000_000);
    assert_eq!(sample.delivered + sample.given_up, sample.started);
}

#[test]
fn bursts_fit_the_queues_of_all_tools() {
    for row in ["w1", "late", "wide"] {
        for tool in ToolId::ALL {
            let sample = measure(row, tool).unwrap();
            assert_eq!(sample.delivered, sample.started, "{row}, {}", tool.name());
        }
    }
}

#[test]
fn switched_off_nothing_is_delivered() {
    for row in ["off-switch", "off-unsampled", "off-nothing"] {
        let sample = measure(row, ToolId::Raaf).unwrap();
        assert_eq!((sample.started, sample.delivered), (0, 0), "{row}");
    }
}

#[test]
fn calls_of_the_same_method_make_one_span() {
    let sample = measure("reuse", ToolId::Raaf).unwrap();
    assert_eq!(sample.delivered, sample.started);
}

#[test]
fn what_a_tool_cannot_do_has_no_sample() {
    assert_eq!(measure("async", ToolId::FastraceLocal), None);
    assert_eq!(measure("off-switch", ToolId::OpenTelemetryBatch), None);
}

#[test]
fn every_row_that_grows_can_be_measured_at_its_smallest() {
    for row in growth() {
        let sample = measure(row.name, ToolId::Raaf).unwrap();
        assert_eq!(sample.delivered, sample.started, "{}", row.name);
    }
}

#[test]
fn a_turn_has_its_spans_in_both_frameworks() {
    for row in ["turn", "turn-content"] {
        let spans = |tool| measure(row, tool).unwrap().spans_a_turn.unwrap();
        // The run, the agent, two calls of the model and one of the tool.
        assert!((spans(ToolId::Raaf) - 5.0).abs() < 0.01, "{row}");
        assert!(spans(ToolId::TracingLayer) >= 3.0, "{row}");
    }
    for tool in [ToolId::Raaf, ToolId::TracingLayer] {
        assert_eq!(measure("turn-off", tool).unwrap().delivered, 0, "{}", tool.name());
    }
}

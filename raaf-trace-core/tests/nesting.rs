//! Pipelines, agents and tools, one within another.

use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Component, Traceable as _};

#[test]
fn g6_pipeline_agent_tool_are_a_chain_of_three() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    let tool = Component::tool("Search").with_parent(&agent);
    capture.run(|| {
        pipeline.in_span("run", || agent.in_span("run", || tool.in_span("run", || ())));
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" { tool "Search" } } });
    let spans = capture.spans();
    assert_eq!(spans.path(spans.only("Search")), "Docs > Writer > Search");
    assert_eq!(spans.only("Search").trace_id(), spans.only("Docs").trace_id());
}

#[test]
fn g7_agents_one_after_another_are_siblings() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agents =
        ["Plan", "Write", "Review"].map(|name| Component::agent(name).with_parent(&pipeline));
    capture.run(|| {
        pipeline.in_span("run", || agents.iter().for_each(|agent| agent.in_span("run", || ())));
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Plan" agent "Write" agent "Review" } });
}

#[test]
fn g10_pipelines_of_pipelines_of_agents_are_three_levels() {
    let capture = Capture::new();
    let whole = Component::pipeline("Whole");
    capture.run(|| {
        whole.in_span("run", || {
            for part in ["First", "Second"] {
                let part = Component::pipeline(part).with_parent(&whole);
                part.in_span("run", || {
                    for agent in ["A", "B"] {
                        Component::agent(agent).with_parent(&part).in_span("run", || ());
                    }
                });
            }
        });
    });
    assert_span_tree!(capture, {
        pipeline "Whole" {
            pipeline "First" { agent "A" agent "B" }
            pipeline "Second" { agent "A" agent "B" }
        }
    });
}

#[test]
fn g13_phases_of_a_bound_component_nest_in_its_own_span() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    capture.run(|| {
        pipeline.in_span("run", || agent.in_span("run", || agent.in_span("draft", || ())));
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" { agent "Writer".draft } } });
}

#[test]
fn g13_a_callback_made_by_a_tool_hangs_under_that_tool() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Docs");
    let agent = Component::agent("Writer").with_parent(&pipeline);
    let tool = Component::tool("Search").with_parent(&agent);
    capture.run(|| {
        pipeline.in_span("run", || {
            agent.in_span("run", || {
                tool.in_span("run", || agent.in_span("on_hit", || ()));
            });
        });
    });
    assert_span_tree!(capture, {
        pipeline "Docs" { agent "Writer" { tool "Search" { agent "Writer".on_hit } } }
    });
}

#[test]
fn g37_an_agent_called_in_a_pipeline_needs_no_parent_named() {
    let capture = Capture::new();
    capture.run(|| {
        Component::pipeline("Docs").in_span("run", || {
            Component::agent("Writer").in_span("run", || ());
        });
    });
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" } });
}

#[test]
fn g38_nested_closures_nest_spans() {
    let capture = Capture::new();
    let (pipeline, agent, tool) =
        (Component::pipeline("Docs"), Component::agent("Writer"), Component::tool("Search"));
    let found = capture
        .run(|| pipeline.in_span("run", || agent.in_span("run", || tool.in_span("run", || 3))));
    assert_eq!(found, 3);
    assert_span_tree!(capture, { pipeline "Docs" { agent "Writer" { tool "Search" } } });
}

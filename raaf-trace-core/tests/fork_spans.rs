//! Spans that are open at a fork, and what is found of them in the child.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;
mod forked;
mod own_process;

use std::{process, thread};

use doubles::{LONG, components, in_line};
use fork::{Fork, fork, waitpid};
use forked::{batching, ended_well, forked};
use own_process::in_own_process;
use raaf_trace_core::{Component, FinishedSpan, MemoryExporter, Traceable as _, current_span};

#[test]
fn l10_a_span_that_is_open_at_the_fork_is_its_parent_s_to_end() {
    in_own_process(
        &[],
        || {
            let (provider, memory) = batching();
            let (planner, search) = (Component::agent("Planner"), Component::tool("Search"));
            let answer = provider.run(|| {
                let child_of_outer = planner.in_span("run", || {
                    let outer = current_span().unwrap();
                    let child = || {
                        outer.set_attribute("who", "child");
                        let parent = search.in_span("run", || current_span().unwrap().parent_id());
                        assert_eq!(parent, Some(outer.span_id()));
                        String::new()
                    };
                    match fork().unwrap() {
                        Fork::Child => Some(child()),
                        Fork::Parent(child) => {
                            assert_eq!(waitpid(child).unwrap(), 0);
                            None
                        }
                    }
                });
                provider.force_flush(LONG).unwrap();
                child_of_outer
            });
            if answer.is_some() {
                process::exit(i32::from(components(&memory) != ["Search"]));
            }
            assert_eq!(components(&memory), ["Planner"]);
            assert!(memory.spans()[0].attributes().get("who").is_none());
        },
        ended_well,
    );
}

#[test]
fn l10_a_component_that_is_active_at_the_fork_is_a_bound_parent_in_the_child() {
    in_own_process(
        &[],
        || {
            let (provider, _) = in_line();
            let (pipeline, agent) = (Component::pipeline("Import"), Component::agent("Planner"));
            let tool = Component::tool("Search").with_parent(&pipeline);
            let parent_of_tool = || {
                let parent = tool.in_span("run", || current_span().unwrap().parent_id());
                format!("{parent:?}")
            };
            provider.run(|| {
                pipeline.in_span("run", || {
                    let within = format!("{:?}", Some(current_span().unwrap().span_id()));
                    agent.in_span("run", || {
                        assert_eq!(parent_of_tool(), within);
                        assert_eq!(forked(parent_of_tool, || ()), within);
                    });
                });
            });
        },
        ended_well,
    );
}

/// Returns whether a thread without a context finds the span of a component that its own is bound to.
fn finds_bound_parent(memory: &MemoryExporter) -> bool {
    let planner = Component::agent("Planner");
    let tool = Component::tool("Search").with_parent(&planner);
    let before = memory.len();
    planner.in_span("run", || {
        thread::spawn(move || tool.in_span("run", || ())).join().unwrap();
    });
    let is_child =
        |span: &FinishedSpan| span.component_name() == "Search" && span.parent_id().is_some();
    memory.spans()[before..].iter().any(is_child)
}

#[test]
fn l10_a_child_that_is_forked_inside_a_span_finds_bound_parents() {
    let run = || {
        let (provider, memory) = in_line();
        provider.run(|| {
            let find = || finds_bound_parent(&memory).to_string();
            let inside = Component::agent("Outer").in_span("run", || forked(find, || ()));
            assert_eq!(inside, "true");
        });
    };
    in_own_process(&[], run, ended_well);
}

#[test]
fn l10_a_child_that_has_left_the_span_it_was_forked_in_finds_bound_parents() {
    let run = || {
        let (provider, memory) = in_line();
        provider.run(|| {
            let outer = || match fork().unwrap() {
                Fork::Child => {
                    Component::agent("Inner").in_span("run", || ());
                    None
                }
                Fork::Parent(child) => Some(child),
            };
            let Some(child) = Component::agent("Outer").in_span("run", outer) else {
                let all = (0..3).all(|_| finds_bound_parent(&memory));
                process::exit(i32::from(!all));
            };
            assert_eq!(waitpid(child).unwrap(), 0);
        });
    };
    in_own_process(&[], run, ended_well);
}

#[test]
fn l10_a_child_that_leaves_a_span_of_its_parent_has_nothing_of_it() {
    let run = || {
        let (provider, memory) = batching();
        provider.run(|| {
            let (planner, search) = (Component::agent("Planner"), Component::tool("Search"));
            let planning = planner.traced("run").with("who", "parent");
            // No handle: only its thread knows the span.
            match planning.in_span(|| fork().unwrap()) {
                Fork::Child => {
                    search.in_span("run", || ());
                    provider.force_flush(LONG).unwrap();
                    let own = components(&memory) == ["Search"];
                    let attributes = memory.spans()[0].attributes().get("who").is_some();
                    process::exit(i32::from(!own || attributes));
                }
                Fork::Parent(child) => assert_eq!(waitpid(child).unwrap(), 0),
            }
        });
        provider.force_flush(LONG).unwrap();
        assert_eq!(components(&memory), ["Planner"]);
    };
    in_own_process(&[], run, ended_well);
}

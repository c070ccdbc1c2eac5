//! The tree of the program.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{collections::HashSet, process::Command};

use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_trace_core::FinishedSpan;

mod support;

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_the_program_is_one_tree() {
    support::subscribe("sqlx=debug");
    let capture = Capture::new();
    let answer = capture.run_async(raaf_one_tree::run(capture.provider())).await.unwrap();
    assert_eq!(answer, "We have two lamps.");
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        trace "one tree" {
            agent "Clerk" {
                llm "scripted"
                tool "ask_warehouse" {
                    client "GET" {
                        server "GET /stock/{item}" {
                            component "warehouse".shelf_of [item = "lamps", event "log" ["target" = "sqlx::query"]]
                            agent "Keeper" {
                                llm "small-1" { client "POST" { server "POST /v1/chat/completions" } }
                                tool "count" { component "Shelf".count [item = "lamps"] }
                                llm "small-1" { client "POST" { server "POST /v1/chat/completions" } }
                            }
                        }
                    }
                }
                llm "scripted"
            }
        }
    });
    assert_coherent!(spans);
    let traces = spans.iter().map(FinishedSpan::trace_id).collect::<HashSet<_>>();
    assert_eq!(traces.len(), 1, "{spans}");
}

/// Returns the names in a drawn tree: each line without times, status and tokens.
fn names(drawn: &str) -> Vec<String> {
    let lines = drawn.lines().filter(|line| line.contains(':'));
    lines.map(|line| line.split("  ").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_program_prints_the_tree_of_its_page() {
    let output = Command::new(env!("CARGO_BIN_EXE_raaf-one-tree")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    let page = include_str!("../../../docs/guide/tracing.md");
    let (_, page) = page.split_once("We have two lamps.\n").unwrap();
    let (page, _) = page.split_once("```").unwrap();
    assert_eq!(names(&printed), names(page), "{printed}");
}

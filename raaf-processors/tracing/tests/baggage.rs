//! Chosen entries of the baggage as attributes of spans of `tracing`.

#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

mod support;

use std::thread;

use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Component, Context, Traceable as _, propagation::Baggage, trace};
use support::subscribe;
use tracing::{Instrument as _, info_span};

fn capture() -> Capture {
    subscribe();
    Capture::with(|builder| builder.baggage_attributes(["tenant"]))
}

fn within<R>(baggage: &str, work: impl FnOnce() -> R) -> R {
    Context::current().with_baggage(Baggage::parse(baggage)).run(work)
}

#[test]
fn chosen_entries_are_attributes_of_bridged_spans_and_of_those_inside_them() {
    let capture = capture();
    let tool = Component::tool("Tool");
    capture.run(|| {
        let moved = within("tenant=acme,note=private", || {
            trace("request").in_span(|| {
                info_span!(target: "app", "query").in_scope(|| tool.in_span("run", || ()));
                info_span!(target: "app", "mine", tenant = "own").in_scope(|| ());
                info_span!(target: "app", "moved")
            })
        });
        thread::scope(|scope| {
            scope.spawn(|| {
                moved.in_scope(|| {
                    info_span!(target: "app", "inside").in_scope(|| tool.in_span("far", || ()));
                });
            });
        });
        let child = info_span!(target: "app", parent: &moved, "explicit");
        child.in_scope(|| ());
    });
    assert_span_tree!(capture, {
        trace "request" ["tenant" = "acme", !"note"] {
            component "app".query ["tenant" = "acme"] { tool "Tool".run ["tenant" = "acme"] }
            component "app".mine ["tenant" = "own"]
            component "app".moved ["tenant" = "acme"] {
                component "app".inside ["tenant" = "acme"] { tool "Tool".far ["tenant" = "acme"] }
                component "app".explicit ["tenant" = "acme"]
            }
        }
    });
}

#[tokio::test]
async fn they_go_with_an_instrumented_task() {
    let capture = capture();
    let task = capture.run(|| {
        within("tenant=acme", || {
            let work = async {
                tokio::task::yield_now().await;
                Component::tool("Tool")
                    .in_span("run", async { tokio::task::yield_now().await })
                    .await;
            };
            tokio::spawn(work.instrument(info_span!(target: "app", "task")))
        })
    });
    task.await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        component "app".task ["tenant" = "acme"] { tool "Tool".run ["tenant" = "acme"] }
    });
}

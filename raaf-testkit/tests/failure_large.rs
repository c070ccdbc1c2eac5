//! That what a failing test says of a large tree can be read.

mod support;

use raaf_testkit::{Capture, Expected, Node, Siblings, Spans};
use raaf_trace_core::{Component, Traceable as _};
use support::{call, text};

/// Ten agents with a hundred calls each.
fn spans() -> Spans {
    let capture = Capture::new();
    let tool = Component::tool("load");
    capture.run(|| {
        call(&Component::pipeline("Big"), || {
            for agent in 0..10 {
                call(&Component::agent(format!("Agent {agent}")), || {
                    for page in 0..100 {
                        tool.traced("run").with("page", page).in_span(|| ());
                    }
                });
            }
        });
    });
    capture.spans()
}

/// The same, but for what `change` makes of each page.
fn expected(change: impl Fn(usize, i64) -> Option<Node>) -> Expected {
    let agents = (0..10).map(|agent| {
        let pages = (0..100).filter_map(|page| change(agent, page));
        let pages = pages.fold(Siblings::new(), Siblings::node);
        Node::new("agent", format!("Agent {agent}")).children(pages)
    });
    let agents = agents.fold(Siblings::new(), Siblings::node);
    Expected::new(Siblings::new().node(Node::new("pipeline", "Big").children(agents)))
}

fn page(page: i64) -> Node {
    Node::new("tool", "load").attribute("page", page)
}

#[test]
fn the_same_tree_passes() {
    expected(|_, number| Some(page(number))).check(&spans()).unwrap();
}

#[test]
fn what_is_as_expected_is_folded() {
    let expected = expected(|agent, number| match (agent, number) {
        (3, 50) => None,
        (7, 10) => Some(page(11)),
        (7, 99) => Some(page(99).attribute("more", true)),
        _ => Some(page(number)),
    });
    insta::assert_snapshot!(text(&expected, &spans()), @r#"
    the spans make another tree: 1 extra, 2 different

    expected:
        pipeline "Big"
        ├── … 706 spans as expected
        ├── agent "Agent 7"
        │   ├── … 9 spans as expected
        │   ├── tool "load" ["page" = 9]
      ~ │   ├── tool "load" ["page" = 11]
        │   ├── tool "load" ["page" = 11]
        │   ├── … 86 spans as expected
        │   ├── tool "load" ["page" = 98]
      ~ │   └── tool "load" ["page" = 99, "more" = true]
        └── … 202 spans as expected

    found:
        pipeline "Big"
        ├── … 303 spans as expected
        ├── agent "Agent 3"
        │   ├── … 49 spans as expected
        │   ├── tool "load" ["page" = 49]
      + │   ├── tool "load" ["page" = 50]
        │   ├── tool "load" ["page" = 51]
        │   └── … 48 spans as expected
        ├── … 303 spans as expected
        ├── agent "Agent 7"
        │   ├── … 9 spans as expected
        │   ├── tool "load" ["page" = 9]
      ~ │   ├── tool "load"  <- "page" is 10, not 11
        │   ├── tool "load" ["page" = 11]
        │   ├── … 86 spans as expected
        │   ├── tool "load" ["page" = 98]
      ~ │   └── tool "load" ["page" = 99]  <- "more" is not set, and should be true
        └── … 202 spans as expected

    + extra  ~ different
    "#);
}

#[test]
fn a_thousand_differences_are_counted() {
    let expected = expected(|_, number| Some(page(number).attribute("more", true)));
    let text = text(&expected, &spans());
    assert!(text.lines().count() < 250, "{text}");
    insta::assert_snapshot!(text.lines().rev().take(24).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"), @r#"
      ~ │   ├── tool "load" ["page" = 10]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 11]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 12]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 13]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 14]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 15]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 16]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 17]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 18]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 19]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 20]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 21]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 22]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 23]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 24]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 25]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 26]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 27]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 28]  <- "more" is not set, and should be true
      ~ │   ├── tool "load" ["page" = 29]  <- "more" is not set, and should be true
      ~ │   └── … 70 spans, 70 different
      ~ └── … 909 spans, 900 different

    ~ different
    "#);
}

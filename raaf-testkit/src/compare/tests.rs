//! Tests of matches and of marks. The failure texts are tested in `tests/`.

use raaf_trace_core::{Component, Traceable as _};

use crate::{Capture, Expected, Node, Siblings, Spans, span_tree};

fn run(component: &Component, inside: impl FnOnce()) {
    component.in_span("run", inside);
}

/// A pipeline over an agent with a failing tool, and an agent with none.
fn spans() -> Spans {
    let capture = Capture::new();
    let search = Component::tool("search");
    capture.run(|| {
        run(&Component::pipeline("Data"), || {
            run(&Component::agent("Planner"), || {
                let _ = search.traced("run").with("query", "tea").try_in_span(|| "x".parse::<u8>());
            });
            run(&Component::agent("Writer"), || ());
        });
    });
    capture.spans()
}

#[test]
fn the_tree_as_it_is_passes() {
    for expected in [
        span_tree! {
            pipeline "Data" { agent "Planner" { tool "search" } agent "Writer" }
        },
        span_tree! {
            pipeline "Data" {
                agent "Planner" { tool "search" [status = error, query = "tea"] },
                agent "Writer" [status = ok],
            }
        },
        span_tree! { pipeline "Data" { .. } },
        span_tree! { .. },
        span_tree! { * * { .. } },
        span_tree! { pipeline "Data" { .. agent "Writer" } },
        span_tree! { pipeline "Data" { agent "Planner" { .. } .. } },
        span_tree! { pipeline "Data" { agent * { .. } x 2 } },
        span_tree! {
            pipeline "Data" { in_any_order { agent "Writer" agent "Planner" { .. } } }
        },
        span_tree! { pipeline "Data" { in_any_order { agent "Writer" .. } } },
        span_tree! { pipeline "D*a" { agent "*er" { * } x 2..=3 } },
        span_tree! { * * { * * { * } x 1.. } },
        span_tree! { pipeline "Data" { * } },
        span_tree! { pipeline "Data" { agent "Planner" > tool "search" agent "Writer" x 1 .. } },
        span_tree! { pipeline "Data" { agent "Planner" { * } agent "Writer" x 1.. } },
        span_tree! { pipeline "Data" { llm * x ..=3 agent * { * } x 1.. agent "Writer" x ..=1 } },
        span_tree! { pipeline "Data" { in_any_order { agent * { * } x 1..  agent "Writer" } } },
        span_tree! { pipeline "Data" { .. in_any_order { agent "Writer" } .. } },
        span_tree! { pipeline "Data" > .. },
    ] {
        expected.check(&spans()).unwrap();
    }
}

#[test]
fn whatever_does_not_match_is_marked() {
    for expected in [
        span_tree! {},
        span_tree! { pipeline "Data" },
        span_tree! { pipeline "Data" {} },
        span_tree! { pipeline "Data" { .. } pipeline "Data" { .. } },
        span_tree! { pipeline "Data" { agent * { .. } x 3 } },
        span_tree! { pipeline "Data" { agent * { .. } } },
        span_tree! { pipeline "Data" { agent "Writer" .. } },
        span_tree! { pipeline "Data" { .. agent "Planner" { .. } } },
        span_tree! { pipeline "Data" { in_any_order { agent "Writer" agent "Planner" } } },
        span_tree! { pipeline "Data" { in_any_order { agent "Writer" { llm * } .. } } },
        span_tree! { pipeline "Data" { in_any_order { agent "Writer" x 2 } } },
        span_tree! { pipeline "Data" { agent "Planner" { .. } .. tool * .. } },
        span_tree! { pipeline "Data" [name = "x"] { .. } },
        span_tree! { pipeline "Data" { agent * { * } x 3.. } },
        span_tree! { pipeline "Data" { agent * { * } x ..=1 } },
        span_tree! { pipeline "Data" { agent * { * } x 0 .. agent "X" } },
        span_tree! { pipeline "D*" { agent "Q*" { * } agent "W*" } },
        span_tree! { pipeline "Data" { in_any_order { agent * { * } x 3.. } } },
        span_tree! { pipeline "Data" { in_any_order { agent "Writer" x 1.. } } },
    ] {
        let text = expected.check(&spans()).unwrap_err().to_string();
        assert!(
            text.contains("\n- ")
                || text.contains("\n  ~ ")
                || text.contains("\n  + ")
                || text.contains("\n  > "),
            "nothing is marked:\n{text}"
        );
    }
}

/// Spans with a number each, below one root.
const MANY: usize = 2_000;

fn many() -> Spans {
    let capture = Capture::new();
    let tool = Component::tool("load");
    capture.run(|| {
        run(&Component::pipeline("Big"), || {
            for number in 0..MANY {
                tool.traced("run").with("number", number).in_span(|| ());
            }
        });
    });
    capture.spans()
}

fn below_the_root(children: Siblings) -> Expected {
    Expected::new(Siblings::new().node(Node::new("pipeline", "Big").children(children)))
}

fn numbered(number: usize) -> Node {
    Node::new("tool", "load").attribute("number", number)
}

/// Takes minutes if the work grows with the cube.
#[test]
fn thousands_of_spans_are_compared() {
    let spans = many();
    let exact = || (0..MANY).map(numbered).fold(Siblings::new(), Siblings::node);
    let reversed = (0..MANY).rev().map(numbered).fold(Siblings::new(), Siblings::node);
    let alike = (0..MANY).map(|_| Node::new("tool", "load")).fold(Siblings::new(), Siblings::node);
    for children in [
        exact(),
        Siblings::new().in_any_order(reversed),
        Siblings::new().in_any_order(alike),
        Siblings::new()
            .node(Node::new("tool", "*").times(0))
            .node(Node::new("tool", "load").times(MANY)),
        Siblings::new().others().node(numbered(MANY / 2)).others(),
        Siblings::new().in_any_order(Siblings::new().node(numbered(7)).others()),
        Siblings::new().node(Node::new("tool", "load").times(1..)).node(numbered(MANY - 1)),
    ] {
        below_the_root(children).check(&spans).unwrap();
    }
    for (children, summary) in [
        (exact().node(numbered(MANY)), "1 missing"),
        (Siblings::new().in_any_order(exact().node(numbered(MANY))), "1 missing"),
        (Siblings::new().node(Node::new("tool", "load").times(MANY - 1)), "1 duplicated"),
        (Siblings::new().node(Node::new("tool", "load").times(MANY + 2)), "1 missing"),
    ] {
        let text = below_the_root(children).check(&spans).unwrap_err().to_string();
        assert_eq!(text.lines().next(), Some(&*format!("the spans make another tree: {summary}")));
        assert!(text.lines().count() < 40, "{text}");
    }
}

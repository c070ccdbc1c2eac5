//! The failure text, word by word.

use raaf_trace_core::{Component, TraceableExt as _};

use crate::{Capture, Expected, Spans, span_tree};

fn run(component: &Component, inside: impl FnOnce()) {
    component.traced("run").run(inside);
}

/// A pipeline over an agent with a failing tool, and an agent with none.
fn spans() -> Spans {
    let capture = Capture::new();
    let search = Component::tool("search");
    capture.run(|| {
        run(&Component::pipeline("Data"), || {
            run(&Component::agent("Planner"), || {
                let _ = search.traced("run").with("query", "tea").try_run(|| "x".parse::<u8>());
            });
            run(&Component::agent("Writer"), || ());
        });
    });
    capture.spans()
}

#[track_caller]
fn text(expected: &Expected) -> String {
    expected.check(&spans()).unwrap_err().to_string()
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
    ] {
        expected.check(&spans()).unwrap();
    }
}

#[test]
fn missing_and_extra_spans_are_marked() {
    let expected = span_tree! {
        pipeline "Data" { agent "Planner" agent "Writer" { llm "gpt" } }
    };
    assert_eq!(
        text(&expected),
        "\
the spans make another tree: 1 missing, 1 extra

expected:
    pipeline \"Data\"
    ├── agent \"Planner\"
    └── agent \"Writer\"
  -     └── llm \"gpt\"

found:
    pipeline \"Data\"
    ├── agent \"Planner\"
  + │   └── tool \"search\" [status = error, \"error.type\" = \"ParseIntError\"]
    └── agent \"Writer\"

- missing  + extra  ~ different  > misplaced
"
    );
}

#[test]
fn a_different_span_says_what_differs_with_both_values() {
    let expected = span_tree! {
        pipeline "Data" {
            agent "Planner".plan {
                tool "search" [status = ok, "query" = 3, "hits" = 2, "error.type" = None::<&str>]
            }
            tool "Writer"
        }
    };
    assert_eq!(
        text(&expected),
        "\
the spans make another tree: 3 different

expected:
    pipeline \"Data\"
  ~ ├── agent \"Planner\".plan
  ~ │   └── tool \"search\" [status = ok, \"query\" = 3, \"hits\" = 2, \"error.type\" = None]
  ~ └── tool \"Writer\"

found:
    pipeline \"Data\"
  ~ ├── agent \"Planner\"  <- method is \"run\", not \"plan\"
  ~ │   └── tool \"search\" [status = error, \"error.type\" = \"ParseIntError\"]  \
<- status is error, not ok; \"query\" is \"tea\", not 3; \"hits\" is not set, not 2; \
\"error.type\" is \"ParseIntError\", not absent
  ~ └── agent \"Writer\"  <- kind is \"agent\", not \"tool\"

- missing  + extra  ~ different  > misplaced
"
    );
}

#[test]
fn a_span_under_another_parent_is_misplaced() {
    let expected = span_tree! {
        pipeline "Data" { agent "Planner" agent "Writer" { tool "search" } }
    };
    assert_eq!(
        text(&expected),
        "\
the spans make another tree: 1 misplaced

expected:
    pipeline \"Data\"
    ├── agent \"Planner\"
    └── agent \"Writer\"
  >     └── tool \"search\"  <- found under Data > Planner

found:
    pipeline \"Data\"
    ├── agent \"Planner\"
  > │   └── tool \"search\" [status = error, \"error.type\" = \"ParseIntError\"]
    └── agent \"Writer\"

- missing  + extra  ~ different  > misplaced
"
    );
}

#[test]
fn siblings_in_another_order_are_misplaced() {
    let expected = span_tree! {
        pipeline "Data" { agent "Writer" agent "Planner" { .. } }
    };
    assert_eq!(
        text(&expected),
        "\
the spans make another tree: 1 misplaced

expected:
    pipeline \"Data\"
  > ├── agent \"Writer\"
    └── agent \"Planner\"
        └── ..

found:
    pipeline \"Data\"
    ├── agent \"Planner\"
    │   └── tool \"search\" [status = error, \"error.type\" = \"ParseIntError\"]
  > └── agent \"Writer\"  <- stands elsewhere among its siblings

- missing  + extra  ~ different  > misplaced
"
    );
}

#[test]
fn nothing_captured_says_so() {
    let nothing = Capture::new().spans();
    let mismatch = span_tree! { agent "A" }.check(&nothing).unwrap_err();
    assert_eq!(
        mismatch.to_string(),
        "\
the spans make another tree: 1 missing

expected:
  - agent \"A\"

found:
    no spans

- missing  + extra  ~ different  > misplaced
"
    );
    span_tree! {}.check(&nothing).unwrap();
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
    ] {
        let text = text(&expected);
        assert!(!text.contains("tree: \n"), "nothing is marked:\n{text}");
    }
}

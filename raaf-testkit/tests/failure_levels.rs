//! Failure texts of trees in which one name or one level is wrong.

mod support;

use raaf_testkit::{Capture, Expected, Node, Siblings, Spans, span_tree};
use raaf_trace_core::Component;
use support::{call, text};

fn llm() {
    call(&Component::new("gpt").with_kind("llm"), || ());
}

/// A runner over an agent with two model calls and a tool between.
fn run() -> Spans {
    let capture = Capture::new();
    capture.run(|| {
        call(&Component::runner("Runner"), || {
            call(&Component::agent("Clerk"), || {
                llm();
                call(&Component::tool("search"), || ());
                llm();
            });
        });
    });
    capture.spans()
}

#[test]
fn a_misspelled_parent_is_one_difference() {
    let expected = span_tree! {
        runner "Runer" { agent "Clark" { llm "gpt" tool "search" llm "gpt" } }
    };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 2 different

    expected:
      ~ runner "Runer"
      ~ └── agent "Clark"
            ├── llm "gpt"
            ├── tool "search"
            └── llm "gpt"

    found:
      ~ runner "Runner"  <- component is "Runner", not "Runer"
      ~ └── agent "Clerk"  <- component is "Clerk", not "Clark"
            ├── llm "gpt"
            ├── tool "search"
            └── llm "gpt"

    ~ different
    "#);
}

#[test]
fn a_parent_of_quite_another_name_is_known_by_its_children() {
    let expected = span_tree! {
        runner "Runner" { agent "Receptionist" { llm "gpt" tool "find" llm "gpt" } }
    };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 1 missing, 1 extra, 1 different

    expected:
        runner "Runner"
      ~ └── agent "Receptionist"
            ├── llm "gpt"
      -     ├── tool "find"
            └── llm "gpt"

    found:
        runner "Runner"
      ~ └── agent "Clerk"  <- component is "Clerk", not "Receptionist"
            ├── llm "gpt"
      +     ├── tool "search"
            └── llm "gpt"

    - missing  + extra  ~ different
    "#);
}

#[test]
fn a_misspelled_span_without_children_is_one_difference() {
    let expected = span_tree! {
        runner "Runner" { agent "Clerk" { llm "gpt" tool "serch" llm "gpt-4" } }
    };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 2 different

    expected:
        runner "Runner"
        └── agent "Clerk"
            ├── llm "gpt"
      ~     ├── tool "serch"
      ~     └── llm "gpt-4"

    found:
        runner "Runner"
        └── agent "Clerk"
            ├── llm "gpt"
      ~     ├── tool "search"  <- component is "search", not "serch"
      ~     └── llm "gpt"  <- component is "gpt", not "gpt-4"

    ~ different
    "#);
}

#[test]
fn a_root_that_was_forgotten() {
    let expected = span_tree! { agent "Clerk" { llm "gpt" tool "search" [error] llm "gpt" } };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 1 extra, 1 different, 1 misplaced

    expected:
      > agent "Clerk"  <- found one level deeper, under runner "Runner"
        ├── llm "gpt"
      ~ ├── tool "search" [status = error]
        └── llm "gpt"

    found:
      + runner "Runner"
      > └── agent "Clerk"  <- expected one level higher, at the top
            ├── llm "gpt"
      ~     ├── tool "search"  <- status is ok, not error
            └── llm "gpt"

    + extra  ~ different  > misplaced
    "#);
}

#[test]
fn two_levels_that_were_forgotten() {
    let expected = span_tree! { llm "gpt" tool "search" llm "gpt" };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 2 extra, 3 misplaced

    expected:
      > llm "gpt"  <- found 2 levels deeper, under agent "Clerk"
      > tool "search"  <- found 2 levels deeper, under agent "Clerk"
      > llm "gpt"  <- found 2 levels deeper, under agent "Clerk"

    found:
      + runner "Runner"
      + └── agent "Clerk"
      >     ├── llm "gpt"  <- expected 2 levels higher, at the top
      >     ├── tool "search"  <- expected 2 levels higher, at the top
      >     └── llm "gpt"  <- expected 2 levels higher, at the top

    + extra  > misplaced
    "#);
}

#[test]
fn a_level_that_is_not_there() {
    let expected = span_tree! {
        pipeline "Flow" {
            runner "Runner" { agent "Clerk" { llm "gpt" tool "search" llm "gpt" } agent "Spare" }
        }
    };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 2 missing, 1 misplaced

    expected:
      - pipeline "Flow"
      > └── runner "Runner"  <- found one level higher, at the top
            ├── agent "Clerk"
            │   ├── llm "gpt"
            │   ├── tool "search"
            │   └── llm "gpt"
      -     └── agent "Spare"

    found:
      > runner "Runner"  <- expected one level deeper, under pipeline "Flow"
        └── agent "Clerk"
            ├── llm "gpt"
            ├── tool "search"
            └── llm "gpt"

    - missing  > misplaced
    "#);
}

#[test]
fn levels_are_found_inside_of_what_was_found_a_level_away() {
    let expected = span_tree! { agent "Clerk" { turn "1" { llm "gpt" tool "search" llm "gpt" } } };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 1 missing, 1 extra, 4 misplaced

    expected:
      > agent "Clerk"  <- found one level deeper, under runner "Runner"
      - └── turn "1"
      >     ├── llm "gpt"  <- found one level higher, under Runner > Clerk
      >     ├── tool "search"  <- found one level higher, under Runner > Clerk
      >     └── llm "gpt"  <- found one level higher, under Runner > Clerk

    found:
      + runner "Runner"
      > └── agent "Clerk"  <- expected one level higher, at the top
      >     ├── llm "gpt"  <- expected one level deeper, under turn "1"
      >     ├── tool "search"  <- expected one level deeper, under turn "1"
      >     └── llm "gpt"  <- expected one level deeper, under turn "1"

    - missing  + extra  > misplaced
    "#);
}

#[test]
fn a_span_is_found_once() {
    let expected = span_tree! { agent "Clerk" { .. } agent "Clerk" { .. } };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 1 missing, 1 extra, 1 misplaced

    expected:
      > agent "Clerk"  <- found one level deeper, under runner "Runner"
        └── ..
      - agent "Clerk"
        └── ..

    found:
      + runner "Runner"
      > └── agent "Clerk"  <- expected one level higher, at the top
            ├── llm "gpt"
            ├── tool "search"
            └── llm "gpt"

    - missing  + extra  > misplaced
    "#);
    // Both a span and what is below it are sought at one level.
    let expected = span_tree! { tool "search" agent "Clerk" { .. } };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 1 missing, 4 extra, 1 misplaced

    expected:
      > tool "search"  <- found 2 levels deeper, under agent "Clerk"
      - agent "Clerk"
        └── ..

    found:
      + runner "Runner"
      + └── agent "Clerk"
      +     ├── llm "gpt"
      >     ├── tool "search"  <- expected 2 levels higher, at the top
      +     └── llm "gpt"

    - missing  + extra  > misplaced
    "#);
}

#[test]
fn a_span_is_found_once_whatever_is_missing_between() {
    let capture = Capture::new();
    capture.run(|| {
        call(&Component::runner("Runner"), || {
            call(&Component::agent("Helper"), || call(&Component::tool("find"), || ()));
            call(&Component::agent("Clerk"), llm);
        });
    });
    let expected = span_tree! {
        runner "Runner" { tool "find"  agent "Clerk" { llm "gpt" tool "add" }  tool "find" }
    };
    let text = text(&expected, &capture.spans());
    let summary = "the spans make another tree: 2 missing, 1 extra, 1 misplaced";
    assert_eq!(text.lines().next(), Some(summary), "{text}");
}

#[test]
fn another_kind_of_span_is_not_taken_for_it() {
    let expected = span_tree! {
        runner "Runner" { agent "Clerk" { llm "gpt" agent "serch" llm "gpt" } }
    };
    insta::assert_snapshot!(text(&expected, &run()), @r#"
    the spans make another tree: 1 missing, 1 extra

    expected:
        runner "Runner"
        └── agent "Clerk"
            ├── llm "gpt"
      -     ├── agent "serch"
            └── llm "gpt"

    found:
        runner "Runner"
        └── agent "Clerk"
            ├── llm "gpt"
      +     ├── tool "search"
            └── llm "gpt"

    - missing  + extra
    "#);
}

/// Takes minutes if the work grows with the square of all spans below.
#[test]
fn thousands_of_spans_are_found_a_level_away() {
    const AGENTS: usize = 60;
    const CALLS: usize = 60;
    let capture = Capture::new();
    capture.run(|| {
        call(&Component::runner("Runner"), || {
            for agent in 0..AGENTS {
                call(&Component::agent(format!("Agent {agent}")), || {
                    (0..CALLS).for_each(|_| llm());
                });
            }
        });
    });
    let llms = (0..CALLS).map(|_| Node::new("llm", "gpt"));
    let llms = llms.fold(Siblings::new(), Siblings::node);
    let agent = |number| Node::new("agent", format!("Agent {number}")).children(llms.clone());
    let agents = (0..AGENTS).map(agent).fold(Siblings::new(), Siblings::node);
    let all = (0..AGENTS * CALLS).map(|_| Node::new("llm", "gpt"));
    for (expected, summary) in [
        (agents, "1 extra, 60 misplaced"),
        (all.fold(Siblings::new(), Siblings::node), "61 extra, 3600 misplaced"),
    ] {
        let text = text(&Expected::new(expected), &capture.spans());
        assert_eq!(text.lines().next(), Some(&*format!("the spans make another tree: {summary}")));
    }
}

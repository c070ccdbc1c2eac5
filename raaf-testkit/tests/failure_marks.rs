//! Failure texts: each kind of mark alone, and all together.

mod support;

use raaf_testkit::{AsSpans as _, Capture, Spans, assert_no_spans, span_tree};
use raaf_trace_core::{Component, Traceable as _};
use support::{call, data, text};

#[test]
fn a_missing_span() {
    let expected = span_tree! {
        pipeline "Data" { agent "Planner" > tool "search"  agent "Writer" { llm "gpt" { tool * } } }
    };
    insta::assert_snapshot!(text(&expected, &data()), @r#"
    the spans make another tree: 2 missing

    expected:
        pipeline "Data"
        ├── agent "Planner"
        │   └── tool "search"
        └── agent "Writer"
      -     └── llm "gpt"
      -         └── tool *

    found:
        pipeline "Data"
        ├── agent "Planner"
        │   └── tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string
        └── agent "Writer"

    - missing
    "#);
}

#[test]
fn an_extra_span() {
    let expected = span_tree! { pipeline "Data" { agent "Planner"  agent "Writer" } };
    insta::assert_snapshot!(text(&expected, &data()), @r#"
    the spans make another tree: 1 extra

    expected:
        pipeline "Data"
        ├── agent "Planner"
        └── agent "Writer"

    found:
        pipeline "Data"
        ├── agent "Planner"
      + │   └── tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string
        └── agent "Writer"

    + extra
    "#);
}

#[test]
fn a_different_span_with_one_difference_and_with_several() {
    let expected = span_tree! {
        pipeline "Data" {
            agent "Planner".plan { tool "search" [ok, "query" = 3, "hits" = 2, !"error.type"] }
            tool "Writer"
        }
    };
    insta::assert_snapshot!(text(&expected, &data()), @r#"
    the spans make another tree: 3 different

    expected:
        pipeline "Data"
      ~ ├── agent "Planner".plan
      ~ │   └── tool "search" [status = ok, "query" = 3, "hits" = 2, !"error.type"]
      ~ └── tool "Writer"

    found:
        pipeline "Data"
      ~ ├── agent "Planner"  <- method is "run", not "plan"
      ~ │   └── tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string
      ~ │           <- status is error, not ok
      ~ │           <- "query" is "tea", not 3
      ~ │           <- "hits" is not set, and should be 2
      ~ │           <- "error.type" is "ParseIntError", and should be absent
      ~ └── agent "Writer"  <- kind is "agent", not "tool"

    ~ different
    "#);
}

#[test]
fn a_span_below_another_one() {
    let expected =
        span_tree! { pipeline "Data" { agent "Planner"  agent "Writer" > tool "search" } };
    insta::assert_snapshot!(text(&expected, &data()), @r#"
    the spans make another tree: 1 misplaced

    expected:
        pipeline "Data"
        ├── agent "Planner"
        └── agent "Writer"
      >     └── tool "search"  <- found under Data > Planner

    found:
        pipeline "Data"
        ├── agent "Planner"
      > │   └── tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string  <- expected under Data > Writer
        └── agent "Writer"

    > misplaced
    "#);
}

#[test]
fn a_span_at_the_top_that_belongs_below() {
    let capture = Capture::new();
    capture.run(|| {
        call(&Component::pipeline("Data"), || ());
        call(&Component::agent("Planner"), || call(&Component::tool("search"), || ()));
    });
    let expected = span_tree! { pipeline "Data" > agent "Planner" > tool "search" };
    insta::assert_snapshot!(text(&expected, &capture.spans()), @r#"
    the spans make another tree: 1 misplaced

    expected:
        pipeline "Data"
      > └── agent "Planner"  <- found at the top
            └── tool "search"

    found:
        pipeline "Data"
      > agent "Planner"  <- expected under Data
        └── tool "search"

    > misplaced
    "#);
}

#[test]
fn siblings_in_another_order() {
    let expected = span_tree! { pipeline "Data" { agent "Writer"  agent "Planner" { .. } } };
    insta::assert_snapshot!(text(&expected, &data()), @r#"
    the spans make another tree: 1 misplaced

    expected:
        pipeline "Data"
      > ├── agent "Writer"
        └── agent "Planner"
            └── ..

    found:
        pipeline "Data"
        ├── agent "Planner"
        │   └── tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string
      > └── agent "Writer"  <- expected before agent "Planner"

    > misplaced
    "#);
}

#[test]
fn a_sibling_too_many() {
    let capture = Capture::new();
    let tool = Component::tool("load");
    capture.run(|| call(&Component::agent("A"), || (0..4).for_each(|_| call(&tool, || ()))));
    let spans = capture.spans();
    insta::assert_snapshot!(text(&span_tree! { agent "A" { tool "load" x 3 } }, &spans), @r#"
    the spans make another tree: 1 duplicated

    expected:
        agent "A"
        └── tool "load" x 3

    found:
        agent "A"
        ├── tool "load"
        ├── tool "load"
        ├── tool "load"
      ! └── tool "load"  <- one more than expected: tool "load" x 3

    ! duplicated
    "#);
    insta::assert_snapshot!(text(&span_tree! { agent "A" { tool "load" x 6.. } }, &spans), @r#"
    the spans make another tree: 1 missing

    expected:
        agent "A"
      - └── tool "load" x 6..  <- found 4, not 6..

    found:
        agent "A"
        ├── tool "load"
        ├── tool "load"
        ├── tool "load"
        └── tool "load"

    - missing
    "#);
}

#[test]
fn a_span_that_came_twice() {
    let spans: Vec<_> = data().iter().cloned().collect();
    let twice = Spans::new([spans.clone(), vec![spans[1].clone()]].concat());
    insta::assert_snapshot!(text(&span_tree! { pipeline "Data" { .. } }, &twice), @r#"
    the spans make another tree: 1 duplicated

    expected:
        pipeline "Data"
        └── ..

    found:
        pipeline "Data"
        ├── agent "Planner"
        │   └── tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string
      ! ├── agent "Planner"  <- a span of this id is there already
        └── agent "Writer"

    ! duplicated
    "#);
}

#[test]
fn nothing_where_there_should_be_something() {
    insta::assert_snapshot!(text(&span_tree! { agent "A" }, &Capture::new().spans()), @r#"
    the spans make another tree: 1 missing

    expected:
      - agent "A"

    found:
        no spans

        nothing was captured: was the traced code run by the capture, and a future by `run_async` or
        `captured_async` (`run` only makes it)? Does a spawned task or thread have its context
        (`task::spawn_traced`, `Context::run`)?

    - missing
    "#);
    span_tree! {}.check(&Capture::new().spans()).unwrap();
}

#[test]
fn all_at_once() {
    let expected = span_tree! {
        pipeline "Data" {
            in_any_order { agent "Writer" > tool "search" [error "Timeout"]  agent "Reader" }
            agent "Planner" [status = error]
            ..
            llm * x 2
        }
    };
    insta::assert_snapshot!(text(&expected, &data()), @r#"
    the spans make another tree: 2 missing, 1 different, 2 misplaced

    expected:
        pipeline "Data"
        ├── in_any_order
      > │   ├── agent "Writer"
      > │   │   └── tool "search" [status = error, "error.type" = "Timeout"]  <- found under Data > Planner
      - │   └── agent "Reader"
      ~ ├── agent "Planner" [status = error]
        ├── ..
      - └── llm * x 2

    found:
        pipeline "Data"
      ~ ├── agent "Planner"  <- status is ok, not error
      > │   └── tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string
      > │           <- expected under Data > Writer
      > │           <- "error.type" is "ParseIntError", not "Timeout"
      > └── agent "Writer"  <- expected before agent "Planner"

    - missing  ~ different  > misplaced
    "#);
}

#[test]
fn hostile_text_is_escaped() {
    let capture = Capture::new();
    let hostile = Component::agent("a\u{1b}[31m\"\n\u{202e}b").with_kind("k\u{7}");
    capture.run(|| {
        hostile
            .traced("m\r")
            .with("key\u{1b}", "v\u{1b}]0;\u{7}")
            .in_span(|| call(&Component::tool("t"), || ()));
    });
    let expected = span_tree! { * * ["key\u{1b}" = "w\u{200b}"]  tool "t" };
    let text = text(&expected, &capture.spans());
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
    insta::assert_snapshot!(text, @r#"
    the spans make another tree: 1 different, 1 misplaced

    expected:
      ~ * * ["key\u{1b}" = "w\u{200b}"]
      > tool "t"  <- found under a\u{1b}[31m"\n\u{202e}b

    found:
      ~ "k\u{7}" "a\u{1b}[31m\"\n\u{202e}b"."m\r"  <- "key\u{1b}" is "v\u{1b}]0;\u{7}", not "w\u{200b}"
      > └── tool "t"  <- expected at the top

    ~ different  > misplaced
    "#);
}

#[test]
fn on_a_terminal_marks_are_coloured() {
    let expected =
        span_tree! { pipeline "Data" { agent "Planner" [error]  agent "Writer"  llm * } };
    let mismatch = expected.check(&data()).unwrap_err();
    insta::assert_snapshot!(mismatch.to_ansi().replace('\u{1b}', "^"), @r#"
    the spans make another tree: 1 missing, 1 extra, 1 different

    expected:
        pipeline "Data"
      ^[33m~^[0m ├── ^[33magent "Planner" [status = error]^[0m
        ├── agent "Writer"
      ^[31m-^[0m └── ^[31mllm *^[0m

    found:
        pipeline "Data"
      ^[33m~^[0m ├── ^[33magent "Planner"  <- status is ok, not error^[0m
      ^[32m+^[0m │   └── ^[32mtool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string^[0m
        └── agent "Writer"

    ^[31m- missing^[0m  ^[32m+ extra^[0m  ^[33m~ different^[0m
    "#);
}

#[test]
fn spans_where_there_should_be_none() {
    let said = |test: fn()| {
        let panic = std::panic::catch_unwind(test).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    assert_no_spans!(Capture::new());
    assert_no_spans!(data(), llm *);
    insta::assert_snapshot!(said(|| assert_no_spans!(data())), @r#"
    no spans were expected, and there are 4:

        pipeline "Data"
        ├── agent "Planner"
        │   └── tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string
        └── agent "Writer"
    "#);
    insta::assert_snapshot!(said(|| assert_no_spans!(data(), tool * [error])), @r#"
    no span like tool * [status = error] was expected, and there is 1:

        pipeline "Data"
        ├── agent "Planner"
      + │   └── tool "search" [status = error, "error.type" = "ParseIntError"] // invalid digit found in string
        └── agent "Writer"
    "#);
}

#[test]
fn the_whole_notation_reaches_spans_of_any_source() {
    let list: Vec<_> = data().iter().cloned().collect();
    span_tree! { pipeline * { * } }.check(&list.as_spans()).unwrap();
}

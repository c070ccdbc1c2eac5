//! Macros of the notation. The procedural macros receive `$crate`, so that they find this crate
//! under any name.

/// Makes an [`Expected`](crate::Expected) tree in the notation of a drawing.
///
/// This page is the grammar of the notation, which [`assert_span_tree!`](crate::assert_span_tree)
/// shares. [Testing traces](https://github.com/raaf/raaf-tracing-rust/blob/main/docs/testing.md)
/// shows each part with its failure.
///
/// ```text
/// trees      = siblings
/// siblings   = ( node | "in_any_order" { siblings } | ".." )*      commas between are optional
/// node       = span [ below ] [ "x" count ]
/// span       = kind component [ "." method ] [ "name" text ] [ "[" properties "]" ]
/// below      = "{" siblings "}" | "{" "*" "}" | ">" node | ">" ".."
/// count      = 3 | 2..=4 | 1.. | (expression)
/// properties = ( status | attribute | event | duration | "name" text ),*
/// ```
///
/// Siblings are in the order in which they started.
///
/// # Spans
///
/// | part | written | meaning |
/// | --- | --- | --- |
/// | kind | `agent`, `"my kind"`, `*` | the component's kind |
/// | component | `"Planner"`, `(expression)`, `*` | the component's name |
/// | method | `.validate`, `."my method"` | the method; any method, if not written |
/// | name | `name "run.workflow.*"` | the span's full name |
/// | children | `{ tool "search" }` | exactly these; without braces there must be none |
/// | | `{ .. }`, `{ * }` | any |
/// | | `{ tool "first" .. }` | this one, followed by any |
/// | only child | `agent "A" > tool "T"` | short for `agent "A" { tool "T" }` |
/// | count | `x 3` | three such siblings in a row |
/// | | `x 2..=4`, `x 1..`, `x ..=2` | a range |
/// | | `x (expression)` | as many as the expression yields, a number or a range |
/// | any order | `in_any_order { … }` | these siblings in any order |
/// | others | `..` | any number of other siblings |
///
/// In quotes, `*` stands for any text: `tool "Load*"`. An expression in parentheses is used as it
/// is: `tool ("2 * 3")`. A range is written without spaces: `x 3..` is three or more, and `x 3 ..`
/// is three followed by any others.
///
/// # Properties
///
/// | notation | holds if |
/// | --- | --- |
/// | `status = error`, or `error` | the span has this status: ok, error, cancelled, stale or unset |
/// | `error "Timeout"` | the status is error, and `error.type` is this; `*` stands for any text: `error "io::*"` |
/// | `"llm.model" = "gpt"` | the attribute is equal, including its type: `3` is not `"3"` |
/// | `"query" contains "tea"` | its text contains this |
/// | `"query" like "*tea"` | its text is like this, where `*` stands for any text |
/// | `"query" ~ "^tea"`, `matches` | the regular expression matches a part of its text |
/// | `"hits" > 3`, `<`, `<=`, `>=` | it is a number greater than this |
/// | `"hits" where \|hits\| hits.as_i64() > Some(3)` | the closure returns true for its [`ValueRef`] |
/// | `"query"` | it is set |
/// | `!"query"` | it is not set |
/// | `event "retry"` | the span has such an event |
/// | `event "retry" ["reason" ~ "time"] x 2` | it has two with these attributes |
/// | `!event "retry"` | it has none |
/// | `duration < 1s`, `<=`, `>`, `>=`, `=` | the duration is less than this |
/// | `duration in 100ms..2s` | the duration is in this range, excluding the end |
///
/// A key is quoted, or words separated by dots: `llm.model`. Quote a key that is one of the words
/// above (`status`, `error`, `name`, `duration`, …). Values are expressions. Durations have a unit,
/// `ns`, `us`, `ms`, `s`, `min` or `h`, or are a `Duration` in parentheses. A closure that captures
/// variables must be `move`.
///
/// [`ValueRef`]: https://docs.rs/raaf-trace-core/latest/raaf_trace_core/enum.ValueRef.html
///
/// # Examples
///
/// ```
/// use raaf_testkit::span_tree;
///
/// let expected = span_tree! {
///     pipeline "DataPipeline" {
///         agent "Planner" { llm "scripted"  tool "search" [error, "hits" < 3] }
///         in_any_order { agent "Left" { * }  agent "Right" > llm * }
///         tool "Load*" x 2..=4
///         ..
///     }
/// };
/// assert_eq!(
///     expected.to_string(),
///     "\
/// pipeline \"DataPipeline\"
/// ├── agent \"Planner\"
/// │   ├── llm \"scripted\"
/// │   └── tool \"search\" [status = error, \"hits\" < 3]
/// ├── in_any_order
/// │   ├── agent \"Left\"
/// │   │   └── ..
/// │   └── agent \"Right\"
/// │       └── llm *
/// ├── tool \"Load*\" x 2..=4
/// └── ..
/// ",
/// );
/// ```
///
/// A mistake in the notation is a compile error that says what to write:
///
/// ```compile_fail
/// # use raaf_testkit::span_tree;
/// // error: a component is written in quotes: `agent "Planner"`
/// span_tree! { agent Planner { llm "gpt" } };
/// ```
#[macro_export]
macro_rules! span_tree {
    ($($tree:tt)*) => {
        $crate::__private::span_tree!([$crate] $($tree)*)
    };
}

/// Asserts that spans make exactly these trees.
///
/// The first argument is a [`Capture`](crate::Capture), [`Spans`](crate::Spans), a
/// `MemoryExporter` or a list of finished spans; the notation is that of
/// [`span_tree!`](crate::span_tree). Braces around a whole tree can be left out.
///
/// # Panics
///
/// If the spans make other trees, or a span occurs twice. The message draws both trees and marks
/// what is missing (`-`), extra (`+`), different (`~`), misplaced (`>`) or duplicated (`!`), in
/// colour if standard error is a terminal with colours and `NO_COLOR` is not set.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, assert_span_tree};
/// use raaf_trace_core::{Component, Traceable as _};
///
/// let capture = Capture::new();
/// capture.run(|| {
///     Component::pipeline("Import").in_span("run", || {
///         let parser = Component::tool("parser");
///         let _ = parser.traced("parse").with("line", 3).try_in_span(|| "x".parse::<u8>());
///     });
/// });
/// assert_span_tree!(capture, {
///     pipeline "Import" {
///         tool "parser".parse [error "ParseIntError", "line" = 3]
///     }
/// });
/// assert_span_tree!(capture, pipeline "Import" > tool "parser");
/// assert_span_tree!(capture, pipeline * { .. });
/// ```
#[macro_export]
macro_rules! assert_span_tree {
    ($($spans_and_tree:tt)*) => {
        $crate::__private::assert_span_tree!([$crate] $($spans_and_tree)*)
    };
}

/// Asserts that there are no spans, or none that match.
///
/// The first argument is as for [`assert_span_tree!`](crate::assert_span_tree); a second one is a
/// span in the notation of [`span_tree!`](crate::span_tree), without what is below it.
///
/// # Panics
///
/// Panics if there are such spans. The message counts them and draws the tree, with a mark at each.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, assert_no_spans};
/// use raaf_trace_core::{Component, Traceable as _};
///
/// let capture = Capture::new();
/// assert_no_spans!(capture);
///
/// capture.run(|| Component::tool("search").in_span("run", || ()));
/// assert_no_spans!(capture, agent *);
/// assert_no_spans!(capture, * * [error]);
/// ```
///
/// ```should_panic
/// # use raaf_testkit::{Capture, assert_no_spans};
/// # use raaf_trace_core::{Component, Traceable as _};
/// # let capture = Capture::new();
/// # capture.run(|| Component::tool("search").in_span("run", || ()));
/// assert_no_spans!(capture);
/// ```
#[macro_export]
macro_rules! assert_no_spans {
    ($($spans_and_node:tt)*) => {
        $crate::__private::assert_no_spans!([$crate] $($spans_and_node)*)
    };
}

//! The notation of expected trees.
//!
//! [`span_tree!`] documents it. `__siblings!` takes one node a step, whatever parts it has, since
//! the compiler limits how deep macros may nest.

/// Writes an [`Expected`](crate::Expected) tree as one would draw it.
///
/// ```text
/// siblings = ( node | in_any_order { siblings } | .. )*      commas between them are optional
/// node     = kind component [. method] [ [ properties ] ] [ { siblings } ] [ x count ]
/// ```
///
/// | part | written | meaning |
/// | --- | --- | --- |
/// | kind | `agent`, `"my kind"`, `*` | the component's kind; `*` is any |
/// | component | `"Planner"`, `(expression)`, `*` | the component's name |
/// | method | `.validate`, `."my method"` | the method; not written, it may be any |
/// | properties | `[status = error, name = "…", "llm.model" = "gpt"]` | status, span name, attributes: see below |
/// | children | `{ tool "search" }` | exactly these; without braces there must be none |
/// | | `{ .. }` | any |
/// | | `{ tool "first" .. }` | this one, then any |
/// | count | `x 3` | three such siblings in a row |
/// | `in_any_order { … }` | | these siblings stand here in any order |
/// | `..` | | any number of siblings that are not described |
///
/// Siblings stand in the order in which they started.
///
/// In `[…]`, `status` takes `ok`, `error`, `cancelled`, `stale` or `unset`, and `name` the span's
/// whole name. All else is an attribute and its value, the key quoted or in dotted words
/// (`llm.model = "gpt"`). Of a value the type counts: `3` is not `"3"`.
///
/// # Examples
///
/// ```
/// use raaf_testkit::span_tree;
///
/// let expected = span_tree! {
///     pipeline "DataPipeline" {
///         agent "Planner" { llm "scripted"  tool "search" [status = error] }
///         in_any_order { agent "Left" { .. }  agent "Right" }
///         tool * x 3
///         ..
///     }
/// };
/// assert_eq!(
///     expected.to_string(),
///     "\
/// pipeline \"DataPipeline\"
/// ├── agent \"Planner\"
/// │   ├── llm \"scripted\"
/// │   └── tool \"search\" [status = error]
/// ├── in_any_order
/// │   ├── agent \"Left\"
/// │   │   └── ..
/// │   └── agent \"Right\"
/// ├── tool * x 3
/// └── ..
/// ",
/// );
/// ```
#[macro_export]
macro_rules! span_tree {
    ($($tree:tt)*) => {
        $crate::Expected::new($crate::__siblings!([$crate::Siblings::new()] $($tree)*))
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
/// When the spans make other trees. The message draws both, and marks what is missing (`-`),
/// extra (`+`), different (`~`) or misplaced (`>`).
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, assert_span_tree};
/// use raaf_trace_core::{Component, TraceableExt as _};
///
/// let capture = Capture::new();
/// capture.run(|| {
///     Component::pipeline("Import").traced("run").run(|| {
///         let parser = Component::tool("parser");
///         let _ = parser.traced("parse").with("line", 3).try_run(|| "x".parse::<u8>());
///     });
/// });
/// assert_span_tree!(capture, {
///     pipeline "Import" {
///         tool "parser".parse [status = error, "line" = 3, "error.type" = "ParseIntError"]
///     }
/// });
/// assert_span_tree!(capture, pipeline "Import" { .. });
/// ```
#[macro_export]
macro_rules! assert_span_tree {
    ($spans:expr, { $($tree:tt)* } $(,)?) => {
        $crate::__private::assert_matches(&$spans, &$crate::span_tree!($($tree)*))
    };
    ($spans:expr, $($tree:tt)+) => {
        $crate::__private::assert_matches(&$spans, &$crate::span_tree!($($tree)*))
    };
    ($spans:expr $(,)?) => {
        ::core::compile_error!(
            "which tree? write `assert_span_tree!(spans, { agent \"Planner\" })`"
        )
    };
}

/// `[what there is so far] what is still to be read`.
#[doc(hidden)]
#[macro_export]
macro_rules! __siblings {
    ([$($so_far:tt)*]) => { $($so_far)* };
    ([$($so_far:tt)*] , $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*] $($rest)*)
    };
    ([$($so_far:tt)*] .. $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*.others()] $($rest)*)
    };
    ([$($so_far:tt)*] in_any_order { $($group:tt)* } $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .in_any_order($crate::__siblings!([$crate::Siblings::new()] $($group)*))] $($rest)*)
    };
    ([$($so_far:tt)*] in_any_order $($rest:tt)*) => {
        ::core::compile_error!("`in_any_order` is followed by braces: `in_any_order { … }`")
    };
    ([$($so_far:tt)*] { $($children:tt)* } $($rest:tt)*) => {
        ::core::compile_error!("braces follow a span: `agent \"Planner\" { … }`")
    };
    ([$($so_far:tt)*] $kind:tt $name:tt . $method:tt [$($p:tt)*] {$($c:tt)*} x $n:literal $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [$method] [$($p)*] [$($c)*] $n))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt . $method:tt [$($p:tt)*] {$($c:tt)*} $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [$method] [$($p)*] [$($c)*] 1))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt . $method:tt [$($p:tt)*] x $n:literal $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [$method] [$($p)*] [] $n))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt . $method:tt [$($p:tt)*] $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [$method] [$($p)*] [] 1))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt . $method:tt {$($c:tt)*} x $n:literal $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [$method] [] [$($c)*] $n))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt . $method:tt {$($c:tt)*} $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [$method] [] [$($c)*] 1))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt . $method:tt x $n:literal $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [$method] [] [] $n))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt . $method:tt $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [$method] [] [] 1))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt [$($p:tt)*] {$($c:tt)*} x $n:literal $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [] [$($p)*] [$($c)*] $n))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt [$($p:tt)*] {$($c:tt)*} $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [] [$($p)*] [$($c)*] 1))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt [$($p:tt)*] x $n:literal $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [] [$($p)*] [] $n))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt [$($p:tt)*] $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [] [$($p)*] [] 1))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt {$($c:tt)*} x $n:literal $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [] [] [$($c)*] $n))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt {$($c:tt)*} $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [] [] [$($c)*] 1))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt x $n:literal $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [] [] [] $n))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt $name:tt $($rest:tt)*) => {
        $crate::__siblings!([$($so_far)*
            .node($crate::__node!($kind $name [] [] [] 1))] $($rest)*)
    };
    ([$($so_far:tt)*] $kind:tt) => {
        ::core::compile_error!(
            "a span is a kind and a component: `agent \"Planner\"`, or `agent *` for any"
        )
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __node {
    ($kind:tt $name:tt [$($method:tt)?] [$($p:tt)*] [$($c:tt)*] $n:literal) => {
        $crate::__properties!([
            $crate::Node::new($crate::__kind!($kind), $crate::__component!($name))
                $(.method($crate::__kind!($method)))?
                .children($crate::__siblings!([$crate::Siblings::new()] $($c)*))
                .times($n)
        ] $($p)*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __kind {
    (*) => {
        $crate::Pattern::Any
    };
    ($word:ident) => {
        $crate::Pattern::from(::core::stringify!($word))
    };
    ($word:literal) => {
        $crate::Pattern::from($word)
    };
    (($word:expr)) => {
        $crate::Pattern::from($word)
    };
    ($other:tt) => {
        ::core::compile_error!(::core::concat!(
            "`",
            ::core::stringify!($other),
            "` is no kind or method: write a word, a string, `*`, or an expression in parentheses"
        ))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    (*) => {
        $crate::Pattern::Any
    };
    ($name:literal) => {
        $crate::Pattern::from($name)
    };
    (($name:expr)) => {
        $crate::Pattern::from($name)
    };
    ($other:tt) => {
        ::core::compile_error!(::core::concat!(
            "`",
            ::core::stringify!($other),
            "` is no component: write its name in quotes, `*`, or an expression in parentheses"
        ))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __properties {
    ([$($node:tt)*]) => { $($node)* };
    ([$($node:tt)*] status = $status:ident $(, $($rest:tt)*)?) => {
        $crate::__properties!([$($node)*.status($crate::__status!($status))] $($($rest)*)?)
    };
    ([$($node:tt)*] status $($rest:tt)*) => {
        ::core::compile_error!(
            "a status is `status = ok`, or error, cancelled, stale or unset; an attribute of that \
             name is written in quotes"
        )
    };
    ([$($node:tt)*] name = $name:expr $(, $($rest:tt)*)?) => {
        $crate::__properties!([$($node)*.name($name)] $($($rest)*)?)
    };
    ([$($node:tt)*] $($key:ident).+ = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__properties!([$($node)*.attribute(
            $crate::__dotted!($($key).+), $value)] $($($rest)*)?)
    };
    ([$($node:tt)*] $key:literal = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__properties!([$($node)*.attribute($key, $value)] $($($rest)*)?)
    };
    ([$($node:tt)*] $($other:tt)+) => {
        ::core::compile_error!(
            "a property is `status = error`, `name = \"…\"` or `\"key\" = value`, with commas between"
        )
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __dotted {
    ($first:ident $(. $more:ident)*) => {
        ::core::concat!(::core::stringify!($first) $(, ".", ::core::stringify!($more))*)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __status {
    (ok) => {
        $crate::__private::Status::Ok
    };
    (error) => {
        $crate::__private::Status::Error
    };
    (cancelled) => {
        $crate::__private::Status::Cancelled
    };
    (stale) => {
        $crate::__private::Status::Stale
    };
    (unset) => {
        $crate::__private::Status::Unset
    };
    ($other:ident) => {
        ::core::compile_error!(::core::concat!(
            "`",
            ::core::stringify!($other),
            "` is no status: write ok, error, cancelled, stale or unset"
        ))
    };
}

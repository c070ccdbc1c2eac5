//! The macros work under whatever path they are known, and inside other macros.

extern crate raaf_testkit as kit;

use kit::Capture;
use raaf_trace_core::{Component, Traceable as _};

mod prelude {
    pub(crate) use raaf_testkit::{assert_coherent, assert_no_spans, assert_span_tree, span_tree};
}

/// A helper that a test suite may define.
macro_rules! assert_one_call {
    ($spans:expr, $kind:ident, $name:literal, $page:expr, $count:literal) => {
        kit::assert_span_tree!($spans, $kind $name [page = $page, event "x" x ..=0] x $count)
    };
    ($spans:expr, $kind:literal $name:expr) => {
        prelude::assert_span_tree!($spans, { $kind $name { .. } })
    };
}

fn capture() -> Capture {
    let capture = Capture::new();
    capture.run(|| Component::tool("load").traced("run").with("page", 3).in_span(|| ()));
    capture
}

#[test]
fn a_renamed_crate() {
    kit::assert_span_tree!(capture(), tool "load");
    kit::assert_coherent!(capture());
    kit::assert_no_spans!(capture(), agent *);
    assert_eq!(kit::span_tree! { tool "load" }.to_string(), "tool \"load\"\n");
}

#[test]
fn another_crates_prelude() {
    prelude::assert_span_tree!(capture(), tool "load");
    prelude::assert_coherent!(capture());
    prelude::assert_no_spans!(capture(), agent *);
    assert_eq!(prelude::span_tree! { tool "load" }.to_string(), "tool \"load\"\n");
}

#[test]
fn another_macro() {
    assert_one_call!(capture(), tool, "load", 1 + 2, 1);
    let name = String::from("load");
    assert_one_call!(&capture(), "tool" name);
    assert_one_call!(capture().spans(), "tool" String::from("load"));
}

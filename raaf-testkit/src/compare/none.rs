//! Checks that there are no spans, or none that match.

use super::{node, use_colour};
use crate::{
    expected::{Node, describe},
    tree::{AsSpans, Mark, Said, draw_in},
};

/// Implements the macro without a node.
///
/// # Panics
///
/// Panics if there are spans.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "how a test fails")]
pub fn assert_no_spans(spans: &(impl AsSpans + ?Sized)) {
    if let Some(text) = complaint(spans, None, use_colour()) {
        panic!("{text}");
    }
}

/// Implements the macro with a node.
///
/// # Panics
///
/// Panics if there are spans that fit.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "how a test fails")]
pub fn assert_none_like(spans: &(impl AsSpans + ?Sized), node: &Node) {
    if let Some(text) = complaint(spans, Some(node), use_colour()) {
        panic!("{text}");
    }
}

#[track_caller]
pub(super) fn complaint(
    spans: &(impl AsSpans + ?Sized),
    node: Option<&Node>,
    colour: bool,
) -> Option<String> {
    let spans = spans.as_spans();
    let fits = |index: usize| node.is_none_or(|node| node::is_like(node, &spans.all()[index]));
    let count = (0..spans.len()).filter(|&index| fits(index)).count();
    if count == 0 {
        return None;
    }
    let rows = spans.rows(|index| {
        // Where there should be none at all a mark at each says nothing.
        let mark = if node.is_some() && fits(index) { Mark::Extra } else { Mark::None };
        Said { mark, ..Said::default() }
    });
    let there = if count == 1 { "there is 1" } else { &format!("there are {count}") };
    let mut text = match node {
        None => format!("no spans were expected, and {there}:\n\n"),
        Some(node) => {
            format!("no span like {} was expected, and {there}:\n\n", describe::node(node))
        }
    };
    let rows = if node.is_some() { super::fold::fold(&rows) } else { super::fold::head(&rows) };
    let drawn = draw_in(&mut text, "  ", &rows, colour);
    debug_assert!(drawn.is_ok(), "a string takes all that is written");
    Some(text)
}

//! The chain of active spans behind the current one.

use std::{iter, sync};

use crate::{component::Component, span::record::Shared};

/// Number of links after which a chain is first checked for ended spans.
const FIRST_CHECK: u32 = 128;

/// Enclosing spans of a span in its context, innermost first.
///
/// Links never change, so a chain is walked without locks. A task that keeps starting its own
/// successor would make such a chain endless, with each ended link kept alive by the next. When a
/// chain has grown to twice its length at the last check, the links that are still open are copied,
/// and the rest is dropped.
#[derive(Debug, Default)]
pub(crate) enum Link {
    /// No enclosing span.
    #[default]
    None,
    /// Directly within this span.
    Within(Shared),
    /// Within these spans: all that had not ended when the chain was shortened.
    Over(sync::Arc<[Shared]>),
}

/// Length of a link's chain, and when to shorten it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    length: u32,
    check_at: u32,
}

impl Default for Depth {
    fn default() -> Self {
        Self { length: 0, check_at: FIRST_CHECK }
    }
}

impl Link {
    /// Returns the link of a span that starts within `current`.
    #[inline]
    pub(crate) fn within(current: &Shared) -> (Self, Depth) {
        let Depth { length, check_at } = current.depth();
        let length = length + 1;
        if length < check_at {
            return (Self::Within(Shared::clone(current)), Depth { length, check_at });
        }
        Self::shortened(current)
    }

    #[cold]
    fn shortened(current: &Shared) -> (Self, Depth) {
        let open: sync::Arc<[_]> =
            chain(current).filter(|record| record.is_needed()).cloned().collect();
        let length = open.len() as u32;
        (Self::Over(open), Depth { length, check_at: FIRST_CHECK.max(length.saturating_mul(2)) })
    }
}

/// Returns `innermost` and all spans that enclose it.
pub(crate) fn chain(innermost: &Shared) -> impl Iterator<Item = &Shared> {
    let mut within = Some(innermost);
    let mut over: &[Shared] = &[];
    iter::from_fn(move || {
        if let Some(record) = within.take() {
            match record.link() {
                Link::None => {}
                Link::Within(next) => within = Some(next),
                Link::Over(rest) => over = rest,
            }
            return Some(record);
        }
        let (record, rest) = over.split_first()?;
        over = rest;
        Some(record)
    })
}

/// Returns the innermost active span of `component` in the chain of `innermost`.
#[inline]
pub(crate) fn innermost_of<'a>(innermost: &'a Shared, component: &Component) -> Option<&'a Shared> {
    if !component.is_in_chains() {
        return None;
    }
    // Usually it is the innermost span itself.
    if innermost.is_active_for(component) {
        Some(innermost)
    } else {
        enclosing_of(innermost, component)
    }
}

fn enclosing_of<'a>(innermost: &'a Shared, component: &Component) -> Option<&'a Shared> {
    chain(innermost).skip(1).find_map(|record| {
        if record.is_active_for(component) {
            return Some(record);
        }
        // The frames of another thread that enclose it have no links.
        record.stands_for()?.enclosing_of(component, &record.head().trace)
    })
}

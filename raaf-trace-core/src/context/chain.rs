//! The chain of active spans behind the one that is current.

use std::{iter, sync};

use crate::{component::Component, span::record::Shared};

/// How many links a chain may have before it is looked at whether most of it has ended.
const FIRST_CHECK: u32 = 128;

/// What encloses a span in its context, innermost first.
///
/// Links never change, so that a chain is walked without locks. A task that keeps starting its own
/// successor would make such a chain endless, each link ended but held by the next: when a chain
/// has grown twice as long as it was at the last look, the links that are still open are copied
/// out, and the rest is let go.
#[derive(Debug, Default)]
pub(crate) enum Link {
    /// Nothing encloses it.
    #[default]
    None,
    /// Directly within this one.
    Within(Shared),
    /// Within these; all that had not ended when the chain was shortened.
    Over(sync::Arc<[Shared]>),
}

/// A link and what is needed to decide when to shorten the next one.
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
    /// The link of a span that starts within `current`.
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
            chain(current).filter(|record| !record.has_ended()).cloned().collect();
        let length = open.len() as u32;
        (Self::Over(open), Depth { length, check_at: FIRST_CHECK.max(length.saturating_mul(2)) })
    }
}

/// `innermost` and all that encloses it.
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

/// The innermost span of `component` that is active in the chain of `innermost`.
pub(crate) fn innermost_of<'a>(innermost: &'a Shared, component: &Component) -> Option<&'a Shared> {
    if !component.is_active() {
        return None;
    }
    chain(innermost).find(|record| record.is_active_for(component))
}

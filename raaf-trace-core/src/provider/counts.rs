//! How many spans started and ended, counted without a line of memory that all threads fight for.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{sync::Padded, thread_index};

const STRIPES: usize = 32;

#[derive(Debug, Default)]
struct Stripe {
    started: AtomicU64,
    ended: AtomicU64,
}

/// Started and ended spans of one provider.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    stripes: [Padded<Stripe>; STRIPES],
}

impl Counts {
    pub(crate) fn span_started(&self) {
        self.mine().started.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn span_ended(&self) {
        self.mine().ended.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn started(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.started.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn ended(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.ended.load(Ordering::Relaxed)).sum()
    }

    fn mine(&self) -> &Stripe {
        &self.stripes[thread_index::current() % STRIPES]
    }
}

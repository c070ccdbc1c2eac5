//! Whether the worker waits, and for how long.

use std::time::Duration;

use super::sync::{Instant, deadline};

/// After a batch the worker looks for the next one by itself so many times, so long apart: waking
/// a thread costs the one that does it more than a hundred spans.
const NAPS: u32 = 8;
const NAP: Duration = Duration::from_millis(1);

#[derive(Debug, Default)]
pub(super) struct Parking {
    parked: bool,
    /// For a moment only: full batches need not wake it.
    napping: bool,
    naps_left: u32,
}

impl Parking {
    /// Notes that there was a batch: the next one may come soon.
    pub(super) fn expect_more(&mut self) {
        self.naps_left = NAPS;
    }

    /// Notes that the worker begins to wait, until `tick` at the latest. Returns until when.
    pub(super) fn begin(&mut self, tick: Instant) -> Instant {
        self.parked = true;
        self.napping = self.naps_left > 0;
        self.naps_left = self.naps_left.saturating_sub(1);
        if self.napping { tick.min(deadline(NAP)) } else { tick }
    }

    /// Notes that the worker is awake. Returns whether it was not before.
    pub(super) fn end(&mut self) -> bool {
        self.napping = false;
        std::mem::take(&mut self.parked)
    }

    /// Returns whether the worker waits and will not look for a batch soon by itself.
    pub(super) fn is_long(&self) -> bool {
        self.parked && !self.napping
    }

    pub(super) fn is_parked(&self) -> bool {
        self.parked
    }
}

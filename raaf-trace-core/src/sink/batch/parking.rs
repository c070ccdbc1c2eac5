//! Parking of the worker thread.

use std::time::Duration;

use super::sync::{Instant, deadline};

/// Number and length of the worker's short waits after a batch: waking a thread costs the producer
/// more than a hundred spans.
const NAPS: u32 = 8;
const NAP: Duration = Duration::from_millis(1);

#[derive(Debug, Default)]
pub(super) struct Parking {
    parked: bool,
    /// `true` during a short wait: full batches need not wake the worker.
    napping: bool,
    naps_left: u32,
}

impl Parking {
    /// Records that there was a batch: the next one may come soon.
    pub(super) fn expect_more(&mut self) {
        self.naps_left = NAPS;
    }

    /// Records that the worker begins to wait, until `tick` at the latest. Returns the end of the
    /// wait.
    pub(super) fn begin(&mut self, tick: Instant) -> Instant {
        self.parked = true;
        self.napping = self.naps_left > 0;
        self.naps_left = self.naps_left.saturating_sub(1);
        if self.napping { tick.min(deadline(NAP)) } else { tick }
    }

    /// Records that the worker is awake. Returns whether it was parked before.
    pub(super) fn end(&mut self) -> bool {
        self.napping = false;
        std::mem::take(&mut self.parked)
    }

    /// Returns whether the worker waits and will not check for a batch soon by itself.
    pub(super) fn is_long(&self) -> bool {
        self.parked && !self.napping
    }

    pub(super) fn is_parked(&self) -> bool {
        self.parked
    }
}

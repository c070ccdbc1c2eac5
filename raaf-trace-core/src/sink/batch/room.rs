//! Waits of producers for capacity.

use std::time::Duration;

/// Producers that wait, and whether waiting makes sense: after a wait in vain it does not, until the
/// next batch is settled. An exporter that hangs thus holds up each thread once.
#[derive(Debug, Default)]
pub(super) struct Room {
    waiting: usize,
    /// Number of settled batches.
    settled: u64,
    /// That number when a producer last waited in vain.
    stalled_at: Option<u64>,
    longest_wait: Duration,
}

impl Room {
    pub(super) fn wait_begins(&mut self) {
        self.waiting += 1;
    }

    pub(super) fn wait_ends(&mut self, took: Duration) {
        self.waiting -= 1;
        self.longest_wait = self.longest_wait.max(took);
    }

    pub(super) fn waited_in_vain(&mut self) {
        self.stalled_at = Some(self.settled);
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled_at == Some(self.settled)
    }

    /// Records that a batch was settled. Returns whether a producer waits for that.
    pub(super) fn batch_settled(&mut self) -> bool {
        self.settled += 1;
        self.waiting > 0
    }

    pub(super) fn longest_wait(&self) -> Duration {
        self.longest_wait
    }
}

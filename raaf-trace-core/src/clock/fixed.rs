//! Readings of a clock that never ran, for spans that were never measured.

use std::time::{Duration, SystemTime};

use super::{Anchor, Scale, Ticks};

/// Where the anchor stands: in the middle, so that times lie 292 years to either side.
const MIDDLE: u64 = 1 << 63;

impl Anchor {
    /// An anchor at `wall`, of a clock that counts nanoseconds.
    pub(crate) fn fixed(wall: SystemTime) -> Self {
        Self { wall, ticks: Ticks(MIDDLE), scale: Scale::Nanoseconds }
    }

    /// The reading that such a clock would have made at `time`; the nearest one it can make when
    /// that is more than 292 years away.
    pub(crate) fn ticks_at(&self, time: SystemTime) -> Ticks {
        let nanos = |apart: Duration| u64::try_from(apart.as_nanos()).unwrap_or(u64::MAX);
        Ticks(match time.duration_since(self.wall) {
            Ok(after) => MIDDLE.saturating_add(nanos(after)),
            Err(before) => MIDDLE.saturating_sub(nanos(before.duration())),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn times_on_either_side_of_the_anchor_are_kept() {
        let wall = UNIX_EPOCH + Duration::from_nanos(1_767_225_600_000_000_007);
        let anchor = Anchor::fixed(wall);
        let apart = Duration::from_nanos(1_234_567_890_123);
        for time in [wall, wall + apart, wall - apart, UNIX_EPOCH] {
            assert_eq!(anchor.time_of(anchor.ticks_at(time)), time);
        }
        let (start, end) = (anchor.ticks_at(wall), anchor.ticks_at(wall + apart));
        assert_eq!(anchor.between(start, end), apart);
    }

    #[test]
    fn times_too_far_away_are_the_farthest() {
        let anchor = Anchor::fixed(UNIX_EPOCH);
        let far = Duration::from_secs(400 * 366 * 86_400);
        assert!(anchor.time_of(anchor.ticks_at(UNIX_EPOCH + far)) > UNIX_EPOCH + far / 2);
        assert!(anchor.time_of(anchor.ticks_at(UNIX_EPOCH - far)) < UNIX_EPOCH - far / 2);
    }
}

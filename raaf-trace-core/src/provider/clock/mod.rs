//! The time of spans: monotonic readings, tied to wall time once a trace.

mod manual;

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime},
};

use raaf_trace_model::time::Timestamp;

pub use manual::ManualClock;
use manual::ManualTime;

static SYSTEM: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);

/// Reads the time for spans: the processor's own counter, or a [`ManualClock`] in tests.
///
/// A reading costs about 9 ns and is turned into time only when someone asks. The first system
/// clock of a process measures the counter's speed, which takes about a millisecond; against the
/// operating system's clock its durations are right to some 0.01 %.
///
/// ```
/// # use raaf_trace_core::Clock;
/// let clock = Clock::system();
/// let (start, end) = (clock.now(), clock.now());
/// let anchor = clock.anchor();
/// assert_eq!(clock.between(end, start), std::time::Duration::ZERO);
/// assert!(anchor.time_of(start) <= anchor.time_of(end));
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(&'static quanta::Clock),
    Manual(Arc<ManualTime>),
}

/// A reading of a [`Clock`]; only that clock can tell what time it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(u64);

/// A reading and the wall time at which it was made.
///
/// All times of a trace come from one anchor, so that a step of the wall clock cannot reorder them.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    wall: Timestamp,
    ticks: Ticks,
    scale: Scale,
}

/// How long a tick is.
#[derive(Clone, Copy, Debug)]
enum Scale {
    Counter(&'static quanta::Clock),
    Nanoseconds,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System(&SYSTEM))
    }

    /// Reads the clock.
    #[inline]
    pub fn now(&self) -> Ticks {
        Ticks(match &self.0 {
            Source::System(clock) => clock.raw(),
            Source::Manual(time) => time.elapsed_nanos(),
        })
    }

    /// Ties a reading made now to wall time.
    pub fn anchor(&self) -> Anchor {
        let ticks = self.now();
        let wall = match &self.0 {
            Source::System(_) => SystemTime::now(),
            Source::Manual(time) => time.wall(ticks.0),
        }
        .into();
        Anchor { wall, ticks, scale: self.scale() }
    }

    /// The time from one reading to another; zero when `end` is not the later one.
    pub fn between(&self, start: Ticks, end: Ticks) -> Duration {
        self.scale().between(start, end)
    }

    fn scale(&self) -> Scale {
        match &self.0 {
            Source::System(clock) => Scale::Counter(clock),
            Source::Manual(_) => Scale::Nanoseconds,
        }
    }
}

/// The machine's clock.
impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Anchor {
    /// The wall time of a reading of the same clock, made before or after this anchor.
    #[inline]
    pub fn time_of(&self, ticks: Ticks) -> Timestamp {
        let wall = self.wall.as_nanos();
        Timestamp::from_nanos(if ticks >= self.ticks {
            wall.saturating_add_unsigned(self.scale.nanos_between(self.ticks, ticks))
        } else {
            wall.saturating_sub_unsigned(self.scale.nanos_between(ticks, self.ticks))
        })
    }

    /// The time from one reading to another; zero when `end` is not the later one.
    pub fn between(&self, start: Ticks, end: Ticks) -> Duration {
        self.scale.between(start, end)
    }
}

impl Scale {
    #[inline]
    fn nanos_between(self, start: Ticks, end: Ticks) -> u64 {
        match self {
            Self::Counter(clock) => clock.delta_as_nanos(start.0, end.0),
            Self::Nanoseconds => end.0.saturating_sub(start.0),
        }
    }

    fn between(self, start: Ticks, end: Ticks) -> Duration {
        Duration::from_nanos(self.nanos_between(start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_never_negative() {
        let manual = ManualClock::new();
        let clock = manual.clock();
        let start = clock.now();
        manual.advance(Duration::from_millis(3));
        let end = clock.now();
        assert_eq!(clock.between(start, end), Duration::from_millis(3));
        assert_eq!(clock.between(end, start), Duration::ZERO);
        let system = Clock::system();
        let (start, end) = (system.now(), system.now());
        assert_eq!(system.between(end, start), Duration::ZERO);
        assert_eq!(system.between(start, end), system.anchor().between(start, end));
    }

    #[test]
    fn times_before_and_after_the_anchor() {
        let manual = ManualClock::new();
        let clock = manual.clock();
        let before = clock.now();
        manual.advance(Duration::from_secs(2));
        let anchor = clock.anchor();
        manual.advance(Duration::from_micros(5));
        let after = clock.now();
        let since_start = |ticks| anchor.time_of(ticks).since(manual.start().into());
        assert_eq!(since_start(before), Duration::ZERO);
        assert_eq!(since_start(after), Duration::from_micros(2_000_005));
    }

    #[test]
    fn system_readings_lie_between_wall_readings() {
        let clock = Clock::system();
        let early = Timestamp::from(SystemTime::now());
        let anchor = clock.anchor();
        assert!(anchor.time_of(anchor.ticks) >= early);
        assert!(anchor.time_of(Ticks(u64::MAX)) >= anchor.wall);
        assert!(anchor.time_of(Ticks(0)) <= anchor.wall);
    }
}

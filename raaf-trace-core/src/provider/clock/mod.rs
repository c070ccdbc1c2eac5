//! Time of spans: monotonic readings, anchored to wall-clock time once per trace.

mod manual;

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime},
};

use raaf_trace_model::time::Timestamp;

pub use manual::ManualClock;
use manual::ManualTime;

static SYSTEM: LazyLock<Counter> = LazyLock::new(Counter::calibrate);

/// The processor's counter, and the length of its ticks.
#[derive(Debug)]
struct Counter {
    clock: quanta::Clock,
    scale: Scale,
}

impl Counter {
    fn calibrate() -> Self {
        let clock = quanta::Clock::new();
        let scale = Scale(clock.delta_as_nanos(0, 1 << Scale::SHIFT));
        Self { clock, scale }
    }
}

/// Clock for spans: the processor's counter, or a [`ManualClock`] in tests.
///
/// A reading costs about 9 ns and is converted to time on demand. The first system clock of a
/// process measures the counter's frequency, which takes about a millisecond. Durations deviate
/// from the operating system's clock by about 0.01 %.
///
/// ```
/// # use raaf_trace_core::clock::Clock;
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
    System(&'static Counter),
    Manual(Arc<ManualTime>),
}

/// A reading of a [`Clock`], which only that clock can convert to time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub(crate) u64);

/// A reading together with its wall-clock time.
///
/// All times of a trace are relative to one anchor, so that a step of the wall clock cannot reorder
/// them.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    wall: Timestamp,
    ticks: Ticks,
    scale: Scale,
}

/// Length of 2⁴⁰ ticks in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Scale(u64);

impl Clock {
    /// Returns the machine's clock.
    pub fn system() -> Self {
        Self(Source::System(&SYSTEM))
    }

    /// Reads the clock.
    #[inline]
    pub fn now(&self) -> Ticks {
        Ticks(match &self.0 {
            Source::System(counter) => counter.clock.raw(),
            Source::Manual(time) => time.elapsed_nanos(),
        })
    }

    /// Returns an anchor of the current reading to wall-clock time.
    pub fn anchor(&self) -> Anchor {
        let ticks = self.now();
        let wall = match &self.0 {
            Source::System(_) => SystemTime::now(),
            Source::Manual(time) => time.wall(ticks.0),
        }
        .into();
        Anchor { wall, ticks, scale: self.scale() }
    }

    /// Returns the time between two readings; zero when `end` is not later than `start`.
    pub fn between(&self, start: Ticks, end: Ticks) -> Duration {
        self.scale().between(start, end)
    }

    fn scale(&self) -> Scale {
        match &self.0 {
            Source::System(counter) => counter.scale,
            Source::Manual(_) => Scale::NANOSECONDS,
        }
    }
}

/// Returns the machine's clock.
impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Anchor {
    /// Returns the wall-clock time of a reading of the same clock, before or after this anchor.
    #[inline]
    pub fn time_of(&self, ticks: Ticks) -> Timestamp {
        let since = self.scale.nanos_between(self.ticks, ticks);
        Timestamp::from_nanos(self.wall.as_nanos().saturating_add(since))
    }

    /// Returns the time between two readings; zero when `end` is not later than `start`.
    pub fn between(&self, start: Ticks, end: Ticks) -> Duration {
        self.scale.between(start, end)
    }
}

impl Scale {
    const SHIFT: u32 = 40;
    const NANOSECONDS: Self = Self(1 << Self::SHIFT);

    /// Returns the nanoseconds between two readings, negative when `end` is earlier. Counters wrap
    /// after centuries.
    #[inline]
    fn nanos_between(self, start: Ticks, end: Ticks) -> i64 {
        let ticks = end.0.wrapping_sub(start.0).cast_signed();
        ((i128::from(ticks) * i128::from(self.0)) >> Self::SHIFT) as i64
    }

    fn between(self, start: Ticks, end: Ticks) -> Duration {
        Duration::from_nanos(self.nanos_between(start, end).max(0).unsigned_abs())
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
        let apart = 1 << 50;
        assert!(anchor.time_of(Ticks(anchor.ticks.0.wrapping_add(apart))) > anchor.wall);
        assert!(anchor.time_of(Ticks(anchor.ticks.0.wrapping_sub(apart))) < anchor.wall);
    }
}

//! Timestamps in UTC.

use std::{
    borrow::Cow,
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::rfc3339;

/// A point in time in UTC, in nanoseconds since 1970-01-01T00:00:00Z.
///
/// Covers the years 1677 to 2262; earlier and later times become the first and the last one.
/// Displays and serialises as RFC 3339 with microseconds.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::time::Timestamp;
///
/// let moment: Timestamp = "2026-01-01T00:00:00.000001Z".parse()?;
/// assert_eq!(moment.as_nanos(), 1_767_225_600_000_001_000);
/// assert_eq!(moment.to_string(), "2026-01-01T00:00:00.000001Z");
/// # Ok::<(), raaf_trace_core::time::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Creates a timestamp from nanoseconds since 1970-01-01T00:00:00Z.
    #[inline]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since 1970-01-01T00:00:00Z.
    #[inline]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Returns the time from `earlier` to this timestamp; zero when `earlier` is later.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::time::Timestamp;
    ///
    /// let (early, late) = (Timestamp::from_nanos(1), Timestamp::from_nanos(4));
    /// assert_eq!(late.since(early), Duration::from_nanos(3));
    /// assert_eq!(early.since(late), Duration::ZERO);
    /// ```
    pub fn since(self, earlier: Self) -> Duration {
        let nanos = i128::from(self.0) - i128::from(earlier.0);
        Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }

    /// Returns the timestamp that is `duration` later.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::time::Timestamp;
    ///
    /// let last = Timestamp::from_nanos(i64::MAX);
    /// assert_eq!(last.after(Duration::from_secs(1)), last); // saturates
    /// ```
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// Returns the displayed form without its `Z`, in ASCII.
    pub(crate) fn ascii(self) -> [u8; 26] {
        let micros = self.0.div_euclid(1_000);
        rfc3339::ascii(micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) as u32).1
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        })
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let apart = Duration::from_nanos(time.0.unsigned_abs());
        let moved =
            if time.0 < 0 { UNIX_EPOCH.checked_sub(apart) } else { UNIX_EPOCH.checked_add(apart) };
        moved.unwrap_or(UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.ascii()).unwrap_or_default())?;
        f.write_str("Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| {
            de::Error::custom(format_args!("invalid timestamp: `{}`", text.escape_debug()))
        })
    }
}

/// Error of parsing a [`Timestamp`]: the text is not RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid timestamp; expected RFC 3339 in UTC, such as 2026-01-01T00:00:00.000000Z")]
pub struct ParseTimestampError;

/// Parses RFC 3339 in UTC: `2026-01-01T00:00:00.000000Z`, also with `+00:00` in place of `Z`, with
/// up to nine decimals or none. A leap second becomes the second after it.
impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, ParseTimestampError> {
        parse(text).ok_or(ParseTimestampError)
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let (clock, decimals) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let days = days_since_epoch(year, month, day)?;
    if hour > 23 || minute > 59 || second > 60 || decimals.len() > 9 {
        return None;
    }
    let nanos: i64 = format!("{:0<9}", digits(decimals)?).parse().ok()?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanos)))
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn numbers(text: &str, between: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut found = [0; 3];
    for (number, width) in found.iter_mut().zip(widths) {
        let part = digits(parts.next()?).filter(|part| part.len() == width)?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// Returns the days from 1970-01-01 to a date of the Gregorian calendar; `None` for an invalid
/// date.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month - 1).ok().filter(|month| *month < 12)?;
    if !(1..=lengths[month]).contains(&day) {
        return None;
    }
    let leap_days_before = |year: i64| {
        let before = year - 1;
        before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
    };
    let years = (year - 1970) * 365 + leap_days_before(year) - leap_days_before(1970);
    Some(years + lengths[..month].iter().sum::<i64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_to_the_microsecond(micros in i64::MIN / 1_000..i64::MAX / 1_000) {
            let time = Timestamp::from_nanos(micros * 1_000);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
            prop_assert_eq!(Timestamp::from(SystemTime::from(time)), time);
        }

        #[test]
        fn no_text_panics(text in "[0-9TZ:.+-]{0,40}") {
            let _ = text.parse::<Timestamp>();
        }
    }

    #[test]
    fn only_moments_of_the_calendar_in_utc_are_read() {
        let read = |text: &str| text.parse::<Timestamp>().ok().map(Timestamp::as_nanos);
        assert_eq!(read("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(read("1969-12-31T23:59:59.5Z"), Some(-500_000_000));
        assert_eq!(read("2024-02-29T00:00:00+00:00"), Some(1_709_164_800_000_000_000));
        assert_eq!(read("1970-01-01T00:00:00.000000001Z"), Some(1));
        for wrong in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00+01:00",
            "2023-02-29T00:00:00Z",
            "1970-13-01T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.0000000001Z",
            "1970-1-01T00:00:00Z",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn time_from_a_later_moment_is_zero() {
        let (early, late) = (Timestamp::from_nanos(i64::MIN), Timestamp::from_nanos(i64::MAX));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_nanos(u64::MAX));
        assert_eq!(late.after(Duration::MAX), late);
    }
}

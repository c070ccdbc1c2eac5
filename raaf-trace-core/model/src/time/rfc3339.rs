//! Text form of wall-clock time.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A wall-clock time that displays as UTC with microseconds: `2026-01-01T00:00:00.000000Z`.
///
/// Fractions of a microsecond are cut off. Years beyond 9999 or before 0 have a sign and as many
/// digits as they need.
///
/// ```
/// # use raaf_trace_core::time::Rfc3339;
/// # use std::time::UNIX_EPOCH;
/// let epoch = Rfc3339::new(UNIX_EPOCH);
/// assert_eq!(epoch.to_string(), "1970-01-01T00:00:00.000000Z");
/// assert_eq!(epoch.with_numeric_offset().to_string(), "1970-01-01T00:00:00.000000+00:00");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc3339 {
    time: SystemTime,
    offset: &'static str,
}

impl Rfc3339 {
    /// Creates the text form of a time, ending in `Z`.
    pub fn new(time: SystemTime) -> Self {
        Self { time, offset: "Z" }
    }

    /// Ends the text in `+00:00` instead of `Z`.
    #[must_use]
    pub fn with_numeric_offset(self) -> Self {
        Self { offset: "+00:00", ..self }
    }
}

impl From<SystemTime> for Rfc3339 {
    fn from(time: SystemTime) -> Self {
        Self::new(time)
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (second, micro) = since_epoch(self.time);
        let (year, text) = ascii(second, micro);
        let text = str::from_utf8(&text).unwrap_or_default();
        if (0..=9999).contains(&year) {
            f.write_str(text)?;
        } else {
            write!(f, "{year:+05}{}", &text[4..])?;
        }
        f.write_str(self.offset)
    }
}

/// Returns the year, and the text of a time without its offset. The text has the last four digits
/// of the year.
pub(super) fn ascii(second: i64, micro: u32) -> (i64, [u8; 26]) {
    let day = second.div_euclid(86_400);
    let second = second.rem_euclid(86_400) as u32;
    let (year, month, day_of_month) = civil_date(day);
    let last_digits = (year.unsigned_abs() % 10_000) as u32;

    let mut text = *b"0000-00-00T00:00:00.000000";
    for (at, number) in [
        (0, last_digits / 100),
        (2, last_digits % 100),
        (5, month),
        (8, day_of_month),
        (11, second / 3600),
        (14, second / 60 % 60),
        (17, second % 60),
        (20, micro / 10_000),
        (22, micro / 100 % 100),
        (24, micro % 100),
    ] {
        text[at..at + 2].copy_from_slice(&PAIRS[number as usize % 100]);
    }
    (year, text)
}

/// The digits of the numbers below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    pairs
};

/// Returns seconds since 1970-01-01, and the microseconds within the second.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (seconds(after), after.subsec_micros()),
        Err(before) => {
            let before = before.duration();
            match before.subsec_nanos() {
                0 => (-seconds(before), 0),
                nanos => (-seconds(before) - 1, (1_000_000_000 - nanos) / 1_000),
            }
        }
    }
}

/// Returns year, month and day in the Gregorian calendar of a day counted from 1970-01-01.
fn civil_date(days_since_epoch: i64) -> (i64, u32, u32) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    // Years begin on the 1st of March here, so that a leap day is the last of its year.
    const FROM_0000_03_01_TO_1970: i64 = 719_468;

    let day = days_since_epoch + FROM_0000_03_01_TO_1970;
    let cycle = day.div_euclid(DAYS_IN_400_YEARS);
    let day = day.rem_euclid(DAYS_IN_400_YEARS) as u32;
    // Without the leap days before it, each year has 365 days.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Any five months from March or August on have 153 days.
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + i64::from(year);
    if month < 10 { (year, month + 3, day_of_month) } else { (year + 1, month - 9, day_of_month) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (951_868_799, "2000-02-29T23:59:59.000000Z"),
            (951_868_800, "2000-03-01T00:00:00.000000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000000Z"),
            (1_767_225_600, "2026-01-01T00:00:00.000000Z"),
            (1_234_567_890, "2009-02-13T23:31:30.000000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000000Z"),
            (253_402_300_800, "+10000-01-01T00:00:00.000000Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Rfc3339::new(time).to_string(), text);
        }
    }

    #[test]
    fn dates_before_1970() {
        for (before, text) in [
            (Duration::from_nanos(1), "1969-12-31T23:59:59.999999Z"),
            (Duration::from_secs(86_400), "1969-12-31T00:00:00.000000Z"),
            (Duration::from_secs(58_060_800), "1968-02-29T00:00:00.000000Z"),
            (Duration::from_secs(2_208_988_800), "1900-01-01T00:00:00.000000Z"),
            (Duration::from_secs(62_167_219_200), "0000-01-01T00:00:00.000000Z"),
            (Duration::from_secs(62_167_219_201), "-0001-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(Rfc3339::new(UNIX_EPOCH - before).to_string(), text);
        }
    }

    #[test]
    fn microseconds_are_cut_not_rounded() {
        let time = UNIX_EPOCH + Duration::from_nanos(1_999_999);
        assert_eq!(Rfc3339::from(time).to_string(), "1970-01-01T00:00:00.001999Z");
    }

    #[test]
    fn every_day_of_800_years_follows_the_day_before() {
        let mut last = civil_date(-146_097);
        for day in -146_096..=146_097 {
            let date = civil_date(day);
            let (year, month, day_of_month) = last;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let next = match (month, day_of_month) {
                (12, 31) => (year + 1, 1, 1),
                (_, end) if end == length => (year, month + 1, 1),
                _ => (year, month, day_of_month + 1),
            };
            assert_eq!(date, next);
            last = date;
        }
    }
}

//! `Retry-After`: seconds, or a date.

use std::time::{Duration, SystemTime};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How long to wait from `now` on; `None` if the header says nothing that can be understood.
pub(super) fn read(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(date(header)?))?;
    // A date that has passed: at once.
    Some(at.duration_since(now).unwrap_or_default())
}

/// A date as HTTP writes it (`Sun, 06 Nov 1994 08:49:37 GMT`), in seconds since 1970.
fn date(text: &str) -> Option<u64> {
    let (_, text) = text.split_once(", ")?;
    let mut words = text.split(' ');
    let mut next = || words.next();
    let (day, month, year, time, zone) = (next()?, next()?, next()?, next()?, next()?);
    if zone != "GMT" || next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let (day, year): (u64, u64) = (number(day, 1..=31)?, number(year, 1970..=9999)?);
    let mut parts = time.split(':');
    let mut part = |most| number(parts.next()?, 0..=most);
    // A minute may have a leap second.
    let (hours, minutes, seconds) = (part(23)?, part(59)?, part(60)?);
    Some(((days(year, month, day) * 24 + hours) * 60 + minutes) * 60 + seconds)
}

fn number(text: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    text.parse().ok().filter(|number| range.contains(number))
}

/// Days since 1970 began. Years are taken to begin in March: a leap day is then the last of its
/// year, and the months before a given one have a fixed length.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let before_1970 = 719_468;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - before_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_understood() {
        let read = |header| read(header, SystemTime::now());
        assert_eq!(read(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(read("0.5"), Some(Duration::from_millis(500)));
        for nonsense in ["", "-1", "NaN", "inf", "1e300", "soon", "Sun, 06 Nov 1994"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn dates_are_understood() {
        let known = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Fri, 31 Dec 2100 23:59:59 GMT", 4_133_980_799),
        ];
        for (text, seconds) in known {
            assert_eq!(date(text), Some(seconds), "{text}");
        }
        for wrong in ["Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 6"] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_is_a_wait_from_now_on() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let header = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(read(header, now), Some(Duration::from_secs(7)));
        assert_eq!(read(header, now + Duration::from_secs(60)), Some(Duration::ZERO));
    }
}

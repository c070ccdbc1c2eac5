//! Wall times from their text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads RFC 3339 in UTC, `2026-01-01T00:00:00.000000Z` or with `+00:00` at the end, with up to
/// nine decimals or none.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let (clock, decimals) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let days = days_since_epoch(year, month, day)?;
    if hour > 23 || minute > 59 || second > 60 || decimals.len() > 9 {
        return None;
    }
    let nanos = format!("{:0<9}", digits(decimals)?).parse().ok()?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let second = Duration::from_secs(seconds.unsigned_abs());
    let time =
        if seconds < 0 { UNIX_EPOCH.checked_sub(second) } else { UNIX_EPOCH.checked_add(second) };
    time?.checked_add(Duration::from_nanos(nanos))
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

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month - 1).ok().filter(|month| *month < 12)?;
    if !(1..=lengths[month]).contains(&day) {
        return None;
    }
    // Leap days in all years before this one.
    let leaps = |year: i64| {
        let before = year - 1;
        before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
    };
    let years = (year - 1970) * 365 + leaps(year) - leaps(1970);
    Some(years + lengths[..month].iter().sum::<i64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use raaf_trace_core::Rfc3339;

    use super::*;

    proptest! {
        #[test]
        fn what_the_core_writes_is_read(micros in -62_167_219_200_000_000_i64..=253_402_300_799_999_999) {
            let apart = Duration::from_micros(micros.unsigned_abs());
            let time = if micros < 0 { UNIX_EPOCH - apart } else { UNIX_EPOCH + apart };
            let text = Rfc3339::new(time);
            prop_assert_eq!(parse(&text.to_string()), Some(time));
            prop_assert_eq!(parse(&text.with_numeric_offset().to_string()), Some(time));
        }
    }

    #[test]
    fn decimals_can_be_left_out() {
        let second = UNIX_EPOCH + Duration::from_secs(951_782_400);
        assert_eq!(parse("2000-02-29T00:00:00Z"), Some(second));
        let nano = second + Duration::from_nanos(1);
        assert_eq!(parse("2000-02-29T00:00:00.000000001Z"), Some(nano));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+02:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.0000000001Z",
            "2026-01-01T00:+0:00Z",
            "26-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

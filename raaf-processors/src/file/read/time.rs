//! Wall times from the text that the format has for them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SHAPE: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";

/// Reads `2026-01-01T00:00:00.000000Z`, and nothing else.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let bytes: &[u8; SHAPE.len()] = text.as_bytes().try_into().ok()?;
    let fits = bytes.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    });
    if !fits {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
    };
    let (hour, minute, second) = (number(11, 13), number(14, 16), number(17, 19));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day = days_since_epoch(number(0, 4), number(5, 7), number(8, 10))?;
    let seconds = day * 86_400 + hour * 3_600 + minute * 60 + second;
    let micros = seconds * 1_000_000 + number(20, 26);
    let apart = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { UNIX_EPOCH.checked_sub(apart) } else { UNIX_EPOCH.checked_add(apart) }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar, if there is such a day.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    /// Days of a year before each month, where February has 28.
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let leaps_until = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let leap = leaps_until(year) - leaps_until(year - 1);
    let month = usize::try_from(month).ok().filter(|month| (1..=12).contains(month))?;
    let length = BEFORE[month] - BEFORE[month - 1] + if month == 2 { leap } else { 0 };
    if !(1..=length).contains(&day) {
        return None;
    }
    let leaps = leaps_until(year - 1) - leaps_until(1969) + if month > 2 { leap } else { 0 };
    Some((year - 1970) * 365 + leaps + BEFORE[month - 1] + day - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use raaf_trace_core::Rfc3339;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(micros in -62_167_219_200_000_000_i64..=253_402_300_799_999_999) {
            let apart = Duration::from_micros(micros.unsigned_abs());
            let time = if micros < 0 { UNIX_EPOCH - apart } else { UNIX_EPOCH + apart };
            prop_assert_eq!(parse(&Rfc3339::new(time).to_string()), Some(time));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.000000",
            "2026-01-01T00:00:00.000000+",
            "2026-02-29T00:00:00.000000Z",
            "1900-02-29T00:00:00.000000Z",
            "2026-13-01T00:00:00.000000Z",
            "2026-00-01T00:00:00.000000Z",
            "2026-01-00T00:00:00.000000Z",
            "2026-01-01T24:00:00.000000Z",
            "2026-01-01T00:00:60.000000Z",
            "2026-01-01 00:00:00.000000Z",
            "2026-01-01T00:00:00.+00000Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

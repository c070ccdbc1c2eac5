//! Parsers for values of variables.

use std::{ops::RangeInclusive, time::Duration};

/// Accepted values of a flag, for an error's "expected …".
pub const FLAG: &str = "one of 1, true, yes, on, 0, false, no, off";

/// Parses a flag, in any case.
pub fn flag(text: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(["1", "true", "yes", "on"]) {
        Some(true)
    } else if is_one_of(["0", "false", "no", "off"]) {
        Some(false)
    } else {
        None
    }
}

/// Parses an integer within bounds.
pub fn whole(text: &str, bounds: RangeInclusive<usize>) -> Option<usize> {
    text.parse().ok().filter(|number| bounds.contains(number))
}

/// Parses a number within bounds. NaN and the infinities are never within bounds.
pub fn number(text: &str, bounds: RangeInclusive<f64>) -> Option<f64> {
    text.parse().ok().filter(|number| bounds.contains(number))
}

/// Parses seconds within bounds, with fractions.
pub fn seconds(text: &str, bounds: RangeInclusive<f64>) -> Option<Duration> {
    Duration::try_from_secs_f64(number(text, bounds)?).ok()
}

/// Parses a time of more than nothing and at most a year: a number with the unit `ms`, `s`, `m` or
/// `h`, or of seconds.
pub fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0)];
    let units =
        UNITS.into_iter().filter_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, seconds) = units.chain([(text, 1.0)]).next()?;
    let seconds = self::number(number.trim_end(), 0.0..=f64::MAX)? * seconds;
    let time = Duration::try_from_secs_f64(seconds).ok()?;
    (!time.is_zero() && time <= Duration::from_secs(31_536_000)).then_some(time)
}

/// Parses names separated by commas, in order, and skips empty ones; `None` when a name is
/// repeated.
pub fn distinct_names(text: &str) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if names.iter().any(|held| held == name) {
            return None;
        }
        names.push(name.to_owned());
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_no_case() {
        for text in ["1", "true", "YES", "On"] {
            assert_eq!(flag(text), Some(true));
        }
        for text in ["0", "FALSE", "no", "oFf"] {
            assert_eq!(flag(text), Some(false));
        }
        for text in ["", "2", "y", "enabled", "true false"] {
            assert_eq!(flag(text), None);
        }
    }

    #[test]
    fn numbers_keep_their_bounds() {
        assert_eq!(whole("1", 1..=5), Some(1));
        assert_eq!(whole("+5", 1..=5), Some(5));
        for text in ["0", "6", "-1", "1.5", "1e0", "", "99999999999999999999999"] {
            assert_eq!(whole(text, 1..=5), None, "{text}");
        }
        assert_eq!(number("1e-2", 0.0..=1.0), Some(0.01));
        for text in ["NaN", "inf", "-0.1", "1.01", "½", ""] {
            assert_eq!(number(text, 0.0..=1.0), None, "{text}");
        }
        assert_eq!(number("inf", 0.0..=f64::MAX), None);
    }

    #[test]
    fn seconds_have_fractions() {
        assert_eq!(seconds("0.25", 0.0..=10.0), Some(Duration::from_millis(250)));
        assert_eq!(seconds("-0.25", -10.0..=10.0), None);
    }

    #[test]
    fn names_are_distinct() {
        assert_eq!(distinct_names(" b , a,,").unwrap(), ["b", "a"]);
        assert_eq!(distinct_names(",").unwrap(), Vec::<String>::new());
        assert_eq!(distinct_names("a,b,a"), None);
    }
}

//! Headers `Retry-After` and `retry-after-ms`.

use std::time::{Duration, SystemTime};

/// Parses seconds or a date into a delay from `now`; `None` if the header is invalid.
pub(super) fn read(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = httpdate::parse_http_date(header).ok()?;
    // A date in the past means no delay.
    Some(at.duration_since(now).unwrap_or_default())
}

/// Parses a number of milliseconds; `None` if the header is invalid.
pub(super) fn read_millis(header: &str) -> Option<Duration> {
    let millis: f64 = header.trim().parse().ok()?;
    Duration::try_from_secs_f64(millis / 1000.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_parsed() {
        assert_eq!(read_millis(" 1500"), Some(Duration::from_millis(1500)));
        for nonsense in ["", "-1", "NaN", "1s"] {
            assert_eq!(read_millis(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn seconds_are_parsed() {
        let read = |header| read(header, SystemTime::now());
        assert_eq!(read(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(read("0.5"), Some(Duration::from_millis(500)));
        for nonsense in ["", "-1", "NaN", "inf", "1e300", "soon", "Sun, 06 Nov 1994"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn dates_are_parsed_in_all_formats_of_http() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read(date, now), Some(Duration::from_secs(7)), "{date}");
        }
        for wrong in ["Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 6"] {
            assert_eq!(read(wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_is_a_delay_from_now() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let header = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(read(header, now), Some(Duration::from_secs(7)));
        assert_eq!(read(header, now + Duration::from_secs(60)), Some(Duration::ZERO));
    }
}

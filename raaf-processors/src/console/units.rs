//! HumanDuration-readable durations.

use std::{fmt, time::Duration};

/// Displays a duration with about three digits, in a suitable unit, as the console does.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_processors::HumanDuration;
///
/// assert_eq!(HumanDuration(Duration::from_micros(12_340)).to_string(), "12.3 ms");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanDuration(pub Duration);

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The unit is chosen by what the number would round to, or 999.96 µs would read 1000 µs.
        let nanos = self.0.as_nanos();
        let seconds = self.0.as_secs_f64();
        match nanos {
            0..1_000 => write!(f, "{nanos} ns"),
            1_000..999_500 => three_digits(f, seconds * 1e6, "µs"),
            999_500..999_500_000 => three_digits(f, seconds * 1e3, "ms"),
            999_500_000..59_950_000_000 => three_digits(f, seconds, "s"),
            _ => {
                let total = self.0.saturating_add(Duration::from_millis(500)).as_secs();
                let (hours, minutes, seconds) = (total / 3_600, total / 60 % 60, total % 60);
                if hours > 0 {
                    write!(f, "{hours} h {minutes:02} min")
                } else {
                    write!(f, "{minutes} min {seconds:02} s")
                }
            }
        }
    }
}

fn three_digits(f: &mut fmt::Formatter<'_>, value: f64, unit: &str) -> fmt::Result {
    let digits = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    write!(f, "{text} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (nanos, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (1_250, "1.25 µs"),
            (99_960, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1 ms"),
            (20_000_000, "20 ms"),
            (12_340_000, "12.3 ms"),
            (999_600_000, "1 s"),
            (1_204_000_000, "1.2 s"),
            (59_940_000_000, "59.9 s"),
            (59_990_000_000, "1 min 00 s"),
            (61_000_000_000, "1 min 01 s"),
            (3_599_600_000_000, "1 h 00 min"),
            (7_260_000_000_000, "2 h 01 min"),
        ] {
            assert_eq!(HumanDuration(Duration::from_nanos(nanos)).to_string(), text);
        }
    }
}

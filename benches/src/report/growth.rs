//! What a span costs when there is more of something.

use super::{Measured, Rounds, Table, or_nothing, ratio};
use crate::measure::Sample;

/// A line a size, with how much more a span costs than at the first, and the slope.
pub fn growth<'a>(rows: impl IntoIterator<Item = &'a Measured>) -> Table {
    let mut table = Table::new([
        "",
        "producer ns",
        "times the first",
        "ns for one more",
        "to delivery ns",
        "times the first",
        "ns for one more",
    ]);
    for row in rows {
        let producer = costs(row, |sample| sample.producer_ns);
        let delivery = costs(row, |sample| sample.delivery_ns);
        for (number, rounds) in row.entries.iter().enumerate() {
            let mut line = vec![format!("{}: {}", row.title, rounds.entry.size)];
            line.extend(cells(&producer, number));
            line.extend(cells(&delivery, number));
            table.line(line);
        }
    }
    table
}

/// Size and cost of each entry that was measured, where this figure says what it costs.
fn costs(row: &Measured, figure: fn(&Sample) -> Option<f64>) -> Vec<Option<(f64, f64)>> {
    let cost = |rounds: &Rounds| Some((rounds.entry.size as f64, figure(&rounds.median()?)?));
    row.entries.iter().map(cost).collect()
}

/// What a span costs at this size, how many times the first, and, behind the last, the slope.
fn cells(costs: &[Option<(f64, f64)>], number: usize) -> [String; 3] {
    let at = |number: usize| costs.get(number).copied().flatten().map(|(_, cost)| cost);
    let times = at(number).zip(at(0)).map(|(cost, first)| cost / first);
    let is_last = number + 1 == costs.len();
    let points: Vec<_> = costs.iter().copied().flatten().collect();
    let slope = slope(&points).filter(|_| is_last);
    [
        or_nothing(at(number).map(super::number)),
        or_nothing(times.map(ratio)),
        or_nothing(slope.map(|slope| format!("{slope:.4}"))),
    ]
}

/// The slope of the straight line that is nearest to these points.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let middle_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let middle_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let along: f64 = points.iter().map(|(x, y)| (x - middle_x) * (y - middle_y)).sum();
    let spread: f64 = points.iter().map(|(x, _)| (x - middle_x).powi(2)).sum();
    (spread > 0.0).then(|| along / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_nearest_line() {
        let close =
            |slope: Option<f64>, to: f64| slope.is_some_and(|slope| (slope - to).abs() < 1e-9);
        assert!(close(slope(&[(1.0, 5.0), (2.0, 7.0), (3.0, 9.0)]), 2.0));
        assert!(close(slope(&[(1.0, 5.0), (2.0, 5.0)]), 0.0));
        assert_eq!(slope(&[(1.0, 5.0)]), None);
    }
}

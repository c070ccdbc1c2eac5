//! What a span costs when there is more of something.

use super::{Measured, Table, number, or_nothing, ratio};
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
        let points = |figure: fn(&Sample) -> Option<f64>| -> Vec<(f64, f64)> {
            let sizes = row.entries.iter();
            sizes
                .filter_map(|(entry, sample)| Some((entry.size as f64, figure(sample.as_ref()?)?)))
                .collect()
        };
        let figures = [points(|sample| sample.producer_ns), points(|sample| sample.delivery_ns)];
        for (entry, _) in &row.entries {
            let size = entry.size;
            let mut cells = vec![format!("{size} {}", row.title)];
            for points in &figures {
                let here = points.iter().find(|(at, _)| *at == size as f64).map(|(_, cost)| *cost);
                let first = points.first().map(|(_, cost)| *cost);
                let is_last = points.last().is_some_and(|(at, _)| *at == size as f64);
                cells.push(or_nothing(here.map(number)));
                cells.push(or_nothing(here.zip(first).map(|(here, first)| ratio(here / first))));
                let slope = slope(points).filter(|_| is_last);
                cells.push(or_nothing(slope.map(|slope| format!("{slope:.4}"))));
            }
            table.line(cells);
        }
    }
    table
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

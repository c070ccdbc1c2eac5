//! One row with all its figures.

use std::fmt::Write as _;

use super::{ALL, Measured, Table, number, or_nothing, ratio};
use crate::measure::Sample;

/// The figures of one row, under its title.
pub fn row(measured: &Measured) -> String {
    let mut table = Table::new([
        "",
        "producer ns",
        "ours / it",
        "to delivery ns",
        "ours / it",
        "spans/s",
        "ours / it",
        "of the run",
        "delivered",
        "peak MiB",
    ]);
    let ours = measured.entries.first();
    for rounds in &measured.entries {
        let Some(sample) = rounds.median() else { continue };
        let figure = |figure: fn(&Sample) -> Option<f64>| {
            let ours = ours.filter(|ours| !std::ptr::eq(*ours, rounds));
            let compared = ours.and_then(|ours| ours.divided_by(rounds, figure)).map(ratio);
            [or_nothing(figure(&sample).map(number)), or_nothing(compared)]
        };
        let [producer, producer_ratio] = figure(|sample| sample.producer_ns);
        let [delivery, delivery_ratio] = figure(|sample| sample.delivery_ns);
        let [_, speed_ratio] = figure(|sample| sample.per_second);
        let speed = sample.per_second.map(|speed| format!("{:.2} M", speed / 1e6));
        let share = sample.share_of_run.map(|share| format!("{:.1} %", share * 100.0));
        table.line([
            rounds.entry.label(),
            producer,
            producer_ratio,
            delivery,
            delivery_ratio,
            or_nothing(speed),
            speed_ratio,
            or_nothing(share),
            or_nothing(sample.delivered_share().map(delivered)),
            or_nothing(sample.peak_mib.map(|peak| format!("{peak:.0}"))),
        ]);
    }
    let mut text = String::new();
    let table = table.without_empty_columns();
    // Writing into a string does not fail.
    let _ = write!(text, "### {}\n\n{table}", measured.title);
    text
}

/// The share that was delivered, marked where spans were lost.
fn delivered(share: f64) -> String {
    let mark = if share < ALL { "lost: " } else { "" };
    format!("{mark}{:.0} %", (share * 100.0).floor())
}

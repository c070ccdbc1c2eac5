//! What frameworks for agents cost by themselves.

use super::{Measured, Table, number, or_nothing, ratio};
use crate::measure::Sample;

/// A line a row: ours, the peer's, and how they compare.
pub fn turns<'a>(rows: impl IntoIterator<Item = &'a Measured>) -> Table {
    let mut table = Table::new([
        "a turn",
        "raaf-agents, µs",
        "rig, µs",
        "ours / rig",
        "to delivery, µs",
        "rig, µs",
        "ours / rig",
        "our spans",
        "rig's spans",
    ]);
    for row in rows {
        let [ours, peer] = &row.entries[..] else { continue };
        let figure = |figure: fn(&Sample) -> Option<f64>| {
            let of = |sample: Option<Sample>| sample.as_ref().and_then(figure);
            let micros = |time: f64| number(time / 1e3);
            [
                or_nothing(of(ours.median()).map(micros)),
                or_nothing(of(peer.median()).map(micros)),
                or_nothing(ours.divided_by(peer, figure).map(ratio)),
            ]
        };
        let spans = |sample: Option<Sample>| {
            or_nothing(sample.and_then(|sample| sample.spans_a_turn).map(number))
        };
        let mut line = vec![row.title.to_owned()];
        line.extend(figure(|sample| sample.producer_ns));
        line.extend(figure(|sample| sample.delivery_ns));
        line.extend([spans(ours.median()), spans(peer.median())]);
        table.line(line);
    }
    table
}

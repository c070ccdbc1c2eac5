//! All rows at a glance: how we compare with each peer.

use super::{ALL, Measured, Rounds, Table, number, or_nothing, ratio};
use crate::{measure::Sample, row::ToolId};

/// A line a row, a column a peer: our figure divided by the peer's, for producers and to delivery;
/// for rows that have no such figure, what they have.
pub fn ratios<'a>(rows: impl IntoIterator<Item = &'a Measured>) -> Table {
    let peers = &ToolId::ALL[1..];
    let names = peers.iter().map(|peer| peer.name().to_owned());
    let mut table =
        Table::new(["ours / peer".to_owned(), "ours, ns".to_owned()].into_iter().chain(names));
    for row in rows {
        let Some(ours) = row.entries.first() else { continue };
        let Some(sample) = ours.median() else { continue };
        let cells = peers.iter().map(|peer| {
            let peer = row.entries.iter().find(|rounds| rounds.entry.tool == *peer);
            or_nothing(peer.and_then(|peer| compared(ours, peer)))
        });
        let title = format!("{}{}", row.title, mark(&sample));
        table.line([title, own(&sample)].into_iter().chain(cells));
    }
    table
}

/// Our own figures.
fn own(ours: &Sample) -> String {
    let times = pair(ours.producer_ns.map(number), ours.delivery_ns.map(number));
    match (ours.per_second, ours.share_of_run) {
        (Some(speed), _) => format!("{:.2} M/s", speed / 1e6),
        (_, Some(share)) => format!("{:.1} % of the run", share * 100.0),
        _ => times,
    }
}

/// Ours divided by the peer's; `None` if the peer cannot do it.
fn compared(ours: &Rounds, peer: &Rounds) -> Option<String> {
    let sample = peer.median()?;
    let figures = match ours.divided_by(peer, |sample| sample.per_second) {
        Some(speed) => format!("{speed:.1} x"),
        None => pair(
            ours.divided_by(peer, |sample| sample.producer_ns).map(ratio),
            ours.divided_by(peer, |sample| sample.delivery_ns).map(ratio),
        ),
    };
    Some(format!("{figures}{}", mark(&sample)))
}

fn pair(producer: Option<String>, delivery: Option<String>) -> String {
    match (producer, delivery) {
        (producer, None) => or_nothing(producer),
        (producer, Some(delivery)) => format!("{} / {delivery}", or_nothing(producer)),
    }
}

/// An asterisk where spans were lost.
fn mark(sample: &Sample) -> &'static str {
    if sample.delivered_share().is_some_and(|share| share < ALL) { " *" } else { "" }
}

//! Rows as tables.

mod growth;
mod markdown;
mod measured;
mod median;
mod place;
mod provenance;
mod ratios;
mod rows;
mod turn;

pub use growth::growth;
pub use markdown::Table;
pub use measured::{Measured, Rounds};
pub use place::{PlaceError, put};
pub use provenance::provenance;
pub use ratios::ratios;
pub use rows::row;
pub use turn::turns;

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

/// Less than this was delivered: spans were lost. Room for spans still open when a clock stops.
const ALL: f64 = 0.999;

fn or_nothing(text: Option<String>) -> String {
    text.unwrap_or_else(|| NOTHING.to_owned())
}

/// A number with about three digits that matter.
fn number(value: f64) -> String {
    if value.abs() < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

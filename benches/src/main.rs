//! Measures all tools side by side and prints the table.

mod cli;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use cli::{Command, Comparison};
use raaf_benches::{
    child, delivered,
    report::{self, Measured, Rounds},
    row::{self, Entry, Row},
};

fn main() -> ExitCode {
    match Command::read(std::env::args().skip(1)).and_then(|command| run(&command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is gone, nobody can be told.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Compare(comparison) => compare(comparison),
        Command::Growth(comparison) => grow(comparison),
        Command::Turn(comparison) => turn(comparison),
        Command::Child { row, entry } => {
            let row = Row::named(row).ok_or("there is no such row")?;
            let sample = row.measure(*entry);
            Ok(writeln!(io::stdout(), "{}", serde_json::to_string(&sample)?)?)
        }
        Command::Spans(tool, form) => Ok(delivered::one_tree(*tool, *form)?),
        Command::Help => Ok(write!(io::stdout(), "{}", cli::HELP)?),
    }
}

fn compare(comparison: &Comparison) -> Result<(), Failure> {
    let measured = measure(row::rows(), comparison)?;
    let mut text = format!(
        "{}\n{}\n\
         Producer, or producer / to delivery; less than 1 means that ours costs less. An asterisk: \
         spans were lost there.\n",
        report::provenance(),
        report::ratios(&measured),
    );
    for row in &measured {
        text.push('\n');
        text.push_str(&report::row(row));
    }
    publish(&text, "table", comparison)
}

fn grow(comparison: &Comparison) -> Result<(), Failure> {
    let measured = measure(row::growth(), comparison)?;
    let text = format!("{}\n{}", report::provenance(), report::growth(&measured));
    publish(&text, "growth", comparison)
}

fn turn(comparison: &Comparison) -> Result<(), Failure> {
    let measured = measure(row::turns(), comparison)?;
    let text = format!("{}\n{}", report::provenance(), report::turns(&measured));
    publish(&text, "turn", comparison)
}

/// Measures all entries in turn, round by round, so that what the machine does meanwhile hits all
/// of them.
fn measure(rows: Vec<Row>, comparison: &Comparison) -> Result<Vec<Measured>, Failure> {
    let rows: Vec<Row> = rows.into_iter().filter(|row| comparison.wants(row.name)).collect();
    if rows.is_empty() {
        return Err("no row has such a name".into());
    }
    let mut measured: Vec<Measured> = rows
        .iter()
        .map(|row| {
            let rounds = |entry: &Entry| Rounds { entry: *entry, samples: Vec::new() };
            Measured { title: row.title, entries: row.entries.iter().map(rounds).collect() }
        })
        .collect();
    for round in 1..=comparison.rounds {
        for (row, measured) in rows.iter().zip(&mut measured) {
            writeln!(io::stderr(), "round {round} of {}: {}", comparison.rounds, row.title)?;
            for (entry, rounds) in measured.entries.iter_mut().enumerate() {
                rounds.samples.extend(child::measure(row.name, entry)?);
            }
        }
    }
    Ok(measured)
}

fn publish(text: &str, place: &str, comparison: &Comparison) -> Result<(), Failure> {
    write!(io::stdout(), "{text}")?;
    if let Some(path) = &comparison.markdown {
        report::put(path, place, text)
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    }
    Ok(())
}

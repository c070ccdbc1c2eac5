//! The commands.

mod agents;
mod diff;
mod errors;
mod export;
mod group;
mod import;
mod list;
mod score;
mod scores;
mod search;
mod show;
mod slowest;
mod stats;
mod tail;
mod view;

use anyhow::bail;
use clap::CommandFactory as _;

use crate::{
    args::{Cli, Command},
    print::Printer,
};

/// Outcome of a command, which the exit code reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Yes,
    /// No match, or, for `diff`, a difference.
    No,
}

impl Found {
    fn any(found: bool) -> Self {
        if found { Self::Yes } else { Self::No }
    }
}

/// Runs a command.
///
/// # Errors
///
/// If its arguments are wrong, or files cannot be read, or the output cannot be written.
pub(crate) fn run(command: &Command, printer: &mut Printer) -> anyhow::Result<Found> {
    if let Some(reason) = command.without_json().filter(|_| printer.json) {
        bail!("`--json` does not apply: {reason}");
    }
    let found = run_command(command, printer)?;
    let nothing = match command {
        Command::List(_) => "no run matches",
        Command::Search(_) | Command::Slowest(_) | Command::Stats(_) => "no span matches",
        Command::Errors(_) => "no errors",
        Command::Import(_) => "no span is in the files",
        Command::Export(_) => "no trace is in the files",
        _ => return Ok(found),
    };
    if found == Found::No && !printer.json {
        printer.note(nothing.to_owned());
    }
    Ok(found)
}

fn run_command(command: &Command, printer: &mut Printer) -> anyhow::Result<Found> {
    match command {
        Command::List(list) => list::run(list, printer),
        Command::Show(show) => show::run(show, printer),
        Command::Search(search) => search::run(search, printer),
        Command::Stats(stats) => stats::run(stats, printer),
        Command::Slowest(slowest) => slowest::run(slowest, printer),
        Command::Errors(errors) => errors::run(errors, printer),
        Command::Diff(diff) => diff::run(diff, printer),
        Command::Export(export) => export::run(export, printer),
        Command::Import(import) => import::run(import, printer),
        Command::Score(score) => score::run(score, printer),
        Command::Tail(tail) => tail::run(tail, printer),
        Command::View(view) => view::view(view, printer),
        Command::Serve(serve) => view::serve(serve, printer),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "raaf", &mut text);
            printer.text(String::from_utf8_lossy(&text))?;
            Ok(Found::Yes)
        }
    }
}

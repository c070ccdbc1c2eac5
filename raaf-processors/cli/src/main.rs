//! The program `raaf`: lists, shows, searches, compares and exports traces.

mod args;
mod commands;
mod format;
mod import;
mod index;
mod input;
mod print;
mod run;
mod score;
mod serve;
mod state;
mod trace;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;

use args::Cli;
use commands::Found;
use format::content::lines;
use print::Printer;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut printer = Printer::new(cli.json, cli.color);
    if !cli.no_pager && cli.command.is_paged() {
        printer.page();
    }
    let outcome = commands::run(&cli.command, &mut printer);
    let finished = printer.finish();
    match outcome.and_then(|found| Ok(finished.map(|()| found)?)) {
        Ok(Found::Yes) => ExitCode::SUCCESS,
        Ok(Found::No) => ExitCode::from(1),
        // Nobody reads any more, such as behind `head`.
        Err(error) if is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // It may contain names of files, and parts of their contents.
            let error = lines(&format!("{error:#}"));
            let _ = writeln!(io::stderr(), "raaf: {error}");
            ExitCode::from(2)
        }
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(closed)
        || error
            .downcast_ref::<serde_json::Error>()
            .is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
}

//! What the command line asks for.

use std::path::PathBuf;

use raaf_benches::{child::CHILD, delivered::Form, row::ToolId};

/// What `--help` says.
pub(crate) const HELP: &str = "\
Measures what tracing costs, ours beside that of others.

    raaf-benches [ROW…] [--rounds N] [--markdown FILE]
        compares all tools; only rows whose names contain one of these words
    raaf-benches growth [ROW…] [--rounds N] [--markdown FILE]
        shows what a span costs when there is more of something
    raaf-benches turn [ROW…] [--rounds N] [--markdown FILE]
      compares a turn of an agent with a turn of rig's
  raaf-benches spans TOOL [futures]
        prints the spans of one tree, of calls or of futures, as this tool delivers them

    --rounds N        how often everything is measured; medians are shown (3)
    --markdown FILE   also puts the report between the marks in this file
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Compare all tools.
    Compare(Comparison),
    /// Show growth.
    Growth(Comparison),
    /// Compare frameworks for agents.
    Turn(Comparison),
    /// Be the process in which one entry is measured.
    Child {
        /// The row's name.
        row: String,
        /// The entry's place in it.
        entry: usize,
    },
    /// Print what one tool delivers.
    Spans(ToolId, Form),
    /// Explain.
    Help,
}

/// What to compare, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    words: Vec<String>,
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// The file that gets the report.
    pub(crate) markdown: Option<PathBuf>,
}

impl Comparison {
    /// Whether the row of that name is wanted.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| row.contains(word.as_str()))
    }
}

type Wrong = Box<dyn std::error::Error>;

impl Command {
    /// Reads the command line.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Self, Wrong> {
        let mut arguments = arguments.peekable();
        match arguments.peek().map(String::as_str) {
            Some("--help" | "-h" | "help") => Ok(Self::Help),
            Some("growth") => {
                arguments.next();
                Ok(Self::Growth(comparison(arguments)?))
            }
            Some("turn") => {
                arguments.next();
                Ok(Self::Turn(comparison(arguments)?))
            }
            Some(word) if word == CHILD => {
                arguments.next();
                let row = arguments.next().ok_or("which row?")?;
                let entry = arguments.next().ok_or("which entry?")?.parse()?;
                Ok(Self::Child { row, entry })
            }
            Some("spans") => {
                arguments.next();
                let name = arguments.next().unwrap_or_default();
                let tools = || ToolId::ALL.map(|tool| format!("\"{}\"", tool.name())).join(", ");
                let unknown = || format!("there is no tool `{name}`; there are {}", tools());
                let tool = ToolId::named(&name).ok_or_else(unknown)?;
                match arguments.next().as_deref() {
                    None => Ok(Self::Spans(tool, Form::Calls)),
                    Some("futures") => Ok(Self::Spans(tool, Form::Futures)),
                    Some(word) => Err(format!("there is no form `{word}`").into()),
                }
            }
            _ => Ok(Self::Compare(comparison(arguments)?)),
        }
    }
}

fn comparison(mut arguments: impl Iterator<Item = String>) -> Result<Comparison, Wrong> {
    let mut comparison = Comparison { words: Vec::new(), rounds: 3, markdown: None };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rounds" => {
                let rounds = arguments.next().ok_or("--rounds needs a number")?;
                comparison.rounds = rounds
                    .parse()
                    .ok()
                    .filter(|rounds| *rounds > 0)
                    .ok_or_else(|| format!("`{rounds}` is no number of rounds"))?;
            }
            "--markdown" => {
                let path = arguments.next().ok_or("--markdown needs a file")?;
                comparison.markdown = Some(path.into());
            }
            word if word.starts_with('-') => {
                return Err(format!("there is no option `{word}`; --help lists them").into());
            }
            _ => comparison.words.push(argument),
        }
    }
    Ok(comparison)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, Wrong> {
        Command::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn rows_are_chosen_by_words() {
        let Ok(Command::Compare(comparison)) = read("w1 off --rounds 2 --markdown x.md") else {
            panic!("a comparison");
        };
        assert!(comparison.wants("w1") && comparison.wants("off-switch"));
        assert!(!comparison.wants("deep"));
        assert_eq!((comparison.rounds, comparison.markdown), (2, Some("x.md".into())));
    }

    #[test]
    fn without_words_all_rows_are_wanted() {
        let Ok(Command::Growth(comparison)) = read("growth") else { panic!("a comparison") };
        assert!(comparison.wants("grow-depth"));
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        for line in ["--rounds 0", "--rounds many", "--rounds", "--markdown", "--fast", "spans x"] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}

//! Measuring in a process of its own.
//!
//! Peaks of memory and what tools keep for the whole process (a reporter, a subscriber, a
//! provider) must not mix.

use std::{
    env, io,
    process::{Command, ExitStatus},
};

use crate::measure::Sample;

/// The word by which a program is asked to be the child.
pub const CHILD: &str = "child";

/// Settings of tools from the environment, which the measured ones do without.
const SETTINGS: [&str; 3] = ["RAAF_", "OTEL_", "OPENAI_"];

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The process could not be started, or not be waited for.
    #[error("the measuring process cannot run: {0}")]
    Process(#[from] io::Error),
    /// It failed.
    #[error("measuring `{row}`, entry {entry}, failed: {status}\n{words}")]
    Failed {
        /// The row.
        row: String,
        /// The entry's place in the row.
        entry: usize,
        /// How the process ended.
        status: ExitStatus,
        /// What it said.
        words: String,
    },
    /// It said something else than a sample.
    #[error("the measuring process answered in a form that cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// Measures one entry of a row in a fresh process of this program, which is expected to do
/// [`Row::measure`](crate::row::Row::measure) and print the answer as JSON. `None` if the tool
/// cannot do that.
///
/// # Errors
///
/// When the process does not run, fails, or gives no answer.
pub fn measure(row: &str, entry: usize) -> Result<Option<Sample>, ChildError> {
    let mut command = Command::new(env::current_exe()?);
    command.args([CHILD, row, &entry.to_string()]);
    for (name, _) in env::vars_os() {
        if SETTINGS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    let output = command.output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(ChildError::Failed {
            row: row.to_owned(),
            entry,
            status: output.status,
            words,
        });
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

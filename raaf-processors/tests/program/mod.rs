//! This test program again, as the traced program that a test watches from outside.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "only tests use this")]

use std::{path::Path, process::Command, time::Duration};

/// Longer than any test takes; nothing waits for it to pass.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Set in the programs that tests start.
const INSIDE: &str = "IN_A_PROCESS_OF_ITS_OWN";

/// Returns whether this process is such a program: the test then plays the traced program's part.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// This program again, running only that test, in that directory.
pub(crate) fn program(test: &str, directory: &Path) -> Command {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", test, "--nocapture"]).current_dir(directory).env(INSIDE, "1");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RAAF_") {
            program.env_remove(name);
        }
    }
    program
}

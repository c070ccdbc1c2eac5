//! Tests that need a process of their own: for its environment, its global provider or its end.

#![allow(clippy::unwrap_used, reason = "only tests run this")]

use std::{
    any::type_name,
    env,
    process::{Command, Output},
};

/// Set in the processes that this module starts.
const INSIDE: &str = "IN_A_PROCESS_OF_ITS_OWN";

/// Runs `inside` in a new process with these variables and no others of the library's, then shows
/// `check` how that process ended and what it wrote.
///
/// The new process is this test program again, told to run only the test that calls this, which
/// arrives here and runs `inside`. A failed assertion in it fails the test.
///
/// At least one of the two is a closure written in the test itself: its type tells the test's name.
pub(crate) fn in_own_process<I: FnOnce(), C: FnOnce(&Ended)>(
    variables: &[(&str, &str)],
    inside: I,
    check: C,
) {
    if env::var_os(INSIDE).is_some() {
        return inside();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([
        "--exact",
        &name_of_test([type_name::<I>(), type_name::<C>()]),
        "--nocapture",
        "--test-threads=1",
    ]);
    for (name, _) in env::vars_os() {
        let is_ours = ["RAAF_", "OPENAI_", "OTEL_", "RUST_BACKTRACE"]
            .iter()
            .any(|ours| name.to_string_lossy().starts_with(ours));
        if is_ours {
            command.env_remove(name);
        }
    }
    let output = command.env(INSIDE, "1").envs(variables.iter().copied()).output().unwrap();
    check(&Ended::from(output));
}

/// The test in whose body a closure stands: `some_test::{{closure}}`, after the crate's name.
fn name_of_test(types: [&str; 2]) -> String {
    let closures = types.iter().filter_map(|path| path.split_once("::{{closure}}"));
    let (path, _) = closures.into_iter().next().unwrap();
    path.split_once("::").unwrap().1.to_owned()
}

/// A process that has ended.
pub(crate) struct Ended {
    pub(crate) output: Output,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { stdout: text(&output.stdout), stderr: text(&output.stderr), output }
    }
}

impl Ended {
    /// Fails the test if an assertion failed inside.
    #[allow(dead_code, reason = "each test crate uses a part")]
    pub(crate) fn well(&self) -> &Self {
        assert!(self.output.status.success(), "{}\n{}", self.stdout, self.stderr);
        assert!(self.stdout.contains("1 passed"), "the test did not run:\n{}", self.stdout);
        self
    }

    /// The library's own lines.
    #[allow(dead_code, reason = "each test crate uses a part")]
    pub(crate) fn diagnostics(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.starts_with("raaf ")).collect()
    }
}

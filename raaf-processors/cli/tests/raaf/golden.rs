//! The whole output of each command, beside this file in `snapshots`.
//!
//! After a wanted change: `INSTA_UPDATE=always cargo test -p raaf-cli golden`.

use std::fmt::Write as _;

use crate::support::{Files, broken, clock_steps, nights, report};

/// Returns the outputs of commands, with what they said on standard error and their exit codes.
fn outputs(files: &Files, commands: &[&str]) -> String {
    let mut all = String::new();
    for command in commands {
        let arguments: Vec<_> = command.split(' ').collect();
        let outcome = files.run(&arguments);
        let _ = write!(all, "$ raaf {command}\n{}", outcome.out.replace('\r', "␍"));
        if !outcome.err.is_empty() {
            let _ = write!(all, "[standard error]\n{}", outcome.err);
        }
        let _ = writeln!(all, "[exit code {}]\n", outcome.code);
    }
    all
}

#[test]
fn golden_two_runs() {
    let files = Files::new(&report());
    std::fs::write(files.path("new.jsonl"), nights(2, true)).unwrap();
    let commands = [
        "list",
        "list --json --all",
        "list --name other",
        "show 2b",
        "show 2b --attributes",
        "show 2b --content",
        "show 2b --json",
        "show 2b --format markdown --content",
        "show 2b --format mermaid --span 0000000000000002",
        "search rust",
        "search --kind tool --json --until 2026-01-02",
        "search nowhere",
        "stats",
        "stats --by model --json",
        "stats --by error --since 2026-01-02",
        "slowest -n 3",
        "slowest -n 1 --json",
        "errors",
        "errors --json",
        "tail -n 2",
        "diff 1a 2b",
        "diff 1a 2b --json",
        "diff traces.jsonl new.jsonl",
        "diff traces.jsonl new.jsonl --json",
        "export csv",
        "export chrome --trace 1a",
        "export mermaid --trace 1a",
        "export markdown --trace 1a",
        "export jsonl --trace 1a",
    ];
    insta::assert_snapshot!("two_runs", outputs(&files, &commands), "two runs");
}

#[test]
fn golden_broken_files() {
    let files = Files::new(&broken());
    std::fs::write(files.path("clock.jsonl"), clock_steps()).unwrap();
    let version_3 = report().replace("\"v\":2", "\"v\":3");
    let note = r#"{"v":2,"type":"note","text":"of a later version"}"#;
    let (torn, _) = version_3.split_at(400);
    std::fs::write(files.path("later.jsonl"), format!("{version_3}{note}\n\n{torn}")).unwrap();
    let commands = [
        "list",
        "show 1a",
        "show 1a --json",
        "show 1a --format mermaid",
        "stats --by kind",
        "diff 1a 1a",
        "export csv",
        "export chrome",
        "list clock.jsonl",
        "show 3c clock.jsonl",
        "export chrome clock.jsonl",
        "list later.jsonl",
        "stats later.jsonl",
        "show last later.jsonl",
        "export csv later.jsonl",
        "list nowhere.jsonl",
    ];
    insta::assert_snapshot!("broken_files", outputs(&files, &commands), "broken files");
}

//! Output on a terminal, which `script` of util-linux provides.

#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use crate::support::{Files, named, report};

/// Runs the program on a terminal; `None`, with a line that tells it, where there is no `script`. Returns
/// what the terminal showed, and the exit code.
#[allow(clippy::print_stdout, reason = "who reads the log has to see that nothing was tested")]
fn on_terminal(
    files: &Files,
    arguments: &str,
    variables: &[(&str, &str)],
) -> Option<(String, Option<i32>)> {
    let known = Command::new("script").arg("--version").output();
    if !known.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains("util-linux")) {
        println!("skipped, there is no `script` of util-linux");
        return None;
    }
    let mut command = Command::new("script");
    let line = format!("'{}' {arguments}", env!("CARGO_BIN_EXE_raaf"));
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.current_dir(files.path("")).stdin(Stdio::null()).env("TERM", "xterm");
    for name in ["RAAF_TRACE_FILE", "RAAF_PAGER", "NO_COLOR", "LESS"] {
        command.env_remove(name);
    }
    // Not one that stays until a key is pressed.
    command.env("PAGER", "cat").envs(variables.iter().copied());
    let output = command.output().unwrap();
    Some((String::from_utf8(output.stdout).unwrap().replace('\r', ""), output.status.code()))
}

/// Makes a pager that keeps what it reads in the file `seen`.
fn pager(files: &Files, script: &str) -> String {
    let path = files.path("pager");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn long_output_goes_to_the_pager() {
    let files = Files::new(&format!("nonsense\n{}", report()));
    let pager = pager(&files, r#"echo "$1 $LESS" > seen; cat >> seen; echo read"#);
    let pager = format!("{pager} --one");
    for arguments in ["list", "show 2b", "search rust", "stats", "slowest", "errors", "diff 1a 2b"]
    {
        let _ = fs::remove_file(files.path("seen"));
        let Some((shown, code)) = on_terminal(&files, arguments, &[("RAAF_PAGER", &pager)]) else {
            return;
        };
        // What could not be read is told when the pager has ended.
        let note = "raaf: a line could not be read: ";
        assert!(shown.starts_with(&format!("read\n{note}")), "{arguments}: {shown}");
        assert_eq!(code, Some(i32::from(arguments.starts_with("diff"))));
        let seen = fs::read_to_string(files.path("seen")).unwrap();
        let (first, seen) = seen.split_once('\n').unwrap();
        assert_eq!(first, "--one FRX");
        let plain: Vec<_> = arguments.split(' ').collect();
        let without_colors = anstream::adapter::strip_str(seen).to_string();
        assert_eq!(without_colors, files.run(&plain).out, "{arguments}");
    }
    let (_, code) = on_terminal(&files, "export jsonl", &[("RAAF_PAGER", &pager)]).unwrap();
    assert_eq!(code, Some(0));
}

#[test]
fn there_is_no_pager_where_none_is_wanted_or_starts() {
    let files = Files::new(&report());
    let pager = pager(&files, "echo paged");
    let listed = files.text(&["list"]);
    for (arguments, variables) in [
        ("list --no-pager", ("RAAF_PAGER", &*pager)),
        ("list", ("RAAF_PAGER", "")),
        ("list", ("PAGER", "cat")),
        ("list", ("RAAF_PAGER", "/nowhere/pager --x")),
    ] {
        let variables = [variables, ("NO_COLOR", "1")];
        let Some((shown, code)) = on_terminal(&files, arguments, &variables) else { return };
        assert_eq!((shown, code), (listed.clone(), Some(0)), "{variables:?}");
    }
    // Without a terminal.
    let output = files.command(&["list"]).env("RAAF_PAGER", &pager).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), listed);
}

#[test]
fn a_pager_that_ends_early_is_no_error() {
    let files = Files::new(&report().repeat(500));
    let pager = pager(&files, "exit 3");
    let Some(outcome) = on_terminal(&files, "show 2b --content", &[("PAGER", &pager)]) else {
        return;
    };
    assert_eq!(outcome, (String::new(), Some(0)));
}

#[test]
fn ctrl_c_is_left_to_the_pager() {
    let files = Files::new(&report());
    let pager = pager(&files, "kill -INT $PPID; cat > seen; echo read");
    let Some(outcome) = on_terminal(&files, "list", &[("RAAF_PAGER", &pager)]) else { return };
    assert_eq!(outcome, ("read\n".to_owned(), Some(0)));
    assert_eq!(fs::read_to_string(files.path("seen")).unwrap().lines().count(), 3);
}

#[test]
fn colours_are_those_of_a_terminal() {
    let files = Files::new(&report());
    for arguments in ["list", "show 2b", "search Writer --status error", "diff 1a 2b"] {
        let Some((shown, _)) = on_terminal(&files, arguments, &[]) else { return };
        assert!(shown.contains("\u{1b}["), "{arguments}: {shown}");
    }
    for (arguments, variables) in
        [("show 2b --color never", ("X", "")), ("show 2b", ("NO_COLOR", "1"))]
    {
        let (shown, _) = on_terminal(&files, arguments, &[variables]).unwrap();
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
    assert!(files.text(&["show", "2b", "--color", "always"]).contains("\u{1b}["));
    assert!(!files.text(&["show", "2b"]).contains('\u{1b}'));
}

/// Elsewhere, data for programs stays unchanged.
#[test]
fn data_has_no_control_over_a_terminal() {
    let files = Files::new(&named("a\u{1b}[2Jb\u{202e}c"));
    for arguments in ["export csv", "export jsonl", "export chrome", "list --json", "tail --json"] {
        let Some((shown, _)) = on_terminal(&files, arguments, &[("NO_COLOR", "1")]) else { return };
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
        assert!(shown.contains(r"b\u{202e}c"), "{shown:?}");
        assert!(shown.ends_with('\n') && !shown.contains(r"\r"), "{shown:?}");
        let piped = files.text(&arguments.split(' ').collect::<Vec<_>>());
        assert!(piped.contains('\u{202e}'), "{piped:?}");
    }
}

#[test]
fn long_messages_are_wrapped_and_none_is_cut() {
    let words: Vec<_> = (0..60).map(|number| format!("word{number}")).collect();
    let files = Files::new(&report().replace("no answer", &words.join(" ")));
    let names = report().replace("\"Writer\"", &format!("\"{}\"", words.join("-")));
    fs::write(files.path("names.jsonl"), names).unwrap();
    let whole = files.text(&["errors"]);
    assert!(
        whole.lines().all(|line| line.contains("COUNT") || line.contains(&words.join(" "))),
        "{whole}"
    );
    for arguments in ["errors", "slowest names.jsonl", "stats names.jsonl"] {
        let Some((shown, _)) = on_terminal(&files, arguments, &[("NO_COLOR", "1")]) else { return };
        assert!(
            shown.lines().all(|line| line.len() <= 110) && shown.lines().count() > 5,
            "{shown}"
        );
        let of_words = |text: &str| words.iter().all(|word| text.contains(word.as_str()));
        assert!(of_words(&shown), "{shown}");
        let piped = files.text(&arguments.split(' ').collect::<Vec<_>>());
        assert!(of_words(&piped) && !piped.contains('…'), "{piped}");
    }
    let content = files.text(&["show", "2b", "--content"]);
    assert!(content.contains(&format!("  error:\n    {}\n", words.join(" "))), "{content}");
    let tail = files.text(&["tail", "names.jsonl"]);
    assert!(tail.contains(&words.join("-")), "{tail}");
}

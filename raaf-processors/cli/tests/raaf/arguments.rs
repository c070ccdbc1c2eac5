//! Arguments: none is ignored silently.

use std::{fs, process::Stdio};

use flate2::{Compression, write::GzEncoder};

use crate::support::{Files, named, nights, report, run_with_input};

#[test]
fn json_is_refused_by_commands_without_it() {
    let files = Files::new(&report());
    for (arguments, reason) in [
        (&["export", "csv"][..], "`chrome`, `otlp` and `jsonl` are JSON"),
        (&["completions", "bash"], "completions are a script"),
        (&["show", "1a", "--format", "markdown"], "another `--format`"),
    ] {
        let error = files.fails(&[arguments, &["--json"]].concat(), 2);
        assert!(error.starts_with("raaf: `--json` ") && error.contains(reason), "{error}");
    }
    let json = files.text(&["show", "1a", "--json"]);
    assert_eq!(files.text(&["show", "1a", "--format", "json", "--json"]), json);
}

#[test]
fn prices_are_an_argument_of_commands_that_show_costs() {
    let files = Files::new(&report());
    for command in ["slowest", "errors", "tail"] {
        let error = files.fails(&[command, "--prices", "none"], 2);
        assert!(error.contains("unexpected argument '--prices'"), "{error}");
    }
    let search = ["search", "--attribute", "gen_ai.usage.cost", "--json"];
    assert!(files.text(&search).contains(r#""cost":0.0006"#));
    assert_eq!(files.fails(&[&search[..], &["--prices", "none"]].concat(), 1), "");
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let files = Files::new(&report());
    for arguments in [
        &["list", "-n", "0"][..],
        &["slowest", "-n", "0"],
        &["search", "-n", "-1"],
        &["search", "-n", "99999999999999999999"],
        &["search", "--attribute", ""],
        &["search", "--attribute", "=x"],
        &["diff", "1a", "2b", "--slower", "nan"],
        &["diff", "1a", "2b", "--slower", "0.5"],
        &["diff", "1a", "2b", "--more", "-1"],
        &["list", "--longer-than", "-1s"],
        &["list", "--longer-than", "1e999s"],
        &["list", "--longer-than", "NaNs"],
        &["list", "--since", "99999999999999999999h"],
        &["view", "--port", "65536"],
        &["score", "traces.jsonl", "1", "x", "inf"],
    ] {
        assert_ne!(files.fails(arguments, 2), "", "{arguments:?}");
    }
    let most = usize::MAX.to_string();
    let all = files.text(&["slowest", "-n", &most]);
    assert_eq!(all, files.text(&["slowest", "-n", "8"]));
    for command in ["list", "search", "tail"] {
        files.text(&[command, "-n", &most]);
    }
}

#[test]
fn a_difference_has_the_files_and_options_that_its_sides_can_have() {
    let files = Files::new(&report());
    fs::write(files.path("new.jsonl"), nights(2, true)).unwrap();
    let sets = ["diff", "traces.jsonl", "new.jsonl"];
    let content = files.fails(&[&sets[..], &["--content"]].concat(), 2);
    assert!(content.contains("`--content` compares two runs"), "{content}");
    let third = files.fails(&[&sets[..], &["other.jsonl"]].concat(), 2);
    assert!(third.contains("leave the other files out"), "{third}");
    // Standard input is read once for both sides.
    let both = ["diff", ":until=2026-01-02", ":since=2026-01-02", "-"];
    let outcome = run_with_input(&both, &report());
    assert_eq!(outcome.out, files.run(&both[..3]).out, "{outcome:?}");
    assert_eq!(outcome.code, 1);
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let files = Files::new(&report());
    fs::write(files.path("traces.jsonl.1"), named("old")).unwrap();
    fs::write(files.path("traces.jsonl.raaf-index"), "{}\n{}").unwrap();
    let listed = files.text(&["list"]);
    let names = ["traces.jsonl", "traces.jsonl.1", "./traces.jsonl", "traces.jsonl.raaf-index"];
    let outcome = files.run(&[&["list"][..], &names].concat());
    assert_eq!((outcome.out, outcome.err), (listed, String::new()));
    let index = files.fails(&["list", "traces.jsonl.raaf-index"], 2);
    assert!(index.contains("pass the trace file"), "{index}");
}

#[test]
fn tail_reads_compressed_files_and_names_what_it_cannot_follow() {
    let files = Files::new(&format!("nonsense\n\n{}", report()));
    let last = files.text(&["tail", "-n", "2"]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gzip, report().as_bytes()).unwrap();
    fs::write(files.path("t.gz"), gzip.finish().unwrap()).unwrap();
    assert_eq!(files.text(&["tail", "-n", "2", "t.gz"]), last);
    assert_eq!(run_with_input(&["tail", "-n", "2", "-"], &report()).out, last);
    let followed = run_with_input(&["tail", "-f", "-"], &report());
    assert_eq!((followed.out.lines().count(), followed.code), (8, 0));
    assert!(files.fails(&["tail", "-f", "t.gz"], 2).contains("does not grow"));
    let outcome = files.run(&["tail"]);
    assert!(outcome.err.starts_with("raaf: a line could not be read: "), "{}", outcome.err);
    assert_eq!(outcome.err.lines().count(), 1, "an empty line is none");
}

#[test]
fn received_spans_are_kept_in_a_plain_file_only() {
    let files = Files::new("");
    fs::write(files.path("t.gz"), [0x1f, 0x8b, 8, 0]).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--keep"];
    let error = files.fails(&[&serve[..], &["t.gz"]].concat(), 2);
    assert!(error.contains("`t.gz` is compressed"), "{error}");
    assert!(files.fails(&[&serve[..], &["."]].concat(), 2).contains("it is a directory"));
}

#[test]
fn servers_tell_their_address_as_json() {
    use std::io::{BufRead as _, BufReader};

    let files = Files::new(&report());
    let mut command = files.command(&["view", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let shown: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(shown["url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{line}");
}

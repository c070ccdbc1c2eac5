//! Broken files and hostile names.

use std::{fs, io::Write as _};

use flate2::{Compression, write::GzEncoder};
use raaf_trace_model::span::FinishedSpan;

use crate::support::{Files, lines, nights, report, span, trace};

/// Commands that read a file. None may fail without an error message.
const COMMANDS: [&str; 18] = [
    "list",
    "show last",
    "show last --attributes --content",
    "search .",
    "stats",
    "stats --by model",
    "stats --by error",
    "stats --by score",
    "slowest",
    "errors",
    "tail",
    "diff last last --content",
    "export csv",
    "export chrome",
    "export mermaid",
    "export markdown",
    "export otlp",
    "export html",
];

/// Runs all commands on the file.
fn run_all(files: &Files) -> Vec<(String, String)> {
    let run = |command: &str| {
        let arguments: Vec<_> = command.split(' ').collect();
        let outcome = files.run(&arguments);
        assert!((0..=2).contains(&outcome.code), "{command}: {}", outcome.err);
        assert!(!outcome.err.contains("panicked"), "{command}: {}", outcome.err);
        assert!(
            outcome.code != 2 || outcome.err.starts_with("raaf: "),
            "{command}: {}",
            outcome.err
        );
        (command.to_owned(), outcome.out)
    };
    COMMANDS.map(run).into()
}

#[test]
fn any_file_gives_output_or_an_error() {
    let whole = report();
    let one = |kind: &'static str| span(trace("1a"), 0, 1, (kind, "x"), (0, 10)).build();
    let line = |span: &FinishedSpan| lines([span.clone()]);
    for text in [
        String::new(),
        "\n\n   \n".to_owned(),
        "\0".repeat(10_000),
        whole.replace('\n', "\r\n"),
        format!("\u{feff}{whole}"),
        line(&one("tool")).replace("2026-01-01T00:00:00.0", "1969-12-31T23:00:00.0"),
        line(&one("tool")).replace("2026-01-01T00:00:00.0", "9999-12-31T23:59:59.9"),
        line(&one("agent")).replace("\"duration_ms\":10.0", "\"duration_ms\":1e300"),
        line(&one("tool")).replace("\"duration_ms\":10.0", "\"duration_ms\":-1e300"),
        whole.replace("120", "-9223372036854775808").replace(":30", ":9223372036854775807"),
        "[".repeat(100_000),
    ] {
        run_all(&Files::new(&text));
    }
    let files = Files::new(&whole);
    let half = whole.len() / 2;
    let mut bytes = whole.into_bytes();
    bytes[half] = 0xff;
    fs::write(files.path("traces.jsonl"), bytes).unwrap();
    let outcome = files.run(&["list"]);
    assert!(outcome.err.contains("not valid UTF-8"), "{}", outcome.err);
    run_all(&files);
}

#[test]
fn names_and_contents_have_no_control_over_a_terminal() {
    let hostile = "a\u{1b}[31m\u{7}\u{202e}b\u{2066}c\r\u{0}\u{9b}2J\u{2028}d";
    let of = span(trace("1a"), 0, 1, ("agent", hostile), (0, 10))
        .method(hostile.to_owned())
        .workflow_name(hostile.to_owned())
        .group_id(hostile.to_owned())
        .error(hostile, hostile)
        .attributes(|attributes| {
            attributes.set("input", hostile);
            attributes.set(hostile.to_owned(), hostile);
            attributes.set("gen_ai.request.model", hostile);
        });
    let files = Files::new(&lines([of.build()]));
    for (command, out) in run_all(&files) {
        let is_data =
            ["csv", "chrome", "otlp", "html"].iter().any(|format| command.ends_with(format));
        let is_bad = |character: char| {
            character.is_control() && character != '\n'
                || "\u{202e}\u{2066}\u{2028}".contains(character)
        };
        assert!(is_data || !out.contains(is_bad), "{command}: {out:?}");
    }
}

#[test]
fn errors_have_no_control_over_a_terminal() {
    let files = Files::new("");
    let name = "a\u{1b}[31m\u{202e}.jsonl";
    for arguments in
        [&["list", name][..], &["show", "1a", name], &["import", name], &["view", name]]
    {
        let error = files.fails(arguments, 2);
        assert!(error.contains(r"a\u{1b}[31m\u{202e}.jsonl"), "{error}");
        assert!(!error.contains(['\u{1b}', '\u{202e}']), "{error}");
    }
}

#[test]
fn a_compressed_file_that_is_cut_is_read_as_far_as_it_goes() {
    let text = nights(200, false);
    let files = Files::new(&text);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let whole = gzip.finish().unwrap();
    fs::write(files.path("cut.gz"), &whole[..whole.len() / 2]).unwrap();
    fs::write(files.path("junk.gz"), [&whole[..], b"junk"].concat()).unwrap();
    fs::write(files.path("head.gz"), &whole[..5]).unwrap();
    let count = |name: &str, note: &str| {
        let outcome = files.run(&["list", "--all", "--json", name]);
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        let begins = format!("raaf: a line could not be read: {name}, byte ");
        assert!(outcome.err.starts_with(&begins) && outcome.err.contains(note), "{}", outcome.err);
        outcome.out.lines().count()
    };
    let of_cut = count("cut.gz", "the compressed data is damaged or truncated: ");
    let all = files.text(&["list", "--all", "--json"]).lines().count();
    assert!(of_cut > 10 && of_cut < all, "{of_cut}");
    assert_eq!(count("junk.gz", "the compressed data is damaged or truncated: "), all);
    for command in ["show last", "export csv", "tail", "diff last last"] {
        let arguments: Vec<_> = command.split(' ').chain(["cut.gz"]).collect();
        assert!(files.run(&arguments).err.contains("damaged or truncated"), "{command}");
    }
    assert_eq!(files.fails(&["list", "head.gz"], 2), "raaf: head.gz: unexpected end of file\n");
}

#[test]
fn a_trace_over_several_files_is_one() {
    let text = report();
    let files = Files::new(&text);
    for (number, line) in text.lines().enumerate() {
        fs::write(files.path(&format!("{number}.jsonl")), line).unwrap();
    }
    let names: Vec<_> =
        (0..text.lines().count()).rev().map(|number| format!("{number}.jsonl")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for command in ["list", "show 2b", "stats", "slowest", "errors", "export csv", "diff 1a 2b"] {
        let arguments: Vec<_> = command.split(' ').collect();
        let one = files.run(&arguments);
        let several = files.run(&[&arguments[..], &names].concat());
        let sorted = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!((sorted(&several.out), several.code), (sorted(&one.out), one.code), "{command}");
    }
}

#[test]
fn a_file_taken_as_a_pattern_is_noted() {
    let files = Files::new(&report());
    let outcome = files.run(&["search", "traces.jsonl"]);
    assert!(outcome.err.starts_with("raaf: `traces.jsonl` is the pattern here"), "{}", outcome.err);
    assert_eq!(files.run(&["search", ".", "traces.jsonl"]).err, "");
}

//! `score`, and where scores are shown.

use std::{fs, io::Write as _};

use flate2::{Compression, write::GzEncoder};

use crate::support::{Files, report};

const WRITER: &str = "0000000000000002";

fn score(files: &Files, arguments: &[&str]) -> String {
    files.text(&[&["score", "traces.jsonl", WRITER, "--trace", "2b"], arguments].concat())
}

#[test]
fn a_score_is_shown_with_its_span_and_is_no_run() {
    let files = Files::new(&report());
    let listed = files.text(&["list"]);
    let said =
        score(&files, &["helpful", "-0.5", "--label", "bad", "--comment", "no \u{1b}answer"]);
    assert_eq!(said, "agent Writer (00000000): helpful -0.5 (bad): no \\u{1b}answer\n");
    score(&files, &["tone", "--label", "polite"]);
    assert_eq!(files.text(&["list"]), listed);
    for trace in ["2b", "last"] {
        let shown = files.text(&["show", trace]);
        let scores = "\
score: agent Writer (00000000): helpful -0.5 (bad): no \\u{1b}answer
score: agent Writer (00000000): tone (polite)
";
        assert!(shown.ends_with(scores), "{shown}");
    }
    assert!(!files.text(&["show", "1a"]).contains("score"));
    assert!(!files.text(&["show", "2b", "--span", "0000000000000003"]).contains("score"));
    assert_eq!(files.text(&["show", "2b", "--json"]).lines().count(), 6);
    let markdown = files.text(&["show", "2b", "--format", "markdown"]);
    assert!(markdown.contains("> agent Writer: tone \\(polite\\)"), "{markdown}");
    assert!(files.text(&["export", "html", "--trace", "2b"]).contains(r#""component":"helpful""#));
    assert_eq!(files.text(&["diff", "traces.jsonl", "traces.jsonl"]), "");
}

#[test]
fn a_score_stays_one_through_otlp() {
    let files = Files::new(&report());
    score(&files, &["helpful", "1"]);
    let listed = files.text(&["list"]);
    fs::write(files.path("otlp.json"), files.text(&["export", "otlp"])).unwrap();
    fs::write(files.path("back.jsonl"), files.text(&["import", "otlp.json"])).unwrap();
    assert_eq!(files.text(&["list", "back.jsonl"]).lines().count(), listed.lines().count());
    assert!(files.text(&["show", "2b", "back.jsonl"]).ends_with("helpful 1\n"));
}

#[test]
fn scores_do_not_make_ids_ambiguous() {
    let files = Files::new(&report());
    let score: serde_json::Value =
        serde_json::from_str(&score(&files, &["helpful", "1", "--json"])).unwrap();
    let id = score["trace_id"].as_str().unwrap();
    assert!(files.text(&["show", id]).starts_with("Evaluator:helpful"), "by its own id");
    let same = fs::read_to_string(files.path("traces.jsonl"))
        .unwrap()
        .replace(id, "trace_2b111111111111111111111111111111");
    fs::write(files.path("traces.jsonl"), same).unwrap();
    assert!(files.text(&["show", "2b"]).ends_with("helpful 1\n"));
}

#[test]
fn scores_are_summarized() {
    let files = Files::new(&report());
    for (value, label) in [("1", "good"), ("0.5", "good"), ("0", "bad")] {
        score(&files, &["helpful", value, "--label", label]);
    }
    assert_eq!(
        files.text(&["stats", "--by", "score"]),
        "\
SCORE    COUNT  MEAN  MIN  MAX  LABELS
helpful      3   0.5    0    1  bad 1, good 2
"
    );
    let json = files.text(&["stats", "--by", "score", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["mean"], &json["labels"]["good"]), (&0.5.into(), &2.into()));
}

#[test]
fn a_score_follows_a_line_that_a_killed_program_left() {
    let files = Files::new(&format!("{}{{\"v\":2,", report()));
    score(&files, &["helpful", "1"]);
    let text = fs::read_to_string(files.path("traces.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 10);
    assert!(text.lines().nth(8) == Some("{\"v\":2,") && text.ends_with("}\n"), "{text}");
}

#[test]
fn a_span_may_be_in_a_rotated_part() {
    let files = Files::new("");
    fs::write(files.path("traces.jsonl.1"), report()).unwrap();
    score(&files, &["helpful", "1"]);
    assert_eq!(fs::read_to_string(files.path("traces.jsonl")).unwrap().lines().count(), 1);
    assert!(files.text(&["show", "2b"]).contains("helpful 1"));
}

#[test]
fn what_cannot_be_scored_is_an_error() {
    let files = Files::new(&report());
    let before = fs::read(files.path("traces.jsonl")).unwrap();
    let fails = |arguments: &[&str]| files.fails(&[&["score"], arguments].concat(), 2);
    let missing = fails(&["traces.jsonl", "ffff", "helpful", "1"]);
    assert!(missing.starts_with("raaf: no span begins with `ffff`"), "{missing}");
    let several = fails(&["traces.jsonl", WRITER, "helpful", "1"]);
    assert!(several.starts_with("raaf: 2 spans begin with `0000000000000002`"), "{several}");
    for nothing in [&["", "1"][..], &["helpful", "--label", ""]] {
        let arguments = [&["traces.jsonl", WRITER], nothing].concat();
        assert!(fails(&arguments).contains("a value is required"));
    }
    assert!(fails(&["traces.jsonl", "x", "helpful", "1"]).contains("beginning of a span's id"));
    assert!(fails(&["traces.jsonl", WRITER, "helpful"]).contains("<VALUE>"));
    assert!(fails(&["traces.jsonl", WRITER, "helpful", "NaN"]).contains("expected a number"));
    assert!(
        fails(&["nowhere.jsonl", WRITER, "helpful", "1"]).contains("cannot read `nowhere.jsonl`")
    );
    let standard = fails(&["-", WRITER, "helpful", "1"]);
    assert!(standard.contains("`-` is compressed or standard input"), "{standard}");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&before).unwrap();
    fs::write(files.path("t.gz"), gzip.finish().unwrap()).unwrap();
    assert!(fails(&["t.gz", WRITER, "helpful", "1"]).contains("`t.gz` is compressed"));
    assert_eq!(fs::read(files.path("traces.jsonl")).unwrap(), before);
}

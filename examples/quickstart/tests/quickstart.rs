//! The quickstart, run as a program: what it prints, how it exits, and the trace it leaves.

use std::{collections::HashMap, fs, path::Path, process::Command};

use serde_json::Value as Json;
use tempfile::TempDir;

/// Output of a run of the program.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    spans: Vec<Json>,
}

fn run(directory: &Path, argument: Option<&Path>) -> Run {
    run_with(directory, argument, &[])
}

fn run_with(directory: &Path, argument: Option<&Path>, variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raaf-quickstart"));
    for variable in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("RAAF_") {
            command.env_remove(variable);
        }
    }
    command.envs(variables.iter().copied());
    let output = command.args(argument).current_dir(directory).output().unwrap();
    let lines = fs::read_to_string(directory.join("traces.jsonl")).unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        spans: lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

impl Run {
    /// The one tree that the lines describe, a span a line, children by start, with the statuses
    /// that are not ok.
    fn tree(&self) -> String {
        let mut children = HashMap::<Option<&str>, Vec<&Json>>::new();
        for span in &self.spans {
            assert_eq!(span["trace_id"], self.spans[0]["trace_id"], "one run, one trace");
            children.entry(span["parent_id"].as_str()).or_default().push(span);
        }
        for siblings in children.values_mut() {
            siblings.sort_by_key(|span| span["started_at"].as_str().unwrap());
        }
        assert_eq!(children[&None].len(), 1, "one root");
        let mut tree = String::new();
        let mut drawn = 0;
        draw(&children, None, 0, &mut tree, &mut drawn);
        assert_eq!(drawn, self.spans.len(), "no orphans");
        tree
    }
}

fn draw(
    children: &HashMap<Option<&str>, Vec<&Json>>,
    parent: Option<&str>,
    depth: usize,
    tree: &mut String,
    drawn: &mut usize,
) {
    for span in children.get(&parent).into_iter().flatten() {
        let word = |field: &str| span[field].as_str().unwrap();
        let status = if word("status") == "ok" { "" } else { word("status") };
        let line = format!("{}{} {} {status}", "  ".repeat(depth), word("kind"), word("component"));
        *tree += line.trim_end();
        *tree += "\n";
        *drawn += 1;
        draw(children, Some(word("span_id")), depth + 1, tree, drawn);
    }
}

const WHOLE_TREE: &str = "\
trace text report
  component DocumentReader
  pipeline TextReport
    agent Planner
      llm offline-analyst
      tool headings
      tool rank_words
      llm offline-analyst
    agent Searcher
      llm offline-analyst
      tool search
      tool search
      tool search
      llm offline-analyst
    agent Statistician
      llm offline-analyst
      tool rank_words
      tool headings
      tool links
      llm offline-analyst
    agent Writer
      llm offline-analyst
";

#[test]
fn the_text_that_ships_is_reported_on_and_the_tree_follows() {
    let directory = TempDir::new().unwrap();
    let run = run(directory.path(), None);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    assert!(run.stdout.starts_with(
        "# Report: The lamp at Skerry Point\n\n## Passages\n\n- “lamp” occurs 7 times, first in"
    ));
    assert!(run.stdout.contains("- most frequent: lamp (7), keepers (4), skerry (4)"));
    assert!(run.stdout.contains("- headings (5): The lamp at Skerry Point / The building /"));
    assert!(run.stdout.contains("- links (2): https://example.org/skerry/boats "));
    let (report, tree) = run.stdout.split_once("\nTrace:text report").unwrap();
    assert!(report.contains("## Figures"), "the report comes first");
    for line in ["Pipeline:TextReport", "Agent:Planner", "Tool:search", "Llm:offline-analyst"] {
        assert!(tree.contains(line), "{tree}");
    }
    assert!(tree.contains("tokens in"), "{tree}");
    assert_eq!(run.tree(), WHOLE_TREE);
}

#[test]
fn any_text_of_the_user_s_is_reported_on() {
    let directory = TempDir::new().unwrap();
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let run = run(directory.path(), Some(&readme));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    let text = fs::read_to_string(readme).unwrap();
    let title = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap();
    assert!(run.stdout.starts_with(&format!("# Report: {title}\n")), "{}", run.stdout);
    assert_eq!(run.tree(), WHOLE_TREE);
}

#[test]
fn a_text_with_nothing_to_find_is_no_error() {
    let directory = TempDir::new().unwrap();
    let text = directory.path().join("short.txt");
    fs::write(&text, "1 2 3\n").unwrap();
    let run = run(directory.path(), Some(&text));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    assert!(run.stdout.starts_with("# Report: 1 2 3\n"), "{}", run.stdout);
    assert!(run.stdout.contains("- 3 words, 3 different ones"), "{}", run.stdout);
    assert!(run.stdout.contains("- links (0): none"), "{}", run.stdout);
}

#[test]
fn a_byte_order_mark_and_tags_in_the_text_do_no_harm() {
    let directory = TempDir::new().unwrap();
    let text = directory.path().join("odd.md");
    let odd = "\u{feff}# Odd\n<passages>\nnot these\n</passages>\n</document>\nlamp lamp\n";
    fs::write(&text, odd).unwrap();
    let run = run(directory.path(), Some(&text));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    let report =
        "# Report: Odd\n\n## Passages\n\n- “lamp” occurs twice, first in line 6: lamp lamp";
    assert!(run.stdout.starts_with(report), "{}", run.stdout);
    assert!(run.stdout.contains("- headings (1): Odd"), "{}", run.stdout);
}

#[test]
fn the_environment_says_where_the_spans_go() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("traces.jsonl"), "").unwrap();
    let run = run_with(directory.path(), None, &[("RAAF_TRACE_FILE", "elsewhere.jsonl")]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    assert_eq!(run.spans.len(), 0);
    assert!(
        fs::read_to_string(directory.path().join("elsewhere.jsonl")).unwrap().lines().count() > 9
    );
}

#[test]
fn each_run_adds_a_trace_to_the_file() {
    let directory = TempDir::new().unwrap();
    let first = run(directory.path(), None).spans.len();
    assert_eq!(run(directory.path(), None).spans.len(), 2 * first);
}

/// Checks that the error is on standard error, in the printed tree and in the file.
fn is_refused(argument: &Path, directory: &Path, reason: &str) {
    let run = run(directory, Some(argument));
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    assert!(run.stderr.contains(reason), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stdout.starts_with("Trace:text report"), "{}", run.stdout);
    assert!(run.stdout.contains("✗ error"), "{}", run.stdout);
    assert_eq!(run.tree(), "trace text report error\n  component DocumentReader error\n");
    let reader = run.spans.iter().find(|span| span["component"] == "DocumentReader").unwrap();
    let kind = reader["error_type"].as_str().unwrap();
    assert!(kind.starts_with("ReadError::"), "{kind}");
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let directory = TempDir::new().unwrap();
    is_refused(Path::new("nowhere.md"), directory.path(), "cannot read `nowhere.md`: ");
}

#[test]
fn a_directory_is_refused() {
    let directory = TempDir::new().unwrap();
    is_refused(directory.path(), directory.path(), "is a directory, not a text file");
}

#[test]
fn what_is_not_utf8_is_refused() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("binary");
    fs::write(&file, b"abc\xFFdef").unwrap();
    is_refused(&file, directory.path(), "is not UTF-8 text (byte 3 is the first that is not)");
}

#[test]
fn an_empty_file_is_refused() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("empty.txt");
    fs::write(&file, " \n").unwrap();
    is_refused(&file, directory.path(), "is empty");
}

#[cfg(feature = "openai")]
#[test]
fn a_model_s_server_that_is_not_there_fails_the_run_and_not_the_trace() {
    let directory = TempDir::new().unwrap();
    // Nothing listens on the discard port of loopback.
    let server = [("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"), ("OPENAI_MODEL", "far-away")];
    let run = run_with(directory.path(), None, &server);
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    let error = "error: pipeline `TextReport` stopped at step `Planner`: agent `Planner` \
                 (turn 1): the model call failed: connection to the model server failed: ";
    assert!(run.stderr.starts_with(error), "{}", run.stderr);
    let tree = "\
trace text report error
  component DocumentReader
  pipeline TextReport error
    agent Planner error
      llm far-away error
";
    assert_eq!(run.tree(), tree);
}

//! Each command on small files, with its whole output.

use std::{fs, io::Write as _};

use crate::support::{self, Files, report, run, run_with_input};
use flate2::{Compression, write::GzEncoder};

#[test]
fn list_shows_runs_newest_first() {
    let files = Files::new(&report());
    assert_eq!(
        files.text(&["list"]),
        "\
STARTED (UTC)        TRACE     NAME            DURATION  STATUS  SPANS  ERRORS  TOKENS      COST
2026-01-02 00:00:00  2b000000  nightly report       3 s  error       4       2     150  $0.00060
2026-01-01 00:00:00  1a000000  nightly report     1.5 s  ok          4             150  $0.00060
"
    );
    let json = files.text(&["list", "--json", "-n", "1"]);
    let first: serde_json::Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!(first["status"], "error");
    assert_eq!(first["input_tokens"], 120);
    assert_eq!((&first["cost"], &first["unpriced"]), (&0.000_6.into(), &0.into()));
    assert_eq!(files.text(&["list", "--status", "ok", "--json"]).lines().count(), 1);
    assert_eq!(files.text(&["list", "--since", "2026-01-01T12:00:00Z"]).lines().count(), 2);
    assert_eq!(files.text(&["list", "--longer-than", "2s", "--json"]).lines().count(), 1);
}

#[test]
fn show_draws_the_tree() {
    let files = Files::new(&report());
    let tree = files.text(&["show", "2b"]);
    assert_eq!(
        tree,
        "\
Pipeline:Report  3 s  ✗ error  120 tokens in, 30 out  $0.00060  Timeout: no answer
└── Agent:Writer  +100 ms  2.2 s  ✗ error  120 tokens in, 30 out  $0.00060  Timeout: no answer
    ├── Llm:gpt-4o  +200 ms  1 s  ✓ ok  120 tokens in, 30 out  $0.00060
    └── Tool:search  +1.3 s  200 ms  ✓ ok
"
    );
    assert_eq!(files.text(&["show", "last"]), tree);
    let part = files.text(&["show", "2b", "--span", "0000000000000002"]);
    assert!(part.contains("Agent:Writer") && !part.contains("Report"), "{part}");
    assert!(!part.contains("problem"), "{part}");
    let content = files.text(&["show", "2b", "--content"]);
    assert!(content.contains("tool search (00000000)\n  input:\n    rust"), "{content}");
}

#[test]
fn show_says_which_traces_an_id_could_mean() {
    let files = Files::new(&report());
    let missing = files.fails(&["show", "ff"], 2);
    assert_eq!(missing, "raaf: no trace begins with `ff`; `raaf list` shows them\n");
    let no_id = files.fails(&["show", "nightly"], 2);
    assert!(no_id.contains("expected hexadecimal digits, or `last`"), "{no_id}");
    fs::rename(files.path("traces.jsonl"), files.path("other.jsonl")).unwrap();
    let file = files.fails(&["show", "other.jsonl"], 2);
    assert!(file.ends_with("expected hexadecimal digits, or `last`, before the file\n"), "{file}");
    let files = Files::new(&support::with_ids(&["1a01", "1a02"]));
    let ambiguous = files.fails(&["show", "1a"], 2);
    assert!(
        ambiguous.starts_with("raaf: 2 traces begin with `1a`, such as 1a01000000"),
        "{ambiguous}"
    );
}

#[test]
fn search_finds_by_what_spans_are_and_say() {
    let files = Files::new(&report());
    assert_eq!(
        files.text(&["search", "rus.", "--until", "2026-01-02"]),
        "2026-01-01 00:00:01 1a000000 00000000  ok 200 ms  tool search\n    input: rust\n"
    );
    assert_eq!(files.text(&["search", "--status", "error", "--json"]).lines().count(), 2);
    assert_eq!(files.text(&["search", "--kind", "tool"]).lines().count(), 2);
    assert_eq!(
        files.text(&["search", "--attribute", "gen_ai.request.model=gpt-4o"]).lines().count(),
        2
    );
    assert_eq!(files.fails(&["search", "nowhere"], 1), "no span matches\n");
    let wrong = files.fails(&["search", "(", "-n", "1"], 2);
    assert!(wrong.contains("regex parse error"), "{wrong}");
    assert!(files.fails(&["search", "--status", "bad"], 2).contains("[possible values: ok, "));
}

#[test]
fn stats_summarize() {
    let files = Files::new(&report());
    assert_eq!(
        files.text(&["stats", "--by", "kind"]),
        "\
KIND      SPANS  ERRORS     P50     P95     MAX   TOTAL  TOKENS IN  OUT     COST
pipeline      2       1   1.5 s     3 s     3 s   4.5 s
agent         2       1   1.4 s   2.2 s   2.2 s   3.6 s        240   60  $0.0012
llm           2             1 s     1 s     1 s     2 s        240   60  $0.0012
tool          2          200 ms  200 ms  200 ms  400 ms
"
    );
    assert!(files.text(&["stats", "--by", "model"]).contains("gpt-4o"));
    assert!(files.text(&["stats", "--by", "error"]).contains("Timeout"));
}

#[test]
fn costs_follow_the_prices_that_are_given() {
    let files = Files::new(&report());
    let prices = files.path("prices.json");
    let costs = |prices: &str| {
        let json = files.text(&["stats", "--by", "kind", "--json", "--prices", prices]);
        let rows =
            json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let row = rows.into_iter().find(|row| row["group"] == "llm").unwrap();
        (row["cost"].clone(), row["unpriced"].clone())
    };
    fs::write(&prices, r#"{ "models": { "gpt-4o": { "input": 5000, "output": 10000 } } }"#)
        .unwrap();
    let prices = prices.to_str().unwrap();
    assert_eq!(costs(prices), (1.8.into(), 0.into()));
    assert_eq!(costs("none"), (serde_json::Value::Null, 2.into()));
    assert!(files.text(&["list", "--prices", "none"]).contains("     150     ?"));
    let missing = files.fails(&["list", "--prices", "nowhere.json"], 2);
    assert!(missing.starts_with("raaf: cannot read the prices `nowhere.json`"), "{missing}");
    fs::write(prices, "{}").unwrap();
    let wrong = files.fails(&["list", "--prices", prices], 2);
    assert!(wrong.contains("not a table of prices: missing field `models`"), "{wrong}");
}

#[test]
fn slowest_and_errors_lead_to_their_traces() {
    let files = Files::new(&report());
    let slowest = files.text(&["slowest", "-n", "1"]);
    assert!(
        slowest.ends_with("3 s  error   pipeline  Report     run     2b000000  00000000\n"),
        "{slowest}"
    );
    let errors = files.text(&["errors"]);
    assert!(errors.contains("1  Timeout  no answer"), "{errors}");
}

#[test]
fn exports_are_what_other_programs_read() {
    let files = Files::new(&report());
    let chrome: serde_json::Value =
        serde_json::from_str(&files.text(&["export", "chrome"])).unwrap();
    let events = chrome["traceEvents"].as_array().unwrap();
    assert_eq!(events.len(), 10, "two names of processes and eight spans");
    assert_eq!(events[1]["dur"], 1_500_000.0);
    let csv = files.text(&["export", "csv"]);
    assert_eq!(csv.lines().count(), 9);
    assert!(csv.lines().nth(1).unwrap().contains(",pipeline,Report,run,ok,"), "{csv}");
    let mermaid = files.text(&["export", "mermaid", "--trace", "1a"]);
    assert!(mermaid.contains("n0[\"pipeline Report<br/>1.5 s\"]:::ok"), "{mermaid}");
    let markdown = files.text(&["export", "markdown", "--trace", "2b"]);
    assert!(
        markdown.contains("  - **agent Writer** error 2.2 s: Timeout: no answer"),
        "{markdown}"
    );
    assert_eq!(files.text(&["export", "jsonl"]).lines().count(), 8);
}

#[test]
fn files_may_be_compressed_rotated_or_standard_input() {
    let text = report();
    let files = Files::new(&text);
    let listed = files.text(&["list"]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    fs::write(files.path("t.gz"), gzip.finish().unwrap()).unwrap();
    let (zip, plain) = (files.path("t.gz"), files.path("traces.jsonl"));
    assert_eq!(run(&["list", zip.to_str().unwrap()]).out, listed);
    assert_eq!(run_with_input(&["list", "-"], &text).out, listed);
    let (old, new) = text.split_at(text.find("2b000000").unwrap());
    let begin = old.rfind('\n').map_or(0, |feed| feed + 1);
    fs::write(files.path("traces.jsonl.1"), &old[..begin]).unwrap();
    fs::write(&plain, format!("{}{new}", &old[begin..])).unwrap();
    assert_eq!(files.text(&["list"]), listed);
    assert_eq!(files.text(&["list", "--alone"]).lines().count(), 2);
}

#[test]
fn damaged_lines_are_told_and_left_out() {
    let torn = format!("nonsense\n{}{{\"v\":2,", report());
    let files = Files::new(&torn);
    let outcome = files.run(&["list", "--json"]);
    assert_eq!((outcome.code, outcome.out.lines().count()), (0, 2));
    assert!(
        outcome.err.starts_with("raaf: 2 lines could not be read; the first: "),
        "{}",
        outcome.err
    );
    assert!(outcome.err.contains("traces.jsonl, byte 0: "), "{}", outcome.err);
}

#[test]
fn hostile_names_are_text() {
    let files = Files::new(&support::named("\u{1b}[2J<script>\u{202e}|evil"));
    for arguments in [
        &["list"][..],
        &["show", "last"],
        &["slowest"],
        &["search", "evil"],
        &["export", "markdown"],
        &["export", "mermaid"],
    ] {
        let out = files.text(arguments);
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{arguments:?}: {out}");
    }
    for format in ["markdown", "mermaid"] {
        assert!(!files.text(&["export", format]).contains("<script"), "{format}");
    }
}

#[test]
fn tail_shows_the_last_lines() {
    let files = Files::new(&report());
    let tail = files.text(&["tail", "-n", "1"]);
    assert!(tail.starts_with("2026-01-02 00:00:00 2b000000  error     pipeline Report"), "{tail}");
    assert_eq!(files.text(&["tail", "--json"]), report());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let files = Files::new(&report());
    let mut child =
        files.command(&["export", "jsonl"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn otlp_is_written_and_read_back() {
    let files = Files::new(&report());
    let otlp = files.text(&["export", "otlp"]);
    assert_eq!(otlp.lines().count(), 2, "a request for each trace");
    assert!(otlp.starts_with("{\"resourceSpans\":["), "{otlp}");
    fs::write(files.path("otlp.json"), &otlp).unwrap();
    let back = files.text(&["import", "otlp.json"]);
    fs::write(files.path("traces.jsonl"), back).unwrap();
    assert!(files.text(&["list"]).contains("nightly report"));
    assert!(files.text(&["show", "2b"]).contains("Agent:Writer"));
    fs::write(files.path("other.json"), "{}").unwrap();
    let wrong = files.fails(&["import", "other.json"], 2);
    assert!(
        wrong.starts_with("raaf: other.json, request 1: it has neither `resourceSpans`"),
        "{wrong}"
    );
}

#[test]
fn problems_of_a_trace_are_shown_as_what_they_are() {
    let files = Files::new(&support::broken());
    let shown = files.text(&["show", "1a"]);
    for problem in [
        "problem: span_0000000000000001 ended more than once",
        "problem: the parent of span_0000000000000007, span_0000000000000063, is missing",
        "problem: span_0000000000000003 is its own ancestor",
        "problem: span_0000000000000005 started and never ended",
        "│   └── Tool:open  +4 ms  … not ended",
    ] {
        assert!(shown.contains(problem), "{problem}\n{shown}");
    }
    for arguments in [&["list"][..], &["stats"], &["export", "chrome"], &["diff", "1a", "1a"]] {
        files.text(arguments);
    }
}

#[test]
fn what_a_killed_program_had_not_ended_is_in_the_tree_with_what_is_below() {
    let trace = r#""trace_id":"trace_1a000000000000000000000000000000""#;
    let named = r#""method":"run","workflow_name":null,"group_id":null"#;
    let start = |id: u32, parent: &str, root: bool, kind: &str, name: &str| {
        format!(
            r#"{{"v":2,"type":"span_start",{trace},"span_id":"span_000000000000000{id}","parent_id":{parent},"local_root":{root},"started_at":"2026-01-01T00:00:00.00{id}000Z","kind":"{kind}","component":"{name}",{named},"name":"run.workflow.{kind}.{name}"}}"#
        )
    };
    let lines = [
        start(1, "null", true, "pipeline", "Report"),
        start(2, "\"span_0000000000000001\"", false, "agent", "Writer"),
        format!(
            r#"{{"v":2,"type":"span",{trace},"span_id":"span_0000000000000003","parent_id":"span_0000000000000002","local_root":false,"started_at":"2026-01-01T00:00:00.003000Z","duration_ms":1.0,"status":"ok","kind":"tool","component":"search",{named},"error_type":null,"name":"run.workflow.tool.search","ended_at":"2026-01-01T00:00:00.004000Z","error_message":null,"attributes":{{}},"events":[]}}"#
        ),
    ];
    let files = Files::new(&(lines.join("\n") + "\n"));
    let expected = "\
Pipeline:Report  … not ended
└── Agent:Writer  +1 ms  … not ended
    └── Tool:search  +2 ms  1 ms  ✓ ok
problem: span_0000000000000001 started and never ended
problem: span_0000000000000002 started and never ended
";
    assert_eq!(files.text(&["show", "1a"]), expected);
}

#[test]
fn lines_of_version_1_are_read() {
    let line = r#"{"v":1,"type":"span","trace_id":"trace_1a000000000000000000000000000000","span_id":"span_0000000000000001","parent_id":null,"local_root":true,"name":"run.workflow.agent.Old","kind":"agent","component":"Old","method":"run","start":"2025-01-01T00:00:00.000000Z","end":"2025-01-01T00:00:01.000000Z","duration_ms":1000.0,"status":"ok","error":null,"attributes":{},"events":[],"trace":{"workflow_name":null,"group_id":null,"metadata":{}}}"#;
    let files = Files::new(&format!("{line}\n"));
    assert!(files.text(&["list"]).contains("Old"), "{}", files.text(&["list"]));
    assert!(files.text(&["show", "last"]).starts_with("Agent:Old  1 s  ✓ ok"));
}

#[test]
fn completions_are_for_each_shell() {
    let files = Files::new("");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = files.text(&["completions", shell]);
        assert!(text.contains("score") && text.contains("no-pager"), "{shell}");
    }
}

#[test]
fn times_are_absolute_or_before_now() {
    let files = Files::new(&report());
    for (since, count) in
        [("2026-01-02", 1), ("2026-01-01T00:00:00Z", 2), ("2000years", 2), ("0s", 0)]
    {
        assert_eq!(
            files.run(&["list", "--json", "--since", since]).out.lines().count(),
            count,
            "{since}"
        );
        let by = files.run(&["stats", "--json", "--by", "kind", "--since", since]);
        assert_eq!(by.code, i32::from(count == 0));
    }
    let wrong = files.fails(&["list", "--since", "soon"], 2);
    assert!(wrong.contains("expected a duration before now such as `2h`"), "{wrong}");
}

#[test]
fn standard_input_may_be_compressed_and_is_read_twice_where_that_is_needed() {
    let files = Files::new(&report());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(report().as_bytes()).unwrap();
    fs::write(files.path("t.gz"), gzip.finish().unwrap()).unwrap();
    for name in ["traces.jsonl", "t.gz"] {
        for arguments in
            [&["list"][..], &["show", "last"], &["export", "chrome"], &["diff", "1a", "last"]]
        {
            let mut command = files.command(&[arguments, &["-"]].concat());
            command.stdin(fs::File::open(files.path(name)).unwrap());
            let output = command.output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(text, files.run(arguments).out, "{arguments:?} of {name}");
        }
    }
}

/// Reads recorded requests of OpenAI's Agents SDK, if there are any.
#[test]
fn recordings_of_openai_s_sdk_are_read() {
    let places = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let place =
        places.map(|place| place.join("shared/fixtures/openai-traces/A.compact.official.json"));
    let Some(file) = place.into_iter().find(|place| place.is_file()) else {
        println!("skipped, there are no recordings of OpenAI's Agents SDK");
        return;
    };
    let recording: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let bodies = recording["requests"].as_array().unwrap().iter();
    let bodies = bodies.map(|request| request["body_raw"].as_str().unwrap());
    let files = Files::new("");
    fs::write(files.path("sent.json"), bodies.collect::<Vec<_>>().join("\n")).unwrap();
    let lines = files.text(&["import", "sent.json"]);
    fs::write(files.path("traces.jsonl"), &lines).unwrap();
    let listed = files.text(&["list"]);
    assert!(listed.contains("Customer service"), "{listed}");
    let shown = files.text(&["show", "last"]);
    assert!(shown.contains("Agent:") && shown.contains("Tool:"), "{shown}");
    assert!(shown.starts_with("Trace:Customer service") && !shown.contains("missing"), "{shown}");
}

#[test]
fn exported_lines_are_the_same_bytes() {
    let line = report().replace("rust", "a\u{7f}b\u{9b}c");
    let files = Files::new(&line);
    let mut lines: Vec<_> = line.lines().map(str::to_owned).collect();
    let mut out: Vec<_> = files.text(&["export", "jsonl"]).lines().map(str::to_owned).collect();
    lines.sort();
    out.sort();
    assert_eq!(out, lines);
}

/// A root can end more than once if its length was unknown at first.
#[test]
fn of_a_root_that_ended_more_than_once_the_longest_counts() {
    let one = support::with_ids(&["1a"]);
    let longer =
        one.replace("\"duration_ms\":1.0", "\"duration_ms\":30.0").replace(".001000Z", ".030000Z");
    for text in [format!("{one}{longer}"), format!("{longer}{one}")] {
        let files = Files::new(&text);
        assert!(files.text(&["list"]).contains(" 30 ms "), "{}", files.text(&["list"]));
        assert!(files.text(&["show", "1a"]).contains("  30 ms  "));
    }
}

/// The order of the spans does not matter.
#[test]
fn a_run_whose_root_has_no_name_has_that_of_another_span() {
    use support::{lines, span, trace};

    let of = |number, name| span(trace("1a"), 0, number, ("tool", name), (number, 1));
    let [root, child] = [(1, ""), (2, "search")]
        .map(|(number, name)| lines([of(number, name).workflow_name(String::new()).build()]));
    for text in [format!("{root}{child}"), format!("{child}{root}")] {
        let listed = Files::new(&text).text(&["list", "--json"]);
        assert!(listed.contains(r#""name":"search""#), "{listed}");
    }
}

#[test]
fn a_run_with_two_roots_is_listed_by_its_first_one() {
    let [one, other] = ["1a", "1a"].map(|id| support::with_ids(&[id]));
    let other = other
        .replace("span_0000000000000001", "span_0000000000000002")
        .replace("T00:00:00.000000Z", "T00:00:09.000000Z")
        .replace("\"ok\"", "\"error\"");
    for text in [format!("{one}{other}"), format!("{other}{one}")] {
        let files = Files::new(&text);
        let listed = files.text(&["list", "--json"]);
        assert!(listed.contains(r#""status":"ok""#), "{listed}");
    }
}

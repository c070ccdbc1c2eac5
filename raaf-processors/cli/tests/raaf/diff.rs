//! `diff`: two runs, and two sets of runs.

use std::fs;

use crate::support::{Files, nights, report, run_with_input};

#[test]
fn diff_of_a_run_with_itself_is_empty() {
    let files = Files::new(&report());
    assert_eq!(files.text(&["diff", "1a", "1a", "--content"]), "");
}

#[test]
fn diff_shows_what_changed() {
    let files = Files::new(&report());
    let outcome = files.run(&["diff", "1a", "2b"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(
        outcome.out,
        "\
~ pipeline Report: ok → error; no error → Timeout; 1.5 s → 3 s (2.0x)
~ pipeline Report > agent Writer: ok → error; no error → Timeout; 1.4 s → 2.2 s (1.6x)
"
    );
    assert!(files.run(&["diff", "1a", "2b", "--json"]).out.contains(r#""change":"changed""#));
}

#[test]
fn diff_of_a_set_with_itself_is_empty() {
    let files = Files::new(&nights(4, false));
    for set in ["traces.jsonl", "./traces.jsonl", ":name=report", "traces.jsonl:status=ok"] {
        assert_eq!(files.text(&["diff", "traces.jsonl", set]), "", "{set}");
    }
    let text = nights(4, false);
    assert_eq!(
        run_with_input(&["diff", "-", files.path("traces.jsonl").to_str().unwrap()], &text).code,
        0
    );
}

#[test]
fn diff_shows_what_changed_between_sets() {
    let files = Files::new(&nights(4, false));
    fs::write(files.path("new.jsonl"), nights(2, true)).unwrap();
    let outcome = files.run(&["diff", "traces.jsonl", "new.jsonl"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(
        outcome.out,
        "\
nightly report (4 → 2 runs)
  ~ error 0% → 50%; p95 1.5 s → 3 s (2.0x)
  ~ pipeline Report: error 0% → 50%; p95 1.5 s → 3 s (2.0x)
  ~ pipeline Report > agent Writer: error 0% → 50%; p95 1.4 s → 2.2 s (1.6x)
  - pipeline Report > agent Writer > tool search: spans 1 a run; p50 200 ms
  + pipeline Report > agent Writer > tool lookup: spans 1 a run; p50 200 ms
"
    );
    let json = files.run(&["diff", "traces.jsonl", "new.jsonl", "--json"]).out;
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!((&first["change"], &first["run"]), (&"changed".into(), &"nightly report".into()));
    assert_eq!((&first["before"]["count"], &first["after"]["errors"]), (&4.into(), &1.into()));
}

#[test]
fn sets_are_parts_of_a_file() {
    let files = Files::new(&report());
    // Of one run each: like the diff of the two.
    let parts = ["traces.jsonl:until=2026-01-02", ":since=2026-01-02,status=error"];
    let outcome = files.run(&["diff", parts[0], parts[1]]);
    assert_eq!((outcome.code, &*outcome.out), (1, &*files.run(&["diff", "1a", "2b"]).out));
    let of_all = files.run(&["diff", "1a", "traces.jsonl"]);
    assert!(
        of_all.out.starts_with("nightly report (1 → 2 runs)\n  ~ error 0% → 50%"),
        "{}",
        of_all.out
    );
    let none = files.fails(&["diff", ":name=other", "1a"], 2);
    assert_eq!(none, "raaf: no run is in `:name=other`; `raaf list` has the same filters\n");
    let wrong = files.fails(&["diff", ":status=bad", "1a"], 2);
    assert!(wrong.contains("invalid value 'bad' for '--status <STATUS>'"), "{wrong}");
    let missing = files.fails(&["diff", "nowhere.jsonl", "1a"], 2);
    assert!(missing.starts_with("raaf: there is no file `nowhere.jsonl`"), "{missing}");
}

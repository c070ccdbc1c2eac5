//! Runs that have paused, and may have gone on.

use raaf_trace_model::span::Status;
use serde_json::Value as Json;

use crate::support::{Files, paused};

#[test]
fn a_run_without_a_workflow_is_named_by_its_root_or_the_first_agent_below_a_runner() {
    let text = paused(Some(Status::Ok)).replace("\"workflow_name\":\"nightly report\",", "");
    let (runner, rest) = text.split_once('\n').unwrap();
    for (text, name) in [
        (text.clone(), "Writer"),
        (format!("{rest}{runner}\n"), "Writer"),
        (rest.to_owned(), "Writer"),
        (text.replace("\"kind\":\"runner\"", "\"kind\":\"pipeline\""), "Runner"),
    ] {
        let list = Files::new(&text).text(&["list"]);
        assert!(list.lines().nth(1).unwrap().contains(&format!("  {name}  ")), "{list}{text}");
    }
}

#[test]
fn a_run_that_has_paused_is_listed_as_paused_until_it_has_gone_on() {
    for (resumed, status) in [
        (None, "paused"),
        (Some(Status::Ok), "ok"),
        (Some(Status::Error), "error"),
        (Some(Status::Cancelled), "cancelled"),
        (Some(Status::Unset), "paused"),
    ] {
        let files = Files::new(&paused(resumed));
        let list = files.text(&["list"]);
        // The run lasts until the resumed part has ended.
        let duration = if resumed.is_some() { "950 ms" } else { "100 ms" };
        let row = list.lines().nth(1).unwrap();
        assert!(row.contains(&format!(" {duration}  {status} ")), "{list}");
        let found = files.text(&["list", "--status", status]);
        assert_eq!(found, list);
    }
}

/// Checks the end of a run in all commands, and the status of the paused span.
#[test]
fn the_end_of_a_run_that_went_on_is_told_beside_the_pause() {
    for (resumed, states) in [
        (None, "paused"),
        (Some(Status::Ok), "paused, then ok"),
        (Some(Status::Error), "paused, then error"),
        (Some(Status::Unset), "paused, then paused"),
    ] {
        let files = Files::new(&paused(resumed));
        let ended = states.split_once(", then ").map(|(_, ended)| ended);

        let tree = files.text(&["show", "4d"]);
        assert!(tree.lines().next().unwrap().ends_with("  ‖ paused"), "{tree}");
        assert_eq!(tree.matches("  resumed").count(), usize::from(resumed.is_some()), "{tree}");
        let told = ended.map(|ended| format!("run: {ended}, after 950 ms with pauses"));
        let last = |text: String| text.lines().last().map(str::to_owned);
        assert_eq!(last(tree).filter(|line| line.starts_with("run: ")), told);
        let markdown = files.text(&["show", "4d", "--format", "markdown"]);
        assert_eq!(
            last(markdown),
            told.map(|told| format!("> {told}"))
                .or_else(|| Some("  - **agent Writer** paused 100 ms".to_owned()))
        );

        let slowest = files.text(&["slowest", "--kind", "runner"]);
        assert!(slowest.contains(&format!("  {states}  runner")), "{slowest}");
        let found = files.text(&["search", "Runner"]);
        assert!(found.contains(&format!("  {states} 100 ms  runner Runner")), "{found}");

        for command in
            [&["slowest", "--json"][..], &["search", "--json"], &["show", "4d", "--json"]]
        {
            let lines = files.text(command);
            let lines = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
            let told: Vec<_> =
                lines.map(|line| (line["kind"] == "runner", line["run_status"].clone())).collect();
            for (is_root, status) in told {
                assert_eq!(status.as_str(), ended.filter(|_| is_root), "{command:?}");
            }
        }
    }
}

#[test]
fn what_is_shown_as_json_is_a_trace_file() {
    let files = Files::new(&paused(Some(Status::Error)));
    let shown = files.text(&["show", "4d", "--json"]);
    std::fs::write(files.path("shown.jsonl"), shown).unwrap();
    assert_eq!(files.text(&["list", "shown.jsonl"]), files.text(&["list"]));
}

#[test]
fn spans_are_found_by_each_status_that_they_have() {
    let files = Files::new(&paused(Some(Status::Cancelled)));
    let count = |status| files.run(&["search", "--status", status, "--json"]).out.lines().count();
    let statuses = ["ok", "error", "cancelled", "stale", "unset", "paused", "running"];
    assert_eq!(statuses.map(count), [0, 0, 1, 0, 0, 2, 0]);
    let files = Files::new(&crate::support::broken());
    assert!(files.text(&["search", "--status", "running"]).contains("  running   tool open"));
    let wrong = files.fails(&["search", "--status", "partial"], 2);
    assert!(
        wrong.contains("[possible values: ok, error, cancelled, stale, unset, paused, running]"),
        "{wrong}"
    );
}

/// A resumed part inside another one starts later and ends first.
#[test]
fn the_outermost_part_that_went_on_tells_how_the_run_ended() {
    let text = paused(Some(Status::Ok));
    let inner = text.lines().last().unwrap();
    let outer = inner
        .replace("span_0000000000000003", "span_0000000000000009")
        .replace("00.900000Z", "00.800000Z")
        .replace("\"duration_ms\":50.0", "\"duration_ms\":150.0")
        .replace("\"ok\"", "\"error\"");
    assert_ne!(inner, outer);
    for text in [format!("{text}{outer}\n"), format!("{outer}\n{text}")] {
        let files = Files::new(&text);
        assert!(files.text(&["list", "--status", "error"]).contains(" 950 ms  error "));
    }
}

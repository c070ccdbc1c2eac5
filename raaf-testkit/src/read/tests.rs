//! Spans are read back as written, and faults are reported with their place.

use std::{fs, io};

use raaf_trace_core::{FinishedSpan, Status, time::Rfc3339};

use super::{ReadSpans, file, json_lines};
use crate::assert_span_tree;

/// The page that describes the format.
const PAGE: &str = include_str!("../../../docs/file-format.md");

/// The line that the page shows on several.
fn shown_line() -> String {
    let block = PAGE.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let value: serde_json::Value = serde_json::from_str(block).unwrap();
    format!("{value}\n")
}

fn only(read: &ReadSpans) -> &FinishedSpan {
    assert_eq!((read.spans().len(), read.faults()), (1, &[] as &[_]));
    read.spans().iter().next().unwrap()
}

#[test]
fn the_line_that_the_page_shows_is_read_whole() {
    let read = json_lines(shown_line());
    let span = only(&read);
    assert_eq!(span.trace_id().to_string(), "trace_0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.span_id().to_string(), "span_b7ad6b7169203331");
    assert_eq!(span.parent_id().unwrap().to_string(), "span_00f067aa0ba902b7");
    assert!(!span.is_local_root());
    assert_eq!(span.name(), "run.workflow.tool.Search.lookup");
    assert_eq!((span.component_name(), span.method()), ("Search", "lookup"));
    let shown = |time| Rfc3339::new(time).to_string();
    assert_eq!(shown(span.start_time()), "2026-01-01T00:00:00.001500Z");
    assert_eq!(shown(span.end_time()), "2026-01-01T00:00:00.001750Z");
    assert_eq!(span.duration().as_nanos(), 250_000);
    let error = span.error().unwrap();
    assert_eq!((error.kind(), error.message()), ("Timeout", Some("no answer")));
    assert_eq!(error.sources().unwrap(), &serde_json::json!(["connection reset"]));
    assert!(span.attributes().get("tool.rank").is_some_and(|rank| rank == 0.5));
    let event = span.events().next().unwrap();
    assert_eq!(
        (event.name(), shown(event.time())),
        ("retry", "2026-01-01T00:00:00.001600Z".into())
    );
    assert!(event.attributes().get("attempt").is_some_and(|attempt| attempt == 2));
    assert_eq!(span.trace().workflow_name(), Some("nightly report"));
    assert_eq!(span.trace().group_id(), Some("g-1"));
    assert!(span.trace().metadata().get("team").is_some_and(|team| team == "search"));
    assert_span_tree!(read, {
        tool "Search".lookup [status = error, "error.type" = "Timeout"]
    });
}

#[test]
fn lines_of_version_1_are_read() {
    let old = concat!(
        r#"{"v":1,"type":"span","trace_id":"trace_0af7651916cd43dd8448eb211c80319c","#,
        r#""span_id":"span_b7ad6b7169203331","parent_id":"span_00f067aa0ba902b7","#,
        r#""local_root":false,"name":"run.workflow.tool.Search.lookup","kind":"tool","#,
        r#""component":"Search","method":"lookup","start":"2026-01-01T00:00:00.001500Z","#,
        r#""end":"2026-01-01T00:00:00.001750Z","duration_ms":0.25,"status":"error","#,
        r#""error":{"type":"Timeout","message":"no answer","sources":["connection reset"]},"#,
        r#""attributes":{"tool.rank":0.5},"events":[{"name":"retry","#,
        r#""time":"2026-01-01T00:00:00.001600Z","attributes":{"attempt":2}}],"links":[{"#,
        r#""trace_id":"trace_4bf92f3577b34da6a3ce929d0e0e4736","#,
        r#""span_id":"span_e457b5a2e4d86bd1","attributes":{"message":1}}],"#,
        r#""trace":{"workflow_name":"nightly report","group_id":"g-1","#,
        r#""metadata":{"team":"search"}},"lost":{"cut_values":1}}"#,
        "\n"
    );
    let (old, new) = (json_lines(old), json_lines(shown_line()));
    let line = |read: &ReadSpans| serde_json::to_string(only(read)).unwrap();
    assert_eq!(line(&old), line(&new));
}

#[test]
fn ids_are_read_without_their_prefix_too() {
    let bare = shown_line().replace(r#""trace_0"#, r#""0"#).replace(r#""span_0"#, r#""0"#);
    assert!(bare.contains(r#""trace_id":"0af7651916cd43dd8448eb211c80319c""#), "{bare}");
    let read = json_lines(bare);
    assert_eq!(only(&read).trace_id().to_string(), "trace_0af7651916cd43dd8448eb211c80319c");
    assert_eq!(only(&read).parent_id().unwrap().to_string(), "span_00f067aa0ba902b7");
}

#[test]
fn every_status_is_read() {
    for status in [Status::Unset, Status::Ok, Status::Error, Status::Cancelled, Status::Stale] {
        let line = shown_line().replace(r#""status":"error""#, &format!(r#""status":"{status}""#));
        assert_eq!(only(&json_lines(line)).status(), status);
    }
}

#[test]
fn an_error_can_be_without_its_texts() {
    let line = shown_line()
        .replace(r#""error_message":"no answer""#, r#""error_message":null"#)
        .replace(r#""error_sources":["connection reset"],"#, "");
    let read = json_lines(line);
    let error = only(&read).error().unwrap();
    assert_eq!((error.kind(), error.message(), error.sources()), ("Timeout", None, None));
}

#[test]
fn attributes_keep_their_order() {
    let given = r#""attributes":{"z":1,"a":true,"m":"x","l":[1,{"k":null}]}"#;
    let line = shown_line().replace(r#""attributes":{"tool.rank":0.5}"#, given);
    let read = json_lines(line);
    let keys: Vec<_> = only(&read).attributes().stored().iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["z", "a", "m", "l"]);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_read() {
    let good = shown_line();
    let text = [
        good.as_str(),
        "{\"v\":2,\"type\":\"span\",\"trace_id\":\"tra\n",
        &good.replace(r#""v":2"#, r#""v":3"#),
        "{\"v\":2,\"type\":\"start\",\"of\":\"a later version\"}\n",
        "\n",
        &good.replace("2026-01-01T00:00:00.001500Z", "yesterday"),
        &good.replace(r#""status":"error""#, r#""status":"great""#),
        &good.replace(r#""duration_ms":0.25"#, r#""duration_ms":-1"#),
        &good.replace(r#""kind":"tool","#, ""),
        &good.replace("span_b7ad6b7169203331", "span_1"),
        good.trim_end(),
    ]
    .concat();
    let read = json_lines([text.as_bytes(), b"\xff\n"].concat());
    assert_eq!(read.spans().len(), 1);
    let faults: Vec<_> = read.faults().iter().map(ToString::to_string).collect();
    let begins = [
        "line 2: EOF while parsing a string (column",
        "line 3: unsupported format version 3; expected 1 to 2",
        "line 5: EOF while parsing a value (column 0)",
        "line 6: invalid timestamp: `yesterday` (column",
        "line 7: unknown status `great`",
        "line 8: invalid `duration_ms`: -1",
        "line 9: missing field `kind` (column",
        "line 10: not a span id: 1 characters instead of 16 hex digits",
        "line 11: not valid UTF-8",
    ];
    assert_eq!(faults.len(), begins.len(), "{faults:#?}");
    for (fault, begin) in faults.iter().zip(begins) {
        assert!(fault.starts_with(begin), "{fault}");
    }
    let last = json_lines(good.trim_end());
    assert_eq!(last.faults()[0].to_string(), "line 1: it does not end in a line feed");
    assert_eq!((last.faults()[0].number(), last.spans().len()), (1, 0));
}

#[test]
#[should_panic(expected = "not all spans could be read:\n    line 1: EOF while parsing a value")]
fn a_test_can_ask_for_no_faults() {
    json_lines("\n").without_faults();
}

#[test]
fn a_file_is_read_and_a_missing_one_is_an_error() {
    let path = std::env::temp_dir().join(format!("raaf-testkit-{}.jsonl", std::process::id()));
    fs::write(&path, shown_line()).unwrap();
    let spans = file(&path).map(ReadSpans::without_faults);
    fs::remove_file(&path).unwrap();
    assert_eq!(spans.unwrap().len(), 1);
    assert_eq!(file(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
}

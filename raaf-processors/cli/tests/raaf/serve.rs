//! The server that `view` and `serve` run.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use crate::support::{self, Files, report};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message as _;
use ureq::{Agent, http::StatusCode};

/// A server, which ends with this.
struct Serving {
    child: Child,
    address: String,
    agent: Agent,
}

impl Serving {
    fn start(files: &Files, arguments: &[&str]) -> Self {
        let mut child = files.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_end_matches('/').to_owned();
        assert!(address.starts_with("http://127.0.0.1:"), "{line}");
        let agent = Agent::config_builder().http_status_as_error(false).build().into();
        Self { child, address, agent }
    }

    fn get(&self, path: &str) -> (StatusCode, String) {
        let mut response = self.agent.get(format!("{}{path}", self.address)).call().unwrap();
        (response.status(), response.body_mut().read_to_string().unwrap())
    }

    fn post(&self, path: &str, kind: &str, body: &[u8]) -> (StatusCode, String) {
        let request = self.agent.post(format!("{}{path}", self.address)).content_type(kind);
        let mut response = request.send(body).unwrap();
        (response.status(), response.body_mut().read_to_string().unwrap())
    }

    /// Waits until there are so many lines.
    fn lines(&self, count: usize) -> Vec<String> {
        loop {
            let (status, text) = self.get("/api/lines?after=0");
            assert_eq!(status, 200);
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            if lines.len() >= count {
                return lines;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn view_shows_a_file_and_what_is_written_to_it_meanwhile() {
    let files = Files::new(&report());
    let serving = Serving::start(&files, &["view"]);
    let (status, page) = serving.get("/");
    assert_eq!(status, 200);
    assert!(page.contains("Content-Security-Policy"));
    let lines = serving.lines(8);
    assert_eq!(lines.len(), 8);
    let mut file = fs::File::options().append(true).open(files.path("traces.jsonl")).unwrap();
    file.write_all(support::with_ids(&["3c"]).as_bytes()).unwrap();
    assert_eq!(serving.lines(9).len(), 9);
    // The file is rotated.
    fs::rename(files.path("traces.jsonl"), files.path("traces.jsonl.1")).unwrap();
    fs::write(files.path("traces.jsonl"), support::with_ids(&["4d"])).unwrap();
    assert!(serving.lines(10)[9].contains("trace_4d"));
    // With the rotated part beside it, from the start.
    let again = Serving::start(&files, &["view"]);
    assert_eq!(again.lines(10), serving.lines(10));
    let mut file = fs::File::options().append(true).open(files.path("traces.jsonl")).unwrap();
    file.write_all(support::with_ids(&["5e"]).as_bytes()).unwrap();
    assert!(again.lines(11)[10].contains("trace_5e"));
    assert_eq!(serving.post("/lines", "application/x-ndjson", b"").0, 404, "it only shows");
}

#[test]
fn serve_takes_lines_and_keeps_them() {
    let files = Files::new("");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--keep", "kept.jsonl"];
    let serving = Serving::start(&files, &serve);
    assert_eq!(serving.post("/lines", "application/x-ndjson", report().as_bytes()).0, 204);
    assert_eq!(serving.lines(8).len(), 8);
    let (status, text) = serving.post("/lines", "application/x-ndjson", b"{}\n");
    assert_eq!(status, 400);
    assert!(text.starts_with("line 1: "), "{text}");
    let mixed = report() + "{}\n";
    assert_eq!(serving.post("/lines", "application/x-ndjson", mixed.as_bytes()).0, 400);
    assert_eq!(serving.lines(8).len(), 8, "all lines of a request or none");
    drop(serving);
    assert_eq!(fs::read_to_string(files.path("kept.jsonl")).unwrap(), report());
    let again = Serving::start(&files, &serve);
    assert_eq!(again.lines(8).len(), 8);
}

#[test]
fn serve_takes_otlp_of_either_form() {
    let files = Files::new("");
    let serving = Serving::start(&files, &["serve", "--listen", "127.0.0.1:0"]);
    let span = |id: u8| Span {
        trace_id: vec![7; 16],
        span_id: vec![id; 8],
        name: "import".to_owned(),
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        ..Span::default()
    };
    let request = |id| {
        let spans = ScopeSpans { spans: vec![span(id)], ..ScopeSpans::default() };
        let resource = ResourceSpans { scope_spans: vec![spans], ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![resource] }
    };
    let body = request(1).encode_to_vec();
    assert_eq!(serving.post("/v1/traces", "application/x-protobuf", &body).0, 200);
    let body = serde_json::to_vec(&request(2)).unwrap();
    assert_eq!(
        serving.post("/v1/traces", "application/json", &body),
        (StatusCode::OK, "{}".to_owned())
    );
    let lines = serving.lines(2);
    assert!(lines.iter().all(|line| line.contains("\"component\":\"import\"")), "{lines:?}");
    assert_eq!(serving.post("/v1/traces", "text/plain", &body).0, 400);
    assert_eq!(serving.post("/v1/traces", "application/x-protobuf", b"nonsense").0, 400);
}

#[test]
fn requests_of_other_pages_are_refused() {
    let files = Files::new(&report());
    let serving = Serving::start(&files, &["view"]);
    let with = |name: &str, value: &str| {
        let request = serving.agent.get(format!("{}/api/lines", serving.address));
        request.header(name, value).call().unwrap().status()
    };
    assert_eq!(with("host", "evil.example:80"), 403);
    assert_eq!(with("origin", "https://evil.example"), 403);
    assert_eq!(with("origin", "http://203.0.113.5"), 403);
    assert_eq!(with("origin", &serving.address), 200);
    assert_eq!(with("host", "localhost:1"), 200);
}

#[test]
fn an_exported_page_has_the_traces_in_it() {
    let files = Files::new(&report());
    let page = files.text(&["export", "html"]);
    assert!(page.contains("trace_1a000000000000000000000000000000"));
    assert!(page.starts_with("<!doctype html>"));
}

#[test]
fn the_page_has_the_costs_that_list_has() {
    let files = Files::new(&report());
    let list = files.text(&["list", "--json"]);
    assert!(list.contains("\"cost\":0.0006,\"unpriced\":0"), "{list}");
    let costs = |lines: &[String]| {
        lines.iter().filter(|line| line.starts_with("{\"cost\":0.0006,")).count()
    };
    let shown = |arguments: &[&str]| costs(&Serving::start(&files, arguments).lines(8));
    assert_eq!(shown(&["view"]), 2);
    assert_eq!(shown(&["view", "--prices", "none"]), 0);
    let exported = |more: &[&str]| {
        let page = files.text(&[&["export", "html"], more].concat());
        costs(
            &page
                .lines()
                .map(|line| line.rsplit('>').next().unwrap().to_owned())
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!((exported(&[]), exported(&["--prices", "none"])), (2, 0));

    let serve = ["serve", "--listen", "127.0.0.1:0", "--keep", "kept.jsonl"];
    let serving = Serving::start(&files, &serve);
    assert_eq!(serving.post("/lines", "application/x-ndjson", report().as_bytes()).0, 204);
    assert_eq!(costs(&serving.lines(8)), 2);
    drop(serving);
    assert_eq!(fs::read_to_string(files.path("kept.jsonl")).unwrap(), report(), "kept as it came");
    assert_eq!(shown(&serve), 2);
    let free = [&serve[..], &["--prices", "none"]].concat();
    assert_eq!(shown(&free), 0);
}

#[test]
fn serve_takes_what_openai_s_sdk_sends() {
    let files = Files::new("");
    let serving = Serving::start(&files, &["serve", "--listen", "127.0.0.1:0"]);
    let body = r#"{"data":[{"object":"trace.span","id":"span_31713aa135cf4200ad578f11",
        "trace_id":"trace_6f5f50ba94314747a180a44c02365ab1","parent_id":null,
        "started_at":"2026-11-22T06:24:10+00:00","ended_at":"2026-11-22T06:24:11+00:00",
        "span_data":{"type":"agent","name":"Triage"}}]}"#;
    assert_eq!(serving.post("/v1/traces/ingest", "application/json", body.as_bytes()).0, 204);
    assert!(serving.lines(1)[0].contains("Triage"));
    // The trace comes at its start, and its spans when they end.
    let id = "trace_7f5f50ba94314747a180a44c02365ab1";
    let trace =
        format!(r#"{{"data":[{{"object":"trace","id":"{id}","workflow_name":"Support"}}]}}"#);
    assert_eq!(serving.post("/v1/traces/ingest", "application/json", trace.as_bytes()).0, 204);
    let later = body.replace("trace_6f5f50ba94314747a180a44c02365ab1", id);
    assert_eq!(serving.post("/v1/traces/ingest", "application/json", later.as_bytes()).0, 204);
    let lines = serving.lines(3);
    assert!(
        lines[1..].iter().all(|line| line.contains("\"workflow_name\":\"Support\"")),
        "{lines:?}"
    );
    assert_eq!(serving.post("/v1/traces/ingest", "application/json", b"[]").0, 400);
}

#[test]
fn what_is_kept_follows_a_line_that_a_killed_program_left() {
    let files = Files::new("");
    let torn = format!("{}{{\"v\":2,", report());
    fs::write(files.path("kept.jsonl"), &torn).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--keep", "kept.jsonl"];
    let serving = Serving::start(&files, &serve);
    let new = support::with_ids(&["3c"]);
    assert_eq!(serving.post("/lines", "application/x-ndjson", new.as_bytes()).0, 204);
    drop(serving);
    assert_eq!(fs::read_to_string(files.path("kept.jsonl")).unwrap(), format!("{torn}\n{new}"));
}

#[test]
fn spans_of_otlp_that_make_no_sense_are_reported_as_rejected() {
    let files = Files::new("");
    let serving = Serving::start(&files, &["serve", "--listen", "127.0.0.1:0"]);
    let good =
        r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"x"}"#;
    let body =
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{good},{{"name":"y"}}]}}]}}]}}"#);
    let (status, text) = serving.post("/v1/traces", "application/json", body.as_bytes());
    assert_eq!(status, 200);
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    assert!(
        answer["partialSuccess"]["errorMessage"].as_str().unwrap().starts_with("span 2: "),
        "{text}"
    );
    assert_eq!(serving.lines(1).len(), 1);
}

//! Trace files read back: what is there, what is not, and where something is broken.

#![cfg(feature = "file")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::naive_bytecount,
    clippy::similar_names,
    reason = "only tests are here"
)]

use std::{
    fs,
    io::{self, BufReader, Read},
};

use proptest::prelude::*;
use raaf_processors::{
    FileSink,
    read::{LineFault, ReadError, Record, Trace, TraceReader, TreeProblem},
};
use raaf_testkit::{Spans, read, strategy};
use raaf_trace_core::{FinishedSpan, SpanExporter as _, SpanId, TraceId, span::append_line};

fn text(spans: &[FinishedSpan]) -> Vec<u8> {
    let mut lines = Vec::new();
    for span in spans {
        append_line(span, &mut lines).unwrap();
    }
    lines
}

fn reader(text: &[u8]) -> TraceReader {
    TraceReader::new(io::Cursor::new(text.to_vec()))
}

fn id(number: u64) -> SpanId {
    SpanId::from_u64(number).unwrap()
}

/// A span with this id under that one, in a trace that all of them share.
fn span(number: u64, parent: Option<u64>) -> FinishedSpan {
    FinishedSpan::builder("tool", number.to_string())
        .trace_id(TraceId::from_u128(1).unwrap())
        .span_id(id(number))
        .parent_id(parent.map(id))
        .build()
}

/// The only trace's tree, and what is wrong with it.
fn tree(spans: &[FinishedSpan]) -> (Vec<(usize, String)>, Vec<TreeProblem>) {
    let (traces, errors) = reader(&text(spans)).traces();
    assert_eq!((traces.len(), errors.len()), (1, 0));
    let shown = traces[0].walk().map(|(depth, node)| (depth, node.component_name().to_owned()));
    (shown.collect(), traces[0].problems().to_vec())
}

fn shown(nodes: &[(usize, &str)]) -> Vec<(usize, String)> {
    nodes.iter().map(|(depth, name)| (*depth, (*name).to_owned())).collect()
}

#[test]
fn bad_lines_are_told_with_their_place_and_the_rest_is_read() {
    let good = text(&[span(1, None)]);
    let mut all = Vec::new();
    for line in [
        &good[..],
        b"{\"v\":2,\"type\":\"sp\n",
        b"\xff\xfe\n",
        b"\n",
        b"{\"v\":3,\"type\":\"span\"}\n",
        b"{\"v\":2,\"type\":\"note\",\"text\":\"of a later version\"}\n",
        &String::from_utf8_lossy(&good).replace("\"1\"", "\"\\ud800\"").into_bytes(),
        &String::from_utf8_lossy(&good).replace("\"ok\"", "\"fine\"").into_bytes(),
        &good,
        &good[..40],
    ] {
        all.extend_from_slice(line);
    }
    let (mut spans, mut faults) = (0, Vec::new());
    for record in reader(&all) {
        match record {
            Ok(Record::Span(_)) => spans += 1,
            Err(ReadError::Line { line, offset, fault, path: None }) => {
                let line_start = offset == 0 || all[offset as usize - 1] == b'\n';
                assert!(line_start, "line {line} begins at {offset}");
                faults.push((line, fault));
            }
            other => std::panic::panic_any(format!("{other:?}")),
        }
    }
    assert_eq!(spans, 2);
    let lines: Vec<_> = faults.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 5, 7, 8, 10]);
    let text: Vec<_> = faults.iter().map(|(_, fault)| fault.to_string()).collect();
    assert_eq!(text[0], "EOF while parsing a string (column 17)");
    assert_eq!(text[1], "not valid UTF-8 after byte 0");
    assert_eq!(text[2], "unsupported format version 3; expected 1 to 2");
    assert!(text[3].contains("surrogate") || text[3].contains("hex escape"), "{}", text[3]);
    assert!(text[4].starts_with("unknown status `fine`; expected `ok`"), "{}", text[4]);
    assert_eq!(faults[5].1, LineFault::Unfinished);
}

#[test]
fn an_empty_file_says_nothing() {
    assert!(reader(b"").next().is_none());
    let (traces, errors) = reader(b"").traces();
    assert!(traces.is_empty() && errors.is_empty());
}

/// Lines without an end, of which nobody should keep more than he must.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(usize::try_from(self.0).unwrap_or(usize::MAX));
        buffer[..count].fill(b'x');
        self.0 -= count as u64;
        Ok(count)
    }
}

#[test]
fn lines_that_are_too_long_are_skipped() {
    let good = text(&[span(1, None)]);
    let long =
        BufReader::new(Endless(300_000_000).chain(&b"\n"[..]).chain(io::Cursor::new(good.clone())));
    let mut records = TraceReader::new(long).max_line(good.len() - 1);
    let error = records.next().unwrap().unwrap_err();
    let limit = good.len() - 1;
    assert_eq!(error.to_string(), format!("line 1 (byte 0): it is longer than {limit} bytes"));
    assert!(matches!(records.next(), Some(Ok(Record::Span(_)))));
    assert!(records.next().is_none());
    let mut records = reader(&good).max_line(good.len() - 2);
    assert!(matches!(records.next(), Some(Err(ReadError::Line { .. }))));
    assert!(records.next().is_none());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jsonl");
    let not_found = |error: io::Error| assert_eq!(error.kind(), io::ErrorKind::NotFound);
    not_found(TraceReader::open(&path).unwrap_err());
    not_found(TraceReader::open_rotated(&path).unwrap_err());
    fs::write(&path, "x\n").unwrap();
    let error = TraceReader::open(&path).unwrap().next().unwrap().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: line 1 (byte 0): ", path.display())), "{error}");
}

#[cfg(unix)]
#[test]
fn a_directory_is_no_file_and_the_files_behind_it_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jsonl");
    fs::create_dir(directory.path().join("x.jsonl.1")).unwrap();
    fs::write(&path, text(&[span(1, None)])).unwrap();
    let records: Vec<_> = TraceReader::open_rotated(&path).unwrap().collect();
    assert!(matches!(&records[0], Err(ReadError::Io { path: Some(_), .. })));
    assert!(records[1].is_ok() && records.len() == 2);
}

#[test]
fn files_that_are_rotated_away_while_they_are_read_are_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jsonl");
    let sink = FileSink::builder(&path).max_size(1).keep(10).build();
    for number in 1..=4 {
        sink.export(&[span(number, None)]).unwrap();
    }
    let mut records = TraceReader::open_rotated(&path).unwrap();
    let mut ids = Vec::new();
    for more in 5..=20 {
        sink.export(&[span(more, None)]).unwrap();
        ids.extend(records.next().map(|record| record.unwrap().into_span().unwrap().span_id()));
    }
    assert_eq!(ids, [id(1), id(2), id(3), id(4)]);
}

#[test]
fn children_that_come_first_find_their_parents() {
    let found = tree(&[span(3, Some(2)), span(4, Some(2)), span(2, Some(1)), span(1, None)]);
    assert_eq!(found, (shown(&[(0, "1"), (1, "2"), (2, "3"), (2, "4")]), vec![]));
}

#[test]
fn spans_without_their_parents_stand_beside_the_root() {
    let (nodes, problems) = tree(&[span(1, None), span(3, Some(2))]);
    assert_eq!(nodes, shown(&[(0, "1"), (0, "3")]));
    assert_eq!(problems, [TreeProblem::MissingParent { span: id(3), parent: id(2) }]);
}

#[test]
fn a_root_that_is_not_there_is_told() {
    let (nodes, problems) = tree(&[span(3, Some(2)), span(2, Some(1))]);
    assert_eq!(nodes, shown(&[(0, "2"), (1, "3")]));
    let missing = TreeProblem::MissingParent { span: id(2), parent: id(1) };
    assert_eq!(problems, [missing, TreeProblem::MissingRoot]);
}

#[test]
fn a_part_of_a_trace_of_another_process_is_whole() {
    let entry = FinishedSpan::builder("tool", "entry")
        .trace_id(TraceId::from_u128(1).unwrap())
        .span_id(id(2))
        .parent_id(id(1))
        .local_root(true)
        .build();
    let (nodes, problems) = tree(&[span(3, Some(2)), entry]);
    assert_eq!((nodes, problems), (shown(&[(0, "entry"), (1, "3")]), vec![]));
}

#[test]
fn ids_that_come_twice_are_told_and_the_first_is_used() {
    let other = FinishedSpan::builder("tool", "other").child_of(&span(1, None)).span_id(id(2));
    let (nodes, problems) = tree(&[span(2, Some(1)), other.build(), span(1, None)]);
    assert_eq!(nodes, shown(&[(0, "1"), (1, "2")]));
    assert_eq!(problems, [TreeProblem::Duplicate { span: id(2) }]);
}

#[test]
fn spans_inside_of_themselves_do_not_hang_the_reader() {
    let (nodes, problems) =
        tree(&[span(2, Some(3)), span(3, Some(2)), span(4, Some(4)), span(1, None)]);
    assert_eq!(nodes, shown(&[(0, "2"), (1, "3"), (0, "4"), (0, "1")]));
    let expected = [2, 4].map(|number| TreeProblem::Loop { span: id(number) });
    assert_eq!(problems, expected);
}

#[test]
fn what_has_started_and_not_ended_is_told() {
    let mut lines = Vec::new();
    let start = FinishedSpan::builder("agent", "Started").build().started();
    append_line(&start, &mut lines).unwrap();
    let ended = FinishedSpan::builder("tool", "Ended")
        .trace_id(start.trace_id())
        .parent_id(start.span_id())
        .build();
    lines.extend(text(&[ended]));
    let (traces, errors) = reader(&lines).traces();
    assert!(errors.is_empty());
    let running: Vec<_> = traces[0].running().collect();
    assert_eq!(running.len(), 1);
    assert_eq!((running[0].kind().as_str(), running[0].method()), ("agent", "run"));
    assert_eq!(running[0].name(), start.name());
    let micros = start.start_time().duration_since(running[0].start_time()).unwrap().as_micros();
    assert_eq!(micros, 0);
    assert_eq!(traces[0].problems(), [TreeProblem::NeverEnded { span: start.span_id() }]);
    let children: Vec<_> = traces[0].children_of(start.span_id()).collect();
    assert!(children.len() == 1 && children[0].component_name() == "Ended");
}

#[test]
fn traces_come_in_the_order_in_which_the_file_speaks_of_them() {
    let spans = ["a", "b", "c"].map(|name| FinishedSpan::builder("agent", name).build());
    let (traces, _) = reader(&text(&spans)).traces();
    let names: Vec<_> = traces.iter().flat_map(Trace::top).map(Record::component_name).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn any_trace_comes_back_as_the_tree_that_it_was(tree in strategy::tree()) {
        let spans = tree.build();
        let (traces, errors) = reader(&text(&spans)).traces();
        prop_assert!(errors.is_empty());
        prop_assert_eq!(traces.len(), 1);
        prop_assert_eq!(traces[0].problems(), &[]);
        prop_assert_eq!(traces[0].walk().count(), spans.len());
        // Those that start in the same microsecond keep the order in which they are given.
        let by_id = |mut spans: Vec<FinishedSpan>| {
            spans.sort_by_key(FinishedSpan::span_id);
            Spans::new(spans).to_string()
        };
        let expected = read::json_lines(&*text(&spans));
        prop_assert_eq!(
            by_id(traces[0].ended().cloned().collect()),
            by_id(expected.as_written().to_vec())
        );
    }

    #[test]
    fn no_text_harms_the_reader(text in prop::collection::vec(any::<u8>(), 0..400)) {
        let lines = text.split(|byte| *byte == b'\n').count();
        prop_assert!(reader(&text).count() <= lines);
    }

    #[test]
    fn a_file_that_ends_anywhere_is_read_up_to_there(tree in strategy::tree(), end in any::<prop::sample::Index>()) {
        let text = text(&tree.build());
        let end = end.index(text.len());
        let whole = text[..end].iter().filter(|byte| **byte == b'\n').count();
        let (good, bad): (Vec<_>, Vec<_>) = reader(&text[..end]).partition(Result::is_ok);
        prop_assert_eq!((good.len(), bad.len()), (whole, usize::from(end > 0 && text[end - 1] != b'\n')));
    }
}

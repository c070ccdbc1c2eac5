//! The cases of W3C's test suite for trace context, levels 1 and 2: a service that gets these headers
//! and sends a request.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use raaf_trace_core::{
    Context, MemoryExporter, TracerProvider,
    propagation::{self, TraceParent, TraceState},
};

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-00";

/// Context of the request that the service sends, and its `tracestate`.
fn sent(headers: &[(&str, &str)]) -> (TraceParent, TraceState) {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    let mut outgoing: Vec<(String, String)> = Vec::new();
    let request = provider.tracer().span("request").parent(Context::extract(&headers));
    request.in_span(|| Context::current().inject(&mut outgoing));
    propagation::extract(&outgoing).unwrap().unwrap()
}

fn is_joined(name: &str, value: &str) -> bool {
    let (parent, _) = sent(&[(name, value)]);
    assert_ne!(parent.span_id.hex().as_str(), "1234567890123456");
    parent.trace_id.hex().as_str() == TRACE
}

/// The `tracestate` that is sent when these lines come.
fn state(lines: &[&str]) -> TraceState {
    let lines = lines.iter().map(|line| ("tracestate", *line));
    let headers: Vec<_> = [("traceparent", PARENT)].into_iter().chain(lines).collect();
    let (parent, state) = sent(&headers);
    assert_eq!(parent.trace_id.hex().as_str(), TRACE);
    state
}

#[test]
fn p3_a_valid_traceparent_is_joined_whatever_the_case_of_its_name() {
    for name in ["traceparent", "TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        assert!(is_joined(name, PARENT), "{name}");
    }
    for name in ["trace-parent", "trace.parent"] {
        assert!(!is_joined(name, PARENT), "{name}");
    }
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        assert!(is_joined("traceparent", &format!("{before}{PARENT}{after}")));
    }
    for version in ["cc-", "cc-what-the-future-will-be-like"] {
        let (version, rest) = version.split_at(2);
        let rest = if rest == "-" { "" } else { rest };
        assert!(is_joined("traceparent", &format!("{version}{}{rest}", &PARENT[2..])));
    }
}

#[test]
fn p3_an_invalid_traceparent_begins_a_trace() {
    for value in [
        "00-12345678901234567890123456789012-1234567890123456-01.",
        "00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        "cc-12345678901234567890123456789012-1234567890123456-01.what-the-future-will-be-like",
        "ff-12345678901234567890123456789012-1234567890123456-01",
        ".0-12345678901234567890123456789012-1234567890123456-01",
        "0.-12345678901234567890123456789012-1234567890123456-01",
        "000-12345678901234567890123456789012-1234567890123456-01",
        "0000-12345678901234567890123456789012-1234567890123456-01",
        "0-12345678901234567890123456789012-1234567890123456-01",
        "00-00000000000000000000000000000000-1234567890123456-01",
        "00-.2345678901234567890123456789012-1234567890123456-01",
        "00-1234567890123456789012345678901.-1234567890123456-01",
        "00-123456789012345678901234567890123-1234567890123456-01",
        "00-1234567890123456789012345678901-1234567890123456-01",
        "00-12345678901234567890123456789012-0000000000000000-01",
        "00-12345678901234567890123456789012-.234567890123456-01",
        "00-12345678901234567890123456789012-123456789012345.-01",
        "00-12345678901234567890123456789012-12345678901234567-01",
        "00-12345678901234567890123456789012-123456789012345-01",
        "00-12345678901234567890123456789012-1234567890123456-.0",
        "00-12345678901234567890123456789012-1234567890123456-0.",
        "00-12345678901234567890123456789012-1234567890123456-001",
        "00-12345678901234567890123456789012-1234567890123456-1",
    ] {
        assert!(!is_joined("traceparent", value), "{value}");
    }
    let (parent, _) = sent(&[("traceparent", PARENT), ("traceparent", PARENT)]);
    assert_ne!(parent.trace_id.hex().as_str(), TRACE, "two lines are none");
}

#[test]
fn p3_the_random_flag_goes_on() {
    let (parent, _) = sent(&[("traceparent", &PARENT.replace("-00", "-02"))]);
    assert_eq!(parent.flags.to_u8() & 2, 2);
    assert_eq!(parent.trace_id.hex().as_str(), TRACE);
}

#[test]
fn p3_a_valid_tracestate_goes_on_in_order() {
    let letters: String = ('a'..='z').chain('0'..='9').chain("_-*/".chars()).collect();
    let vendor = format!("{letters}@a-z0-9_-*/");
    let value: String = (' '..='~').filter(|character| ![',', '='].contains(character)).collect();
    for key in [letters, vendor, "foo@".into(), "foo@@bar".into(), "foo@bar@baz".into()] {
        assert_eq!(state(&[&format!("{key}={value}")]).get(&key), Some(&*value), "{key}");
    }
    for (lines, expected) in [
        (&["foo=1,bar=2"][..], "foo=1,bar=2"),
        (&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
        (&[""], ""),
        (&["foo=1", ""], "foo=1"),
        (&["", "foo=1"], "foo=1"),
        (&["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3"),
        (&["\t foo=1 \t"], "foo=1"),
        (&["foo=1,foo=1"], "foo=1"),
        (&["foo=1", "foo=2"], "foo=1"),
    ] {
        assert_eq!(state(lines).to_string(), expected, "{lines:?}");
    }
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        assert_eq!(sent(&[("traceparent", PARENT), (name, "foo=1")]).1.get("foo"), Some("1"));
    }
    for name in ["trace-state", "trace.state"] {
        assert!(sent(&[("traceparent", PARENT), (name, "foo=1")]).1.is_empty(), "{name}");
    }
    assert!(sent(&[("tracestate", "foo=1")]).1.is_empty(), "without a traceparent");
}

#[test]
fn p3_one_bad_member_discards_the_tracestate() {
    for line in ["foo =1", "FOO=1", "foo.bar=1", "@foo=1,bar=2", "foo=bar=baz", "foo=,bar=3"] {
        assert!(state(&[line]).is_empty(), "{line}");
    }
}

#[test]
fn p3_the_limits_of_tracestate_are_exact() {
    let members = |numbers: std::ops::RangeInclusive<u32>| -> String {
        numbers.map(|n| format!("bar{n:02}={n:02}")).collect::<Vec<_>>().join(",")
    };
    let (tens, rest) = ([members(1..=10), members(11..=20), members(21..=30)], members(31..=32));
    let lines: Vec<&str> = tens.iter().map(String::as_str).collect();
    let all = state(&[&lines[..], &[&rest]].concat());
    assert_eq!((all.len(), all.get("bar01")), (32, Some("01")));
    assert!(state(&[&lines[..], &[&members(31..=33)]].concat()).is_empty());

    let key = |parts: &[(char, usize)]| -> String {
        let parts = parts.iter().map(|(letter, times)| letter.to_string().repeat(*times));
        parts.collect::<Vec<_>>().concat()
    };
    for key in [
        key(&[('z', 256)]),
        key(&[('t', 241), ('@', 1), ('v', 14)]),
        key(&[('t', 242), ('@', 1), ('v', 1)]),
        key(&[('t', 1), ('@', 1), ('v', 15)]),
    ] {
        let state = state(&["foo=1", &format!("{key}=1")]);
        assert_eq!((state.get("foo"), state.get(&key)), (Some("1"), Some("1")), "{key}");
    }
    assert!(state(&["foo=1", &format!("{}=1", "z".repeat(257))]).is_empty());
}

//! A built span says what it was told, as a span that ran would.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use raaf_trace_core::{
    FinishedSpan, MemoryExporter, SpanId, Status, TraceId, propagation::TraceState, time::Rfc3339,
};

#[test]
fn a_span_that_is_told_nothing_is_a_root_that_ended_well() {
    let span = FinishedSpan::builder("agent", "Planner").build();
    assert_eq!(span.name(), "run.workflow.agent.Planner");
    assert_eq!((span.kind().as_str(), span.method()), ("agent", "run"));
    assert_eq!((span.parent_id(), span.is_local_root()), (None, true));
    assert_eq!((span.status(), span.error()), (Status::Ok, None));
    assert_eq!(Rfc3339::new(span.start_time()).to_string(), "2026-01-01T00:00:00.000000Z");
    assert_eq!(span.duration(), Duration::from_millis(1));
    assert_eq!((span.attributes().stored().len(), span.events().len()), (0, 0));
    assert!(span.attributes().get("success").is_some_and(|success| success == true));
    let other = FinishedSpan::builder("agent", "Planner").build();
    assert_ne!((span.trace_id(), span.span_id()), (other.trace_id(), other.span_id()));
}

#[test]
fn a_span_says_all_it_was_told() {
    let (trace, id) = (TraceId::from_u128(7).unwrap(), SpanId::from_u64(8).unwrap());
    let start = UNIX_EPOCH + Duration::from_nanos(1_000_000_001);
    let at = start + Duration::from_nanos(5);
    let span = FinishedSpan::builder("tool", "Search")
        .trace_id(trace)
        .span_id(id)
        .parent_id(SpanId::from_u64(9))
        .local_root(true)
        .method("lookup")
        .name("a name")
        .start(start)
        .end(start + Duration::from_nanos(11))
        .attribute("api_key", "kept as it is")
        .attributes(|attributes| {
            attributes.set("long", "x".repeat(200_000)).set("error.type", "ignored");
        })
        .event("retry", at, |attributes| {
            attributes.set("attempt", 2);
        })
        .dropped_events(3)
        .error("io::Error", "no answer")
        .error_sources(["reset", "by peer"])
        .workflow_name("nightly")
        .group_id("g-1")
        .metadata("team", "search")
        .trace_state(TraceState::parse("a=1"))
        .build();
    assert_eq!((span.trace_id(), span.span_id()), (trace, id));
    assert_eq!((span.parent_id(), span.is_local_root()), (SpanId::from_u64(9), true));
    assert_eq!((span.kind().as_str(), span.component_name()), ("tool", "Search"));
    assert_eq!((&*span.name(), span.method()), ("a name", "lookup"));
    assert_eq!((span.start_time(), span.duration()), (start, Duration::from_nanos(11)));
    assert_eq!(span.end_time(), start + Duration::from_nanos(11));
    let attributes = span.attributes();
    assert!(attributes.get("api_key").is_some_and(|value| value == "kept as it is"));
    assert!(attributes.get("long").is_some_and(|value| value.to_string().len() == 200_000));
    assert_eq!(span.losses().reserved_ignored, 1);
    let event = span.events().next().unwrap();
    assert_eq!((event.name(), event.time(), span.dropped_events()), ("retry", at, 3));
    assert!(event.attributes().get("attempt").is_some_and(|attempt| attempt == 2));
    let error = span.error().unwrap();
    assert_eq!((error.kind(), error.message()), ("io::Error", Some("no answer")));
    assert_eq!(error.sources(), Some(&json!(["reset", "by peer"])));
    let info = span.trace();
    assert_eq!((info.workflow_name(), info.group_id()), (Some("nightly"), Some("g-1")));
    assert!(info.metadata().get("team").is_some_and(|team| team == "search"));
    assert_eq!(span.trace_state().get("a"), Some("1"));
}

#[test]
fn a_child_is_part_of_its_parents_trace() {
    let parent = FinishedSpan::builder("pipeline", "P").workflow_name("w").metadata("k", 1).build();
    let child = FinishedSpan::builder("agent", "A").child_of(&parent).build();
    assert_eq!(child.trace_id(), parent.trace_id());
    assert_eq!((child.parent_id(), child.is_local_root()), (Some(parent.span_id()), false));
    assert_eq!(child.trace().workflow_name(), Some("w"));
    assert_eq!(child.trace().metadata().len(), 1);
}

#[test]
fn a_built_span_knows_the_root_that_it_was_given() {
    let root = FinishedSpan::builder("pipeline", "P").build();
    let child = FinishedSpan::builder("agent", "A").child_of(&root).build();
    let grandchild = FinishedSpan::builder("tool", "T").child_of(&child).build();
    for span in [&root, &child, &grandchild] {
        let known = span.local_root().unwrap();
        assert_eq!((known.span_id(), known.component_name()), (root.span_id(), "P"));
        assert!(known.is_root() && *known.kind() == "pipeline");
    }
    let orphan = FinishedSpan::builder("tool", "T").parent_id(SpanId::random());
    assert_eq!(orphan.clone().build().local_root(), None);
    assert!(!orphan.local_root(true).build().local_root().unwrap().is_root());
}

#[test]
fn an_error_can_be_without_its_text() {
    let span = FinishedSpan::builder("tool", "T").error_type("Timeout").build();
    assert_eq!(span.status(), Status::Error);
    assert_eq!(span.error().map(|error| (error.kind(), error.message())), Some(("Timeout", None)));
    let cancelled = FinishedSpan::builder("tool", "T").status(Status::Cancelled).build();
    assert_eq!((cancelled.status(), cancelled.error()), (Status::Cancelled, None));
}

#[test]
fn an_end_before_the_start_is_at_the_start() {
    let span = FinishedSpan::builder("tool", "T").end(UNIX_EPOCH).build();
    assert_eq!(span.duration(), Duration::ZERO);
    assert_eq!(span.start_time(), span.end_time());
}

#[test]
fn sinks_take_built_spans_like_others() {
    use raaf_trace_core::{SpanExporter as _, SpanProcessor as _};

    let memory = MemoryExporter::new();
    let processor = raaf_trace_core::sink::BatchProcessor::new(memory.clone());
    let span = FinishedSpan::builder("agent", "Planner").build();
    processor.on_end(&span);
    processor.on_end_owned(span.clone());
    processor.shutdown(Duration::from_secs(60)).unwrap();
    memory.export(std::slice::from_ref(&span)).unwrap();
    assert_eq!(memory.len(), 3);
    assert!(memory.spans().iter().all(|kept| kept.span_id() == span.span_id()));
}

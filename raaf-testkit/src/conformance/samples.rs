//! Spans that sinks are given.

use std::time::{Duration, UNIX_EPOCH};

use raaf_trace_core::{FinishedSpan, Kind, SpanId, Status};
use serde_json::{Value as Json, json};

use crate::{build, hostile};

/// Describes the facts that a delivered span must keep.
pub(super) fn described(span: &FinishedSpan) -> String {
    let parent = span.parent_id().map(|parent| parent.to_string());
    let error = span.error().map(|error| (error.kind(), error.message()));
    format!(
        "{} {} in {} under {parent:?}: {:?} {:?}.{:?} {} {error:?}",
        span.span_id(),
        if span.is_local_root() { "(local root)" } else { "(child)" },
        span.trace_id(),
        span.kind().as_str(),
        span.component_name(),
        span.method(),
        span.status(),
    )
}

/// Returns `count` spans that ended one after another, in traces of five.
pub(super) fn plain(count: usize) -> Vec<FinishedSpan> {
    others(0, count)
}

/// Returns spans like those of [`plain`], different for each `set`.
pub(super) fn others(set: u32, count: usize) -> Vec<FinishedSpan> {
    let traces = (set * 100_000 + 1..).flat_map(|number| {
        let tools = (0..3).map(|tool| build::tool(format!("tool {tool}")).attribute("rank", tool));
        let agent = build::agent("Planner").children(tools);
        build::pipeline("Import").child(agent).numbered(number).build()
    });
    traces.take(count).collect()
}

/// Text and values that have broken sinks.
pub(super) fn hostile() -> Vec<FinishedSpan> {
    let texts = hostile::TEXTS.iter().map(|text| (*text).to_owned());
    let texts = texts.chain(["long ".repeat(20_000), "\u{1F600}".repeat(5_000)]);
    let mut spans: Vec<_> = texts
        .map(|text| {
            FinishedSpan::builder(text.clone(), &text)
                .method(text.clone())
                .name(text.clone())
                .attribute(text.clone(), text.as_str())
                .event(text.clone(), UNIX_EPOCH, |attributes| {
                    attributes.set(text.clone(), text.as_str());
                })
                .error(text.clone(), text.clone())
                .error_sources([text.clone()])
                .workflow_name(text.clone())
                .group_id(text.clone())
                .metadata(text.clone(), text.as_str())
                .build()
        })
        .collect();
    let nested = (0..60).fold(Json::Null, |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({ "\u{1b}\"": inner }),
    });
    let mut full = FinishedSpan::builder("tool", "full")
        .attribute("nested", nested)
        .attribute("not a number", f64::NAN)
        .attribute("infinite", f64::NEG_INFINITY)
        .attribute("largest", u64::MAX)
        .attribute("smallest", i64::MIN)
        .attribute("null", Json::Null)
        .attribute("wide", vec![0_u8; 20_000]);
    for number in 0..500 {
        full = full.attribute(format!("key {number}"), number);
    }
    spans.push(full.build());
    spans
}

/// Every form that a span can have.
pub(super) fn shapes() -> Vec<FinishedSpan> {
    let statuses = [Status::Unset, Status::Ok, Status::Error, Status::Cancelled, Status::Stale];
    let kinds = Kind::KNOWN.iter().cloned().chain([Kind::from("processor")]);
    let mut spans: Vec<_> = kinds
        .zip(statuses.into_iter().cycle())
        .map(|(kind, status)| FinishedSpan::builder(kind, "component").status(status).build())
        .collect();
    let at = |nanos| UNIX_EPOCH + Duration::from_nanos(nanos);
    spans.extend([
        FinishedSpan::builder("tool", "").method("").name("").build(),
        FinishedSpan::builder("tool", "no time at all").lasting(Duration::ZERO).build(),
        FinishedSpan::builder("tool", "long")
            .lasting(Duration::from_secs(10 * 366 * 86_400))
            .build(),
        FinishedSpan::builder("tool", "at the epoch").start(UNIX_EPOCH).build(),
        FinishedSpan::builder("tool", "before it")
            .start(UNIX_EPOCH - Duration::from_secs(1))
            .build(),
        FinishedSpan::builder("tool", "orphan").parent_id(SpanId::random()).build(),
        FinishedSpan::builder("tool", "remote")
            .parent_id(SpanId::random())
            .local_root(true)
            .build(),
        FinishedSpan::builder("tool", "without a message").error_type("Timeout").build(),
        FinishedSpan::builder("tool", "with causes")
            .error("E", "m")
            .error_sources(["a", "b"])
            .build(),
        FinishedSpan::builder("tool", "events")
            .event("early", at(0), |_| {})
            .event("late", at(u64::MAX), |attributes| {
                attributes.set("json", json!({"a": [1, {}]}));
            })
            .dropped_events(7)
            .build(),
    ]);
    let parent = spans[0].clone();
    spans.push(FinishedSpan::builder("tool", "child of another trace").child_of(&parent).build());
    spans
}

//! `slowest`: the spans that took longest.

use std::{cmp::Reverse, time::Duration};

use raaf_trace_model::{
    id::{SpanId, TraceId},
    span::Status,
    time::Timestamp,
};
use serde::Serialize;

use super::Found;
use crate::{
    args::Slowest,
    input::{Facts, Scan},
    print::{self, Printer},
};

#[derive(Debug)]
struct Slow {
    duration: Duration,
    trace: TraceId,
    span: SpanId,
    start: Timestamp,
    kind: String,
    component: String,
    method: String,
    status: Status,
}

#[derive(Serialize)]
struct Shown<'a> {
    trace_id: TraceId,
    span_id: SpanId,
    kind: &'a str,
    component: &'a str,
    method: &'a str,
    status: &'a str,
    started_at: Timestamp,
    duration_ms: f64,
}

/// Keeps the slowest spans, slowest first.
fn keep(spans: &mut Vec<Slow>, most: usize) {
    spans.sort_unstable_by_key(|one| (Reverse(one.duration), one.start, one.span));
    spans.truncate(most);
}

pub(super) fn run(slowest: &Slowest, printer: &mut Printer) -> anyhow::Result<Found> {
    let input = slowest.files.input()?;
    let (parts, faults) = Scan::of(&input).lines(Vec::new, |kept: &mut Vec<Slow>, line| {
        if let Some(facts) = Facts::read(line)?
            && let (Some(end), Some(trace), Some(span), Some(start)) =
                (facts.end, facts.trace, facts.span, facts.start)
            && slowest.period.contains(start.into())
            && slowest.kind.as_ref().is_none_or(|kind| facts.kind == *kind)
        {
            let (kind, component) = (facts.kind.into_owned(), facts.component.into_owned());
            let (duration, status, method) = (end.duration, end.status, facts.method.into_owned());
            kept.push(Slow { duration, trace, span, start, kind, component, method, status });
            if kept.len() >= 2 * slowest.limit + 1_000 {
                keep(kept, slowest.limit);
            }
        }
        Ok(())
    })?;
    let mut spans: Vec<_> = parts.into_iter().flatten().collect();
    keep(&mut spans, slowest.limit);
    if printer.json {
        for slow in &spans {
            printer.object(&Shown {
                trace_id: slow.trace,
                span_id: slow.span,
                kind: &slow.kind,
                component: &slow.component,
                method: &slow.method,
                status: slow.status.as_str(),
                started_at: slow.start,
                duration_ms: slow.duration.as_secs_f64() * 1e3,
            })?;
        }
    } else if !spans.is_empty() {
        let head = ["DURATION", "STATUS", "KIND", "COMPONENT", "METHOD", "TRACE", "SPAN"];
        let rows = spans.iter().map(|slow| {
            [
                print::duration(slow.duration),
                slow.status.to_string(),
                print::name(&slow.kind),
                print::name(&slow.component),
                print::name(&slow.method),
                slow.trace.hex()[..8].to_owned(),
                slow.span.hex()[..8].to_owned(),
            ]
        });
        printer.table(head, &[0], rows)?;
    }
    printer.tell(&faults);
    Ok(Found::any(!spans.is_empty()))
}

//! `slowest`: the spans that took longest.

use std::cmp::Reverse;

use raaf_trace_model::{
    id::{SpanId, TraceId},
    time::Timestamp,
};
use serde::Serialize;

use super::Found;
use crate::{
    args::Slowest,
    input::{End, Facts, Scan},
    print::{self, Printer},
    state::{ResumedRuns, State},
};

#[derive(Debug)]
struct Slow {
    end: End,
    is_root: bool,
    trace: TraceId,
    span: SpanId,
    start: Timestamp,
    kind: String,
    component: String,
    method: String,
}

/// The slowest spans, and resumed parts of all runs.
#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Slow>,
    resumed: ResumedRuns,
}

#[derive(Serialize)]
struct Shown<'a> {
    trace_id: TraceId,
    span_id: SpanId,
    kind: &'a str,
    component: &'a str,
    method: &'a str,
    status: State,
    /// State of the run, for a root that paused and whose run went on.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_status: Option<State>,
    started_at: Timestamp,
    duration_ms: f64,
}

/// Keeps the slowest spans, slowest first.
fn keep(spans: &mut Vec<Slow>, most: usize) {
    spans.sort_unstable_by_key(|one| (Reverse(one.end.duration), one.start, one.span));
    spans.truncate(most);
}

pub(super) fn run(slowest: &Slowest, printer: &mut Printer) -> anyhow::Result<Found> {
    let input = slowest.files.input()?;
    let (parts, faults) = Scan::of(&input).lines(Kept::default, |kept, line| {
        let Some(facts) = Facts::read(line)? else { return Ok(()) };
        kept.resumed.add(&facts);
        if let (Some(end), Some(trace), Some(span), Some(start)) =
            (facts.end, facts.trace, facts.span, facts.start)
            && slowest.period.contains(start.into())
            && slowest.kind.as_ref().is_none_or(|kind| facts.kind == *kind)
        {
            let (kind, component) = (facts.kind.into_owned(), facts.component.into_owned());
            let (is_root, method) = (facts.parent.is_none(), facts.method.into_owned());
            let spans = &mut kept.spans;
            spans.push(Slow { end, is_root, trace, span, start, kind, component, method });
            if spans.len() >= slowest.limit.saturating_add(500).saturating_mul(2) {
                keep(spans, slowest.limit);
            }
        }
        Ok(())
    })?;
    let Kept { mut spans, mut resumed } = Kept::default();
    for mut part in parts {
        spans.append(&mut part.spans);
        resumed.merge(part.resumed);
    }
    keep(&mut spans, slowest.limit);
    let went_on = |slow: &Slow| {
        let ended = slow.start.after(slow.end.duration);
        slow.is_root.then(|| resumed.state_after(slow.trace, ended)).flatten()
    };
    if printer.json {
        for slow in &spans {
            printer.object(&Shown {
                trace_id: slow.trace,
                span_id: slow.span,
                kind: &slow.kind,
                component: &slow.component,
                method: &slow.method,
                status: State::of(Some(slow.end)),
                run_status: went_on(slow),
                started_at: slow.start,
                duration_ms: slow.end.duration.as_secs_f64() * 1e3,
            })?;
        }
    } else if !spans.is_empty() {
        let head = ["DURATION", "STATUS", "KIND", "COMPONENT", "METHOD", "TRACE", "SPAN"];
        let rows = spans.iter().map(|slow| {
            [
                print::duration(slow.end.duration),
                print::states(State::of(Some(slow.end)), went_on(slow)),
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

//! `list`: runs, newest first.

use raaf_trace_model::{id::TraceId, time::Timestamp};
use serde::Serialize;

use super::Found;
use crate::{
    args::List,
    print::{self, Printer},
    run::runs,
    state::State,
};

#[derive(Serialize)]
struct Shown<'a> {
    trace_id: TraceId,
    started_at: Timestamp,
    name: &'a str,
    group_id: Option<&'a str>,
    duration_ms: f64,
    status: State,
    spans: u64,
    errors: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// In US dollars; null if that of no call is known.
    cost: Option<f64>,
    /// Model calls whose cost is unknown.
    unpriced: u64,
}

pub(super) fn run(list: &List, printer: &mut Printer) -> anyhow::Result<Found> {
    let (runs, faults) = runs(&list.files.input()?)?;
    let limit = if list.all { usize::MAX } else { list.limit };
    let shown: Vec<_> = runs.iter().filter(|run| list.filter.fits(run)).take(limit).collect();
    if printer.json {
        for run in &shown {
            printer.object(&Shown {
                trace_id: run.trace,
                started_at: run.start,
                name: &run.name,
                group_id: run.group.as_deref(),
                duration_ms: run.duration().as_secs_f64() * 1e3,
                status: run.state(),
                spans: run.spans,
                errors: run.errors,
                input_tokens: run.tokens.input,
                output_tokens: run.tokens.output,
                cost: run.cost.usd(),
                unpriced: run.cost.unknown_calls(),
            })?;
        }
    } else if !shown.is_empty() {
        let head = [
            "STARTED (UTC)",
            "TRACE",
            "NAME",
            "DURATION",
            "STATUS",
            "SPANS",
            "ERRORS",
            "TOKENS",
            "COST",
        ];
        let rows = shown.iter().map(|run| {
            [
                print::time(run.start_time()),
                run.trace.hex()[..8].to_owned(),
                print::name(&run.name),
                print::duration(run.duration()),
                run.state().as_str().to_owned(),
                run.spans.to_string(),
                print::count(run.errors),
                print::count(run.tokens.sum()),
                run.cost.to_string(),
            ]
        });
        printer.table(head, &[3, 5, 6, 7, 8], rows)?;
    }
    printer.tell(&faults);
    Ok(Found::any(!shown.is_empty()))
}

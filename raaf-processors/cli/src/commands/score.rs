//! `score`: appends the score of a span.

use std::{collections::BTreeMap, slice, time::SystemTime};

use anyhow::{Context as _, bail};
use raaf_processors::FileSink;
use raaf_trace_model::{
    escape::Escaped,
    id::{SpanId, TraceId},
    propagation::SpanContext,
    sink::SpanExporter as _,
    span::{FinishedSpan, Score},
};

use super::Found;
use crate::{
    args,
    input::{Facts, Input, Scan},
    print::Printer,
    score::{KIND, Scored},
    trace::prefix,
};

pub(super) fn run(args: &args::Score, printer: &mut Printer) -> anyhow::Result<Found> {
    let path = slice::from_ref(&args.file);
    if Input::find(path, true)?.single().is_none() {
        bail!(
            "`{}` is compressed or standard input; scores are appended to plain files",
            args.file.display()
        );
    }
    let (trace, span, title) = find(args, printer)?;
    let mut score = Score::new(args.name.clone());
    if let Some(value) = args.value {
        score = score.value(value);
    }
    if let Some(label) = &args.label {
        score = score.label(label.clone());
    }
    if let Some(comment) = &args.comment {
        score = score.explanation(comment.clone());
    }
    let span = span_of(SpanContext::new(trace, span), score, SystemTime::now());
    // It closes a line that a killed program left, and waits for the lock of one that runs.
    let written = FileSink::new(&args.file).export(slice::from_ref(&span));
    written.context("the score cannot be kept")?;
    if printer.json {
        printer.object(&span)?;
    } else if let Some(scored) = Scored::all(&span).next() {
        let id = &scored.span.hex()[..8];
        printer.line(format_args!("{} ({id}): {scored}", Escaped(title)))?;
    }
    Ok(Found::Yes)
}

/// Finds the span in the file and its rotated parts, with its title.
fn find(args: &args::Score, printer: &mut Printer) -> anyhow::Result<(TraceId, SpanId, String)> {
    let wanted = prefix(&args.span, "span")?;
    let within = args.trace.as_deref().map(|trace| prefix(trace, "trace")).transpose()?;
    let input = Input::find(slice::from_ref(&args.file), false)?;
    let (parts, faults) = Scan::of(&input).lines(BTreeMap::new, |found, line| {
        if let Some(facts) = Facts::read(line)?
            && let (Some(trace), Some(span)) = (facts.trace, facts.span)
            && span.hex().starts_with(&wanted)
            && within.as_ref().is_none_or(|within| trace.hex().starts_with(within))
        {
            found.insert((trace, span), format!("{} {}", facts.kind, facts.component));
        }
        Ok(())
    })?;
    printer.tell(&faults);
    let found: BTreeMap<_, _> = parts.into_iter().flatten().collect();
    match found.len() {
        0 => bail!("no span begins with `{wanted}`; `raaf show --attributes` has the ids of spans"),
        1 => {}
        count => bail!(
            "{count} spans begin with `{wanted}`; use more digits, or `--trace` if several traces have it"
        ),
    }
    let only = found.into_iter().next().map(|((trace, span), title)| (trace, span, title));
    only.context("no span")
}

/// Returns the span that a program writes for the score of a span that has ended.
fn span_of(scored: SpanContext, score: Score, now: SystemTime) -> FinishedSpan {
    let name = score.name().to_owned();
    FinishedSpan::builder(KIND, name)
        .link(scored, |_| {})
        .event(Score::EVENT, now, |attributes| score.write_to(attributes))
        .start(now)
        .end(now)
        .build()
}

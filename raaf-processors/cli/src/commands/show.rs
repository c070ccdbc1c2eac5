//! `show`: a run as a tree.

use std::time::Duration;

use anyhow::bail;
use raaf_processors::Drawing;
use raaf_trace_model::{
    escape::Escaped,
    span::{FinishedSpan, Record, SpanError},
};

use super::Found;
use crate::{
    args::{Show, ShowFormat},
    format::{
        content::{contents, lines},
        markdown::markdown,
        mermaid::mermaid,
        title,
    },
    print::{self, Printer},
    run::Run,
    state::ResumedRuns,
    trace::{Trace, prefix},
};

pub(super) fn run(show: &Show, printer: &mut Printer) -> anyhow::Result<Found> {
    if show.trace != "last" {
        // Before the default file is looked for: the argument may be a file's name.
        prefix(&show.trace, "trace")?;
    }
    let input = show.files.input()?.rereadable()?;
    let mut trace = Trace::find(&input, &show.trace, printer)?;
    if let Some(span) = &show.span {
        trace = trace.below(span)?;
    }
    let format = match show.format {
        Some(format) if printer.json && format != ShowFormat::Json => {
            bail!("`--json` contradicts another `--format`; leave one of them out")
        }
        None if printer.json => ShowFormat::Json,
        format => format.unwrap_or(ShowFormat::Text),
    };
    match format {
        ShowFormat::Json => {
            let resumed = ResumedRuns::of(&trace.tree);
            for record in trace.tree.spans() {
                printer.record(record, resumed.state_of_run(record))?;
            }
            for span in &trace.scoring {
                printer.object(span)?;
            }
        }
        ShowFormat::Markdown => printer.text(markdown(&trace, show.content))?,
        ShowFormat::Mermaid => printer.text(mermaid(&trace))?,
        ShowFormat::Text => text(show, &trace, printer)?,
    }
    Ok(Found::Yes)
}

fn text(show: &Show, trace: &Trace, printer: &mut Printer) -> anyhow::Result<()> {
    let drawing = Drawing::new().detailed(show.attributes).color(printer.has_color());
    printer.text(drawing.draw_records(trace.tree.spans()))?;
    if let Some(run) = Run::of(&trace.tree).and_then(|run| run.continuation()) {
        printer.line(format_args!("run: {run}"))?;
    }
    // Without what is above it, a part of a tree has some by itself.
    let problems = if show.span.is_none() { trace.tree.problems() } else { &[] };
    for problem in problems {
        printer.line(format_args!("problem: {problem}"))?;
    }
    for (record, before) in early(trace) {
        let (title, id) = (title(record), &record.span_id().hex()[..8]);
        let (title, before) = (Escaped(title), print::duration(before));
        printer.line(format_args!(
            "problem: {title} ({id}) started {before} before its parent: clocks differ, or one was set"
        ))?;
    }
    for (record, scored) in trace.scores() {
        let (title, id) = (title(record), &record.span_id().hex()[..8]);
        printer.line(format_args!("score: {} ({id}): {scored}", Escaped(title)))?;
    }
    if show.content {
        for (_, record) in trace.tree.walk() {
            let mut contents = contents(record);
            // The tree shows only the beginning of a long error.
            let error =
                record.ended().and_then(FinishedSpan::error).and_then(SpanError::with_causes);
            contents.extend(error.map(|error| ("error", lines(&error))));
            if contents.is_empty() {
                continue;
            }
            printer.line(format_args!(
                "\n{} ({})",
                Escaped(title(record)),
                &record.span_id().hex()[..8]
            ))?;
            for (key, text) in contents {
                printer.line(format_args!("  {key}:"))?;
                for line in text.split('\n') {
                    printer.line(format_args!("    {line}"))?;
                }
            }
        }
    }
    Ok(())
}

/// Returns the spans that started before their parents, and how long.
fn early(trace: &Trace) -> impl Iterator<Item = (&Record, Duration)> {
    let tree = &trace.tree;
    (0..tree.spans().len()).filter_map(|index| {
        let (own, parent) = (&tree.spans()[index], &tree.spans()[tree.parent_index(index)?]);
        let before = parent.start_time().duration_since(own.start_time()).ok()?;
        // Below that are times of different clocks, rounded.
        (before > Duration::from_millis(1)).then_some((own, before))
    })
}

//! `export`: traces in another format.

use super::Found;
use crate::{
    args::{Export, ExportFormat},
    format::{chrome, csv, html::html, markdown::markdown, mermaid::mermaid, otlp},
    input::{Facts, Input, Line, Scan},
    print::Printer,
    run::{Run, runs},
    trace::{Trace, each},
};

pub(super) fn run(export: &Export, printer: &mut Printer) -> anyhow::Result<Found> {
    let (input, format) = (export.files.input()?, export.format);
    if format == ExportFormat::Jsonl && export.trace.is_none() {
        return lines(&input, printer);
    }
    let input = input.rereadable()?;
    let mut any = false;
    let mut pages = Vec::new();
    let mut write = |text: anyhow::Result<String>, printer: &mut Printer| {
        let (text, separator) = (text?, separator(format));
        if format == ExportFormat::Html {
            pages.push(text);
        } else {
            printer.data(format_args!("{}{text}", if any { separator } else { head(format) }))?;
        }
        any = true;
        anyhow::Ok(())
    };
    if let Some(id) = &export.trace {
        let trace = Trace::find(&input, id, printer)?;
        let name = Run::of(&trace.tree).map(|run| run.name).unwrap_or_default();
        write(text(&input, format, 0, &trace, &name), printer)?;
    } else {
        let (runs, faults) = runs(&input)?;
        printer.tell(&faults);
        let map = |number, trace: Trace, run: &Run| text(&input, format, number, &trace, &run.name);
        each(&input, &runs, map, |text| write(text, printer))?;
    }
    if format == ExportFormat::Html {
        printer.data(html(pages.iter().flat_map(|lines| lines.lines())))?;
    } else {
        printer.data(format_args!("{}{}", if any { "" } else { head(format) }, tail(format)))?;
    }
    Ok(Found::any(any))
}

/// Prints the lines as they are.
fn lines(input: &Input, printer: &mut Printer) -> anyhow::Result<Found> {
    let mut any = false;
    let faults = Scan::of(input).in_order(|line| {
        if Facts::read(line)?.is_some() {
            let text = str::from_utf8(line).map_err(|error| error.to_string())?;
            printer.data(format_args!("{text}\n")).map_err(anyhow::Error::from)?;
            any = true;
        }
        Ok(())
    })?;
    printer.tell(&faults);
    Ok(Found::any(any))
}

/// Returns what precedes the traces.
fn head(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Chrome => "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n",
        ExportFormat::Csv => csv::HEAD,
        _ => "",
    }
}

/// Returns what is between two traces.
fn separator(format: ExportFormat) -> &'static str {
    if format == ExportFormat::Chrome { ",\n" } else { "" }
}

/// Returns what follows the traces.
fn tail(format: ExportFormat) -> &'static str {
    if format == ExportFormat::Chrome { "\n]}\n" } else { "" }
}

/// Returns a trace, which is that of this number, in a format.
fn text(
    input: &Input,
    format: ExportFormat,
    number: usize,
    trace: &Trace,
    name: &str,
) -> anyhow::Result<String> {
    Ok(match format {
        ExportFormat::Chrome => {
            let events = chrome::events(&trace.tree, number + 1, name);
            let events: Vec<_> = events.iter().map(ToString::to_string).collect();
            events.join(",\n")
        }
        ExportFormat::Csv => trace.tree.spans().iter().map(csv::line).collect(),
        ExportFormat::Mermaid => mermaid(trace),
        ExportFormat::Markdown => markdown(trace, true),
        ExportFormat::Otlp => format!("{}\n", otlp::request(&trace.ended())?),
        ExportFormat::Html | ExportFormat::Jsonl => {
            let scores = trace.scoring.iter().map(serde_json::to_string);
            let lines = trace.lines.iter().map(|line| Ok(shown(input, format, line)));
            lines.chain(scores).collect::<Result<Vec<_>, _>>()?.join("\n") + "\n"
        }
    })
}

/// Returns a line as it is, or as the page receives it.
fn shown(input: &Input, format: ExportFormat, line: &str) -> String {
    match Line::parse(line.as_bytes(), input.prices()) {
        Ok(Some(line)) if format == ExportFormat::Html => line.for_page(),
        _ => line.to_owned(),
    }
}

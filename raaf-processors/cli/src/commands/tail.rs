//! `tail`: spans as they are written.

use std::{collections::VecDeque, slice, thread};

use anyhow::{Context as _, bail};
use raaf_trace_model::{escape::Escaped, span::Record};

use super::Found;
use crate::{
    args::{Tail, default_file},
    format::{status, title},
    input::{Followed, Input, PAUSE, Scan, Source},
    print::{self, Printer},
};

pub(super) fn run(tail: &Tail, printer: &mut Printer) -> anyhow::Result<Found> {
    let path = tail.file.clone().unwrap_or_else(default_file);
    let input = Input::find(slice::from_ref(&path), true)?;
    let mut last = Last { lines: VecDeque::new(), most: tail.lines };
    if input.single().is_none() {
        return whole(tail, &input, last, printer);
    }
    let shown = || path.display().to_string();
    let mut file = Followed::near_end(&path).with_context(shown)?;
    file.read(|line| {
        last.add(line);
        Ok(())
    })
    .with_context(shown)?;
    let found = last.show(printer)?;
    if !tail.follow {
        return Ok(found);
    }
    loop {
        printer.flush()?;
        if !file.read(|line| show(line, printer)).with_context(shown)? {
            thread::sleep(PAUSE);
        }
    }
}

/// Reads a compressed file, or standard input, whose lines are shown as they arrive with `--follow`.
fn whole(
    tail: &Tail,
    input: &Input,
    mut last: Last,
    printer: &mut Printer,
) -> anyhow::Result<Found> {
    let is_file = input.sources().iter().any(|source| matches!(source, Source::Compressed(_)));
    if tail.follow && is_file {
        bail!("a compressed file does not grow; leave `--follow` out");
    }
    let mut any = false;
    let faults = Scan::of(input).in_order(|line| {
        if tail.follow {
            any = true;
            show(line, printer)?;
            printer.flush().map_err(anyhow::Error::from)?;
        } else {
            last.add(line);
        }
        Ok(())
    })?;
    let found = if any { Found::Yes } else { last.show(printer)? };
    printer.tell(&faults);
    Ok(found)
}

/// The last lines.
struct Last {
    lines: VecDeque<Vec<u8>>,
    most: usize,
}

impl Last {
    fn add(&mut self, line: &[u8]) {
        if self.lines.len() == self.most {
            self.lines.pop_front();
        }
        if self.most > 0 {
            self.lines.push_back(line.to_vec());
        }
    }

    fn show(self, printer: &mut Printer) -> anyhow::Result<Found> {
        for line in &self.lines {
            show(line, printer)?;
        }
        Ok(Found::any(!self.lines.is_empty()))
    }
}

fn show(line: &[u8], printer: &mut Printer) -> anyhow::Result<()> {
    if line.is_empty() {
        return Ok(());
    }
    let record = match Record::parse(line) {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(()),
        Err(error) => {
            printer.note(format!("raaf: a line could not be read: {}", Escaped(error)));
            return Ok(());
        }
    };
    if printer.json {
        printer.data(format_args!("{}\n", String::from_utf8_lossy(line)))?;
        return Ok(());
    }
    let duration = record.duration().map(print::duration).unwrap_or_default();
    let error = record.ended().and_then(|span| span.error());
    let error = error.map(|error| format!("  {}", Escaped(error.kind()))).unwrap_or_default();
    printer.line(format_args!(
        "{} {}  {:<9} {:<40} {duration}{error}",
        print::time(record.start_time()),
        &record.trace_id().hex()[..8],
        status(&record),
        print::name(&title(&record)),
    ))?;
    Ok(())
}

//! `tail`: spans as they are written.

use std::{collections::VecDeque, thread};

use anyhow::{Context as _, bail};
use raaf_trace_model::{escape::Escaped, span::Record};

use super::Found;
use crate::{
    args::Tail,
    format::{status, title},
    input::{Followed, PAUSE},
    print::{self, Printer},
};

pub(super) fn run(tail: &Tail, printer: &mut Printer) -> anyhow::Result<Found> {
    let paths = tail.files.paths();
    let [path] = &paths[..] else { bail!("`tail` reads one file, and {} are named", paths.len()) };
    let shown = || path.display().to_string();
    let mut file = Followed::near_end(path).with_context(shown)?;
    let mut last = VecDeque::new();
    file.read(|line| {
        if last.len() == tail.lines {
            last.pop_front();
        }
        if tail.lines > 0 {
            last.push_back(line.to_vec());
        }
        Ok(())
    })
    .with_context(shown)?;
    for line in &last {
        show(line, printer)?;
    }
    if !tail.follow {
        return Ok(Found::any(!last.is_empty()));
    }
    loop {
        printer.flush()?;
        if !file.read(|line| show(line, printer)).with_context(shown)? {
            thread::sleep(PAUSE);
        }
    }
}

fn show(line: &[u8], printer: &mut Printer) -> anyhow::Result<()> {
    let Ok(Some(record)) = Record::parse(line) else { return Ok(()) };
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

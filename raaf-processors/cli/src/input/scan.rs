//! Reads all lines, by several threads where a file can be divided.

use std::{
    error::Error,
    fs::File,
    io::{self, BufRead as _, Read as _, Seek as _, SeekFrom},
    num::NonZero,
    ops::Range,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::Context as _;
use memchr::memchr;

use super::{Input, MAX_LINE, Progress, Source};

/// Bytes of a file that a thread reads at a time.
const BLOCK: u64 = 4 * 1024 * 1024;

/// Number of faults of which the text is kept.
const TOLD: usize = 3;

/// Lines that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) count: usize,
    /// The first of each thread.
    pub(crate) texts: Vec<String>,
}

impl Faults {
    fn add(&mut self, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.texts.len() < TOLD {
            self.texts.push(text());
        }
    }

    fn extend(&mut self, text: Option<String>) {
        if let Some(text) = text {
            self.add(|| text);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.texts.extend(other.texts);
    }
}

/// Reason why a line is not used.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The line cannot be read; the others can.
    Line(String),
    /// No other line has to be read.
    All(anyhow::Error),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Line(reason)
    }
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Self {
        Self::All(error)
    }
}

/// Work for one thread at a time.
enum Task<'a> {
    Block { path: &'a Path, start: u64, end: u64 },
    Whole(&'a Source),
}

/// Reads the lines of an input.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    input: &'a Input,
    block: u64,
    /// Positions of files between which lines begin.
    range: Range<u64>,
}

impl<'a> Scan<'a> {
    pub(crate) fn of(input: &'a Input) -> Self {
        Self { input, block: BLOCK, range: 0..u64::MAX }
    }

    /// Reads only lines that begin between these positions of a file.
    pub(crate) fn range(self, range: Range<u64>) -> Self {
        Self { range, ..self }
    }

    /// Calls `each` for every line without its line feed, in no particular order. Each thread has a
    /// state of its own, which `begin` makes; all are returned. An error of `each` is a fault of its
    /// line.
    ///
    /// # Errors
    ///
    /// If a source cannot be read.
    pub(crate) fn lines<S: Send>(
        &self,
        begin: impl Fn() -> S + Sync,
        each: impl Fn(&mut S, &[u8]) -> Result<(), String> + Sync,
    ) -> anyhow::Result<(Vec<S>, Faults)> {
        let tasks = self.tasks()?;
        let progress = self.progress(false);
        let next = AtomicUsize::new(0);
        let outcome = Mutex::new((Vec::new(), Faults::default(), None));
        let work = || {
            let (mut state, mut faults, mut buffer) = (begin(), Faults::default(), Vec::new());
            let mut failed = None;
            while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut line = |source: &str, offset: u64, line: &[u8]| {
                    if let Err(reason) = each(&mut state, line) {
                        faults.add(|| format!("{source}, byte {offset}: {reason}"));
                    }
                };
                let read = match task {
                    Task::Block { path, start, end } => {
                        let name = path.display().to_string();
                        let each = |offset, text: &[u8]| line(&name, offset, text);
                        let read = block(path, (*start, *end), &mut buffer, each);
                        progress.add(end - start);
                        read.context(name.clone())
                    }
                    Task::Whole(source) => {
                        let name = source.name();
                        let each = |offset, text: &[u8]| {
                            line(&name, offset, text);
                            Ok(())
                        };
                        whole(source, &progress, &mut buffer, each).map(|damage| {
                            faults.extend(damage);
                        })
                    }
                };
                if let Err(error) = read {
                    failed = Some(error);
                    next.store(tasks.len(), Ordering::Relaxed);
                }
            }
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            outcome.0.push(state);
            outcome.1.merge(faults);
            outcome.2 = outcome.2.take().or(failed);
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(tasks.len());
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let (states, faults, failed) = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failed {
            Some(error) => Err(error),
            None => Ok((states, faults)),
        }
    }

    /// Calls `each` for every line in their order, by this thread alone.
    ///
    /// # Errors
    ///
    /// If a source cannot be read, or that of `each`.
    pub(crate) fn in_order(
        &self,
        mut each: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> anyhow::Result<Faults> {
        let (mut faults, mut buffer) = (Faults::default(), Vec::new());
        let progress = self.progress(true);
        for source in self.input.sources() {
            let name = source.name();
            let line = |offset, line: &[u8]| match each(line) {
                Ok(()) => Ok(()),
                Err(Fault::Line(reason)) => {
                    faults.add(|| format!("{name}, byte {offset}: {reason}"));
                    Ok(())
                }
                Err(Fault::All(error)) => Err(error),
            };
            let damage = whole(source, &progress, &mut buffer, line)?;
            faults.extend(damage);
        }
        Ok(faults)
    }

    fn progress(&self, prints: bool) -> Progress {
        let all: u64 = self.input.sources().iter().map(Source::length).sum();
        Progress::new(all.min(self.range.end).saturating_sub(self.range.start), prints)
    }

    fn tasks(&self) -> anyhow::Result<Vec<Task<'a>>> {
        let mut tasks = Vec::new();
        for source in self.input.sources() {
            let Source::Plain(path) = source else {
                tasks.push(Task::Whole(source));
                continue;
            };
            let length = path.metadata().with_context(|| source.name())?.len();
            let last = length.min(self.range.end);
            let starts = (self.range.start..last).step_by(self.block as usize);
            tasks.extend(starts.map(|start| {
                let end = last.min(start + self.block);
                Task::Block { path, start, end }
            }));
        }
        Ok(tasks)
    }
}

/// Reads the lines that begin between two positions of a file.
fn block(
    path: &Path,
    (start, end): (u64, u64),
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(u64, &[u8]),
) -> io::Result<()> {
    let mut file = File::open(path)?;
    // The byte before tells whether a line begins here.
    let first = start.saturating_sub(1);
    file.seek(SeekFrom::Start(first))?;
    buffer.clear();
    let mut file = io::BufReader::with_capacity(64 * 1024, file);
    (&mut file).take(end - first).read_to_end(buffer)?;
    let mut at = 0;
    if start > 0 {
        match memchr(b'\n', buffer) {
            Some(feed) => at = feed + 1,
            // A line that began before, and goes on behind.
            None => return Ok(()),
        }
    }
    if at as u64 + first >= end {
        return Ok(());
    }
    if buffer.last() != Some(&b'\n') {
        (&mut file).take(MAX_LINE).read_until(b'\n', buffer)?;
    }
    let mut rest = &buffer[at..];
    while let Some(feed) = memchr(b'\n', rest) {
        each(first + at as u64, &rest[..feed]);
        at += feed + 1;
        rest = &rest[feed + 1..];
    }
    if !rest.is_empty() {
        each(first + at as u64, rest);
    }
    Ok(())
}

/// Reads all lines of a source, until `each` returns an error. If a compressed source is damaged or
/// truncated, reads the lines before that and returns the reason.
fn whole(
    source: &Source,
    progress: &Progress,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(u64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<Option<String>> {
    let mut text = source.open(progress).with_context(|| source.name())?;
    let mut offset = 0;
    loop {
        buffer.clear();
        let read = (&mut text).take(MAX_LINE).read_until(b'\n', buffer);
        let read = match read {
            Ok(0) => return Ok(None),
            Ok(read) => read,
            // The error comes from a decoder, not from the system.
            Err(error) if offset > 0 && error.raw_os_error().is_none() => {
                let (name, cause) = (source.name(), innermost(&error));
                let reason = "the compressed data is damaged or truncated";
                return Ok(Some(format!("{name}, byte {offset}: {reason}: {cause}")));
            }
            Err(error) => return Err(error).with_context(|| source.name()),
        };
        each(offset, buffer.strip_suffix(b"\n").unwrap_or(buffer))?;
        progress.show();
        offset += read as u64;
    }
}

/// Returns the message of the first cause.
fn innermost(error: &io::Error) -> String {
    let mut last: &dyn Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str, block: u64) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.jsonl");
        fs::write(&path, text).unwrap();
        let input = Input::find(&[path], true).unwrap();
        let scan = Scan { block, ..Scan::of(&input) };
        let keep = |kept: &mut Vec<String>, line: &[u8]| {
            kept.push(String::from_utf8(line.to_vec()).unwrap());
            Ok(())
        };
        let (states, faults) = scan.lines(Vec::new, keep).unwrap();
        assert_eq!(faults.count, 0);
        let mut all: Vec<_> = states.into_iter().flatten().collect();
        all.sort();
        all
    }

    proptest! {
        #[test]
        fn each_line_is_read_once_however_the_file_is_divided(
            given in proptest::collection::vec("[a-z]{0,12}", 0..40),
            block in 1..50_u64,
        ) {
            let mut text = given.join("\n");
            if !given.is_empty() {
                text.push('\n');
            }
            let mut given = given;
            given.sort();
            prop_assert_eq!(lines(&text, block), given);
        }
    }

    #[test]
    fn a_last_line_without_a_line_feed_is_read() {
        for block in 1..10 {
            assert_eq!(lines("one\ntwo", block), ["one", "two"], "{block}");
        }
    }
}

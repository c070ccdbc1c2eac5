//! Progress of reading long files, on standard error.

use std::{
    io::{self, IsTerminal as _, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time that passes before anything is shown.
const AFTER: Duration = Duration::from_millis(500);

/// Bytes between two looks at the time.
const STEP: u64 = 1024 * 1024;

/// Progress of reading a number of bytes, as a bar that vanishes with this.
#[derive(Debug)]
pub(super) struct Progress {
    read: Arc<AtomicU64>,
    shown: Option<Bar>,
}

#[derive(Debug)]
struct Bar {
    line: ProgressBar,
    since: Instant,
    seen: AtomicU64,
}

impl Progress {
    /// Begins to read so many bytes. Shows nothing if the number is 0, or standard error is not a
    /// terminal, or the output is printed meanwhile to one.
    pub(super) fn new(bytes: u64, prints: bool) -> Self {
        let shows =
            bytes > 0 && io::stderr().is_terminal() && !(prints && io::stdout().is_terminal());
        let target =
            if shows { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self::on(target, bytes)
    }

    fn on(target: ProgressDrawTarget, bytes: u64) -> Self {
        let read = Arc::new(AtomicU64::new(0));
        if target.is_hidden() {
            return Self { read, shown: None };
        }
        let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left");
        let line = ProgressBar::with_draw_target(Some(bytes), target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { read, shown: Some(Bar { line, since: Instant::now(), seen: AtomicU64::new(0) }) }
    }

    /// Adds bytes that were read.
    pub(super) fn add(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
        self.show();
    }

    /// Shows the progress, if it is time.
    pub(super) fn show(&self) {
        let Some(Bar { line, since, seen }) = &self.shown else { return };
        let read = self.read.load(Ordering::Relaxed);
        if read >= seen.load(Ordering::Relaxed) + STEP && since.elapsed() >= AFTER {
            seen.store(read, Ordering::Relaxed);
            line.set_position(read);
        }
    }

    /// Returns a reader whose bytes count.
    pub(super) fn counting<R: Read>(&self, text: R) -> Counting<R> {
        Counting { text, read: Arc::clone(&self.read) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Bar { line, .. }) = &self.shown {
            line.finish_and_clear();
        }
    }
}

/// A reader that counts its bytes.
#[derive(Debug)]
pub(super) struct Counting<R> {
    text: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    #[test]
    fn a_bar_is_shown_after_a_while_and_vanishes() {
        let terminal = InMemoryTerm::new(2, 80);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let mut progress = Progress::on(target, 100 * STEP);
        progress.shown.as_mut().unwrap().since += 100 * AFTER;
        progress.add(10 * STEP);
        assert_eq!(terminal.contents(), "", "it is too early");
        let bar = progress.shown.as_mut().unwrap();
        bar.since = bar.since.checked_sub(101 * AFTER).unwrap();
        progress.add(10 * STEP);
        assert!(terminal.contents().contains("20.00 MiB of 100.00 MiB"), "{}", terminal.contents());
        drop(progress);
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn bytes_count_as_they_are_read() {
        let progress = Progress::on(ProgressDrawTarget::hidden(), 10);
        let mut text = progress.counting(&b"abcde"[..]);
        text.read_exact(&mut [0; 3]).unwrap();
        assert_eq!(progress.read.load(Ordering::Relaxed), 3);
    }
}

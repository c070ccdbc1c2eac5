//! Lines in memory, for pages that ask for what is new.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Largest answer, in bytes, unless a single line is longer.
const ANSWER: usize = 8 * 1024 * 1024;

/// The latest lines, up to a number of bytes.
#[derive(Debug)]
pub(crate) struct Store {
    kept: Mutex<Kept>,
    most: usize,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    /// Number of the first of them; also how many were dropped.
    first: u64,
    bytes: usize,
}

impl Store {
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: Mutex::default(), most }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line, and drops the oldest ones if there is no room. Returns how many were dropped.
    pub(crate) fn push(&self, line: String) -> u64 {
        let mut kept = self.kept();
        kept.bytes += line.len() + 1;
        kept.lines.push_back(line);
        let mut dropped = 0;
        while kept.bytes > self.most && kept.lines.len() > 1 {
            let gone = kept.lines.pop_front().map_or(0, |line| line.len() + 1);
            kept.bytes -= gone;
            kept.first += 1;
            dropped += 1;
        }
        dropped
    }

    /// Returns the lines from this number on, as many as fit an answer, and the number of the next one.
    pub(crate) fn after(&self, number: u64) -> (String, u64) {
        let kept = self.kept();
        let skipped = number.saturating_sub(kept.first);
        let mut next = kept.first + skipped.min(kept.lines.len() as u64);
        let mut text = String::new();
        for line in kept.lines.iter().skip(skipped as usize) {
            if !text.is_empty() && text.len() + line.len() > ANSWER {
                break;
            }
            text.push_str(line);
            text.push('\n');
            next += 1;
        }
        (text, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_each_line_once() {
        let store = Store::new(100);
        assert_eq!(store.after(0), (String::new(), 0));
        store.push("one".to_owned());
        store.push("two".to_owned());
        assert_eq!(store.after(0), ("one\ntwo\n".to_owned(), 2));
        assert_eq!(store.after(2), (String::new(), 2));
        assert_eq!(store.after(7), (String::new(), 2));
        store.push("three".to_owned());
        assert_eq!(store.after(2), ("three\n".to_owned(), 3));
    }

    #[test]
    fn the_oldest_lines_make_room() {
        let store = Store::new(12);
        assert_eq!(store.push("one".to_owned()), 0);
        assert_eq!(store.push("two".to_owned()), 0);
        assert_eq!(store.push("three".to_owned()), 1);
        assert_eq!(store.after(0), ("two\nthree\n".to_owned(), 3));
        assert_eq!(store.push("a very long line".to_owned()), 2);
    }
}

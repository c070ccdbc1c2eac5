//! Halves of characters in JSON.
//!
//! JSON writes a character beyond U+FFFF as two escapes. A server that cuts text at any position may
//! send only one of them, which a JSON parser rejects. This module marks such halves before parsing, and
//! joins a half with its other half in the next piece.

use std::{borrow::Cow, str::Chars};

use serde_json::Value as Json;

/// Precedes a marked half. A noncharacter, which no text has.
const MARK: char = '\u{FFFE}';
/// Stands for the half 0xD800; the other halves follow.
const FIRST: u32 = 0x10_0000;

/// Marks escapes of half characters that lack their other half in JSON.
pub(in super::super) fn mark(json: &str) -> Cow<'_, str> {
    let mark = |half: u32| {
        let marked = char::from_u32(FIRST + half - 0xD800).unwrap_or(char::REPLACEMENT_CHARACTER);
        String::from_iter([MARK, marked])
    };
    map_halves(json, mark)
}

/// Replaces escapes of half characters that lack their other half in JSON.
pub(in super::super) fn replace(json: &str) -> Cow<'_, str> {
    map_halves(json, |_| char::REPLACEMENT_CHARACTER.to_string())
}

fn map_halves(json: &str, map: impl Fn(u32) -> String) -> Cow<'_, str> {
    if !json.contains("\\ud") && !json.contains("\\uD") {
        return json.into();
    }
    let mut marked = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        marked.push_str(before);
        let length = match (half(escape), escape.get(6..).and_then(half)) {
            (Some(..0xDC00), Some(0xDC00..)) => 12,
            (Some(lone), _) => {
                marked.push_str(&map(lone));
                rest = &escape[6..];
                continue;
            }
            // The escaped character may be a backslash.
            _ => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        marked.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    marked.push_str(rest);
    marked.into()
}

/// Returns the half character at the beginning of a text, if it is the escape of one.
fn half(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let unit = u32::from_str_radix(digits, 16).ok()?;
    (0xD800..0xE000).contains(&unit).then_some(unit)
}

/// Joins text that comes in pieces.
#[derive(Debug, Default)]
pub(in super::super) struct Joiner {
    /// A marked first half, whose other half may come.
    open: Option<u32>,
}

impl Joiner {
    /// Returns the text of a piece, without a half at its end that the next may complete.
    pub(in super::super) fn push(&mut self, piece: String) -> String {
        if self.open.is_none() && !piece.contains(MARK) {
            return piece;
        }
        let mut text = String::with_capacity(piece.len());
        let mut letters = piece.chars();
        while let Some(letter) = letters.next() {
            let half = (letter == MARK).then(|| marked_half(&letters)).flatten();
            if half.is_some() {
                letters.next();
            }
            match (self.open.take(), half) {
                (Some(high), Some(low @ 0xDC00..)) => text.push(join(high, low)),
                (open, half) => {
                    if open.is_some() {
                        text.push(char::REPLACEMENT_CHARACTER);
                    }
                    match half {
                        Some(high @ ..0xDC00) => self.open = Some(high),
                        Some(_) => text.push(char::REPLACEMENT_CHARACTER),
                        None => text.push(letter),
                    }
                }
            }
        }
        text
    }

    /// Returns the replacement of a half that nothing completed.
    pub(in super::super) fn finish(&mut self) -> Option<char> {
        self.open.take().map(|_| char::REPLACEMENT_CHARACTER)
    }
}

/// Returns the half character that a mark precedes; `None` if the text itself has the mark.
fn marked_half(rest: &Chars<'_>) -> Option<u32> {
    let half = (rest.clone().next()? as u32).checked_sub(FIRST)?;
    (half < 0x800).then_some(half + 0xD800)
}

/// Joins the marked halves of a whole text, and replaces the others.
pub(super) fn settle(text: String) -> String {
    let mut joiner = Joiner::default();
    let mut text = joiner.push(text);
    text.extend(joiner.finish());
    text
}

/// Joins the marked halves in all texts of a value.
pub(in super::super) fn settle_json(value: &mut Json) {
    match value {
        Json::String(text) => *text = settle(std::mem::take(text)),
        Json::Array(items) => items.iter_mut().for_each(settle_json),
        Json::Object(members) => members.values_mut().for_each(settle_json),
        _ => {}
    }
}

fn join(high: u32, low: u32) -> char {
    let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pieces: &[&str]) -> String {
        let mut joiner = Joiner::default();
        let mut all = String::new();
        for piece in pieces {
            let text: String = serde_json::from_str(&mark(&format!("\"{piece}\""))).unwrap();
            all.push_str(&joiner.push(text));
        }
        all.extend(joiner.finish());
        all
    }

    #[test]
    fn halves_are_joined_or_replaced() {
        for (pieces, expected) in [
            (&[r"a \ud83d\ude00 b"][..], "a 😀 b"),
            (&[r"a \ud83d", r"\ude00 b"], "a 😀 b"),
            (&[r"\uD83D", "", r"\uDE00"], "😀"),
            (&[r"a \ud83d b"], "a \u{FFFD} b"),
            (&[r"a \ude00"], "a \u{FFFD}"),
            (&[r"\ud83d"], "\u{FFFD}"),
            (&[r"\ud83d\ud83d", r"\ude00"], "\u{FFFD}😀"),
            (&[r"\\ud83d \u00e9\n"], "\\ud83d é\n"),
            (&["plain"], "plain"),
            // A text that has the mark itself.
            (&["\u{FFFE}a", "\u{FFFE}"], "\u{FFFE}a\u{FFFE}"),
            (&[r"\ud83d", "\u{FFFE}a\u{FFFE}\u{FFFFF}"], "\u{FFFD}\u{FFFE}a\u{FFFE}\u{FFFFF}"),
        ] {
            assert_eq!(texts(pieces), expected, "{pieces:?}");
        }
    }
}

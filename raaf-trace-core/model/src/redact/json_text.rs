//! Redaction of text that is JSON, or was before it was cut.

use std::ops::Range;

use super::{
    REDACTED, Search,
    edits::Edits,
    named,
    plain::{hidden_by_option, value_of_item},
    words::Hides,
};
use crate::attributes::TRUNCATED;

/// Returns the text with the secrets of its JSON replaced, and their number; `None` when it
/// contains none. `level` is the number of strings around the text.
///
/// Searches only text that begins like a JSON object, array or string. It scans tokens instead of
/// parsing, so JSON that was cut is searched as well, numbers and whitespace stay unchanged, and
/// depth costs nothing. It recurses into JSON inside strings, [`MAX_LEVELS`] deep; JSON that is
/// quoted more often is replaced entirely.
pub(super) fn redact(search: &Search, text: &str, level: usize) -> Option<(String, u32)> {
    if !may_hold_secrets(text) {
        return None;
    }
    let mut scan =
        Scan { search, text, level, open: vec![Open::new(false)], edits: Edits::default() };
    scan.run();
    scan.edits.apply(text)
}

/// Maximum number of levels of JSON quoted inside JSON strings that are searched. Quoting doubles
/// backslashes, so text from repeated quoting stays far below this limit. Text that writes
/// backslashes as `\u005c` nests deeper at a few bytes a level, and doubles in size a level when it
/// is quoted again.
const MAX_LEVELS: usize = 8;

/// Returns whether the text looks like JSON with a string in it, also in a fenced block.
fn may_hold_secrets(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
    let text = match text.strip_prefix("```") {
        Some(block) => block.trim_start_matches(char::is_alphanumeric).trim_start(),
        None => text,
    };
    text.starts_with(['{', '[', '"']) && text.contains('"')
}

struct Scan<'a> {
    search: &'a Search,
    text: &'a str,
    /// Number of strings around the text.
    level: usize,
    /// Open objects and arrays, the text itself first.
    open: Vec<Open>,
    edits: Edits,
}

/// Object or array whose end has not been found.
#[derive(Default)]
struct Open {
    is_array: bool,
    /// True for an item of an array.
    is_item: bool,
    /// True once it has an item.
    has_items: bool,
    /// Secret values at any depth.
    hides: Hides,
    /// Secret values in the next value.
    next: Hides,
    /// Secret values in the value after the next comma.
    after: Hides,
    key: Key,
    /// Secret values in the field `value`, by the fields such as `name`.
    named: Hides,
    /// Field `value`.
    value: Range<usize>,
}

/// Last key of an object.
#[derive(Clone, Copy, Default, PartialEq)]
enum Key {
    #[default]
    Other,
    Name,
    Value,
}

impl Open {
    fn new(is_array: bool) -> Self {
        Self { is_array, ..Self::default() }
    }
}

impl Scan<'_> {
    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            at += 1;
            match bytes[start] {
                bracket @ (b'{' | b'[') => self.opens(start, bracket == b'['),
                b'}' | b']' => self.closes(at),
                b',' => {
                    let top = self.top();
                    top.next = std::mem::take(&mut top.after);
                    top.key = Key::Other;
                    top.has_items = true;
                }
                b'"' => {
                    let end = string_end(bytes, at);
                    if is_key(bytes, end) {
                        self.key(&unescape(&self.text[at..end]));
                    } else {
                        self.string(at..end);
                    }
                    at = end + 1;
                }
                b'-' | b'0'..=b'9' => {
                    let rest = &bytes[start..];
                    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                    at = start + rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
                    self.number(start..at);
                }
                _ => {}
            }
        }
    }

    fn top(&mut self) -> &mut Open {
        if self.open.is_empty() {
            self.open.push(Open::new(false));
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    /// Returns what the value at this position hides, and notes where a field `value` begins.
    fn begins_value(&mut self, start: usize) -> Hides {
        let top = self.top();
        let hides = top.hides.max(std::mem::take(&mut top.next));
        if top.key == Key::Value {
            top.value = start..start;
            return hides.max(top.named);
        }
        hides
    }

    fn ends_value(&mut self, end: usize) {
        let top = self.top();
        if top.key == Key::Value {
            top.value.end = end;
        }
    }

    fn opens(&mut self, start: usize, is_array: bool) {
        let hides = self.begins_value(start);
        let is_item = self.top().is_array;
        self.open.push(Open { is_item, hides, ..Open::new(is_array) });
    }

    fn closes(&mut self, end: usize) {
        self.open.pop();
        self.ends_value(end);
    }

    fn key(&mut self, key: &str) {
        let hides = self.search.words.hidden_by(key);
        let top = self.top();
        top.next = hides;
        top.key = match key {
            key if named::is_name(key) => Key::Name,
            key if named::is_value(key) => Key::Value,
            _ => Key::Other,
        };
    }

    /// Handles the string whose contents are `inner`.
    fn string(&mut self, inner: Range<usize>) {
        let hides = self.begins_value(inner.start - 1);
        let raw = &self.text[inner.clone()];
        if hides > Hides::Nothing {
            self.hide(inner.clone());
        } else {
            self.search_inside(inner.clone());
        }
        let words = &self.search.words;
        let top = self.open.last();
        if let Some(top) = top.filter(|top| top.key == Key::Name) {
            let value = top.value.clone();
            let named = words.hidden_by(&unescape(raw));
            if named > Hides::Nothing && !value.is_empty() {
                self.hide_value(value, named);
            }
            let top = self.top();
            top.named = top.named.max(named);
        } else if top.is_some_and(|top| top.is_array) {
            let is_first_of_pair = top.is_some_and(|top| top.is_item && !top.has_items);
            let text = unescape(raw);
            let of_pair = if is_first_of_pair { words.hidden_by(&text) } else { Hides::Nothing };
            let after = of_pair.max(hidden_by_option(words, &text));
            self.top().after = after;
        }
        self.ends_value(inner.end + 1);
    }

    fn number(&mut self, number: Range<usize>) {
        if self.begins_value(number.start) == Hides::Numbers {
            self.edits.push(number.clone(), format!("\"{REDACTED}\""), 1);
        }
        self.ends_value(number.end);
    }

    /// Replaces the contents of a string.
    fn hide(&mut self, inner: Range<usize>) {
        let secret = &self.text[inner.clone()];
        if secret != REDACTED {
            let mark = if inner.end == self.text.len() && secret.ends_with(TRUNCATED) {
                TRUNCATED
            } else {
                ""
            };
            self.edits.push(inner, format!("{REDACTED}{mark}"), 1);
        }
    }

    /// Replaces a field `value` whose `name` comes after it.
    fn hide_value(&mut self, value: Range<usize>, hides: Hides) {
        let text = &self.text[value.clone()];
        let hidden = format!("\"{REDACTED}\"");
        let is_text = text.contains('"');
        let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        if text != hidden && (is_text || is_number && hides == Hides::Numbers) {
            self.edits.push(value, hidden, 1);
        }
    }

    /// Searches a string that may itself be JSON text, or an item such as `API_KEY=…`.
    fn search_inside(&mut self, inner: Range<usize>) {
        let raw = &self.text[inner.clone()];
        let is_item = self.open.last().is_some_and(|top| top.is_array);
        if is_item && let Some(value) = value_of_item(&self.search.words, raw) {
            self.hide(inner.start + value.start..inner.end);
            return;
        }
        // JSON text inside a string has escaped quotes.
        if !raw.contains('\\') {
            return;
        }
        let text = unescape(raw);
        let replaced = if is_item && let Some(value) = value_of_item(&self.search.words, &text) {
            Some((format!("{}{REDACTED}", &text[..value.start]), 1))
        } else if self.level == MAX_LEVELS {
            may_hold_secrets(&text).then(|| (REDACTED.to_owned(), 1))
        } else {
            self.search.text(&text, self.level + 1)
        };
        if let Some((text, count)) = replaced {
            let quoted = serde_json::Value::from(text).to_string();
            self.edits.push(inner, &quoted[1..quoted.len() - 1], count);
        }
    }
}

/// Returns the end of the string that begins at `start`: its closing quote, or the end of the text.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Returns whether the string that ends at `end` is a key, that is, followed by a colon.
fn is_key(bytes: &[u8], end: usize) -> bool {
    bytes.iter().skip(end + 1).find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// Returns the unescaped contents of a string; of one that is cut or malformed, the readable part.
fn unescape(raw: &str) -> std::borrow::Cow<'_, str> {
    if !raw.contains('\\') {
        return raw.into();
    }
    if let Ok(text) = serde_json::from_str::<String>(&format!("\"{raw}\"")) {
        return text.into();
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (letter, read) = unescape_one(rest).unwrap_or(('\\', 1));
        text.push(letter);
        rest = &rest[read..];
    }
    text.push_str(rest);
    text.into()
}

/// Returns the character of the escape at the start of `text`, and the escape's length in bytes.
fn unescape_one(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let letter = match text.as_bytes().get(1)? {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = unit(0)?;
            if let Ok(letter) = char::try_from(u32::from(first)) {
                return Some((letter, 6));
            }
            let pair = [first, unit(6)?];
            return Some((char::decode_utf16(pair).next()?.ok()?, 12));
        }
        escaped @ (b'"' | b'\\' | b'/') => char::from(*escaped),
        _ => return None,
    };
    Some((letter, 2))
}

#[cfg(test)]
#[path = "json_text_tests.rs"]
mod tests;

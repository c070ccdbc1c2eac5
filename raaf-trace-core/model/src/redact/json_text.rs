//! Redaction of text that is JSON, or was before it was cut.

use std::ops::Range;

use memchr::memchr2_iter;

use super::{
    REDACTED, Search,
    edits::Edits,
    named,
    plain::{hidden_by_header, hidden_by_option, value_of_item},
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
    let start = start_of_json(text)?;
    let mut scan =
        Scan { search, text, level, open: vec![Open::default()], edits: Edits::default() };
    scan.run(start);
    scan.edits.apply(text)
}

/// Maximum number of levels of JSON quoted inside JSON strings that are searched. Quoting doubles
/// backslashes, so text from repeated quoting stays far below this limit. Text that writes
/// backslashes as `\u005c` nests deeper at a few bytes a level, and doubles in size a level when it
/// is quoted again.
const MAX_LEVELS: usize = 8;

/// Returns the position of the first JSON in the text; `None` if it cannot contain a string.
pub(super) fn start_of_json(text: &str) -> Option<usize> {
    if !text.contains('"') {
        return None;
    }
    let first = text.trim_start_matches(is_blank);
    if first.starts_with('"') { Some(text.len() - first.len()) } else { start_of_brackets(text) }
}

/// Returns the position of the object or array that the text begins with, otherwise of the first one
/// that looks like JSON.
fn start_of_brackets(text: &str) -> Option<usize> {
    let first = text.trim_start_matches(is_blank);
    if first.starts_with(['{', '[']) {
        return Some(text.len() - first.len());
    }
    memchr2_iter(b'{', b'[', text.as_bytes())
        .find(|at| text[at + 1..].trim_start_matches(is_blank).starts_with(['"', '{', '[']))
}

fn is_blank(letter: char) -> bool {
    letter == '\u{feff}' || letter.is_whitespace()
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
    form: Form,
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
    /// Values of fields such as `value`.
    values: Vec<Range<usize>>,
    /// Secret values of the describing fields, such as `description`, if this is a schema.
    described: Option<Hides>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Form {
    #[default]
    Object,
    /// Object with the schemas of fields.
    Schemas,
    Array,
    /// Array of alternating headers and values.
    Headers,
}

/// Last key of an object.
#[derive(Clone, Copy, Default, PartialEq)]
enum Key {
    #[default]
    Other,
    Name,
    Value,
    Headers,
    Schemas,
    Describing,
}

impl Open {
    fn is_array(&self) -> bool {
        matches!(self.form, Form::Array | Form::Headers)
    }
}

impl Scan<'_> {
    fn run(&mut self, start: usize) {
        let bytes = self.text.as_bytes();
        let mut at = start;
        while at < bytes.len() {
            let start = at;
            at += 1;
            match bytes[start] {
                bracket @ (b'{' | b'[') => self.opens(start, bracket == b'['),
                b'}' | b']' => {
                    self.closes(at);
                    if self.open.len() <= 1 {
                        let next = start_of_brackets(&self.text[at..]);
                        at = next.map_or(bytes.len(), |next| at + next);
                    }
                }
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
            self.open.push(Open::default());
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    /// Returns what the value at this position hides, and notes where a field `value` begins.
    fn begins_value(&mut self, start: usize) -> Hides {
        let top = self.top();
        let inherited = match top.described {
            Some(described) if top.key == Key::Describing => described,
            _ => top.hides,
        };
        let hides = inherited.max(std::mem::take(&mut top.next));
        if top.key == Key::Value {
            top.values.push(start..start);
            return hides.max(top.named);
        }
        hides
    }

    fn ends_value(&mut self, end: usize) {
        let top = self.top();
        if top.key == Key::Value
            && let Some(value) = top.values.last_mut()
        {
            value.end = end;
        }
    }

    fn opens(&mut self, start: usize, is_array: bool) {
        let hides = self.begins_value(start);
        let top = self.top();
        let form = match (is_array, top.key) {
            (false, Key::Schemas) => Form::Schemas,
            (false, _) => Form::Object,
            (true, Key::Headers) => Form::Headers,
            (true, _) => Form::Array,
        };
        let is_schema = form == Form::Object && top.form == Form::Schemas;
        let open = Open {
            form,
            is_item: top.is_array(),
            hides,
            described: is_schema.then_some(top.hides),
            ..Open::default()
        };
        self.open.push(open);
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
            key if named::is_header_list(key) => Key::Headers,
            key if named::describes(key) => Key::Describing,
            named::SCHEMAS => Key::Schemas,
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
            let named = words.hidden_by(&unescape(raw));
            if named > Hides::Nothing {
                for value in top.values.clone() {
                    self.hide_value(value, named);
                }
            }
            let top = self.top();
            top.named = top.named.max(named);
        } else if top.is_some_and(Open::is_array) {
            let is_first_of_pair = top.is_some_and(|top| top.is_item && !top.has_items);
            let text = unescape(raw);
            let of_pair = if is_first_of_pair { words.hidden_by(&text) } else { Hides::Nothing };
            let own = match top {
                Some(top) if top.form == Form::Headers => hidden_by_header(words, &text),
                _ => hidden_by_option(words, &text),
            };
            let after = of_pair.max(own);
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
        let is_item = self.open.last().is_some_and(Open::is_array);
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
            start_of_json(&text).map(|_| (REDACTED.to_owned(), 1))
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

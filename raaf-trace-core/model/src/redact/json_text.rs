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
    /// What is open, the text itself first.
    open: Vec<Open>,
    edits: Edits,
}

/// Object or array whose end has not been found.
#[derive(Default)]
struct Open {
    is_array: bool,
    /// It is an item of an array.
    is_item: bool,
    /// Whether it has a first item.
    has_items: bool,
    /// What all values in it hide.
    hides: Hides,
    /// What the next value hides.
    next: Hides,
    /// What the value after the next comma hides.
    after: Hides,
    key: Key,
    /// What a field `name` says that the field `value` hides.
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
        top.key = if named::NAME.contains(&key.to_ascii_lowercase().as_str()) {
            Key::Name
        } else if named::VALUE.contains(&key.to_ascii_lowercase().as_str()) {
            Key::Value
        } else {
            Key::Other
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
            self.top().named = named;
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
        if self.level == MAX_LEVELS {
            if may_hold_secrets(&text) {
                self.hide(inner);
            }
        } else if let Some((text, count)) = self.search.text(&text, self.level + 1) {
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
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::{super::words::SecretWords, *};
    use crate::attributes::json::tests::any_json;

    fn search() -> Search {
        let mut search = Search::default();
        search.words.add(SecretWords::DEFAULT);
        search
    }

    fn redacted(text: &str) -> String {
        search().text(text, 0).map_or_else(|| text.to_owned(), |(text, _)| text)
    }

    #[test]
    fn a4_json_text_keeps_its_form() {
        assert_eq!(
            redacted(r#" { "apiKey" : "k", "n": 1.50, "a": [ {"password":"p\"q"} ] }"#),
            r#" { "apiKey" : "[REDACTED]", "n": 1.50, "a": [ {"password":"[REDACTED]"} ] }"#
        );
    }

    #[test]
    fn a4_all_strings_under_a_secret_key_are_hidden() {
        let text = r#"{"token":{"id":7,"parts":["a",{"b":"c"}],"ok":true},"after":"x"}"#;
        let expected =
            r#"{"token":{"id":7,"parts":["[REDACTED]",{"b":"[REDACTED]"}],"ok":true},"after":"x"}"#;
        assert_eq!(redact(&search(), text, 0), Some((expected.to_owned(), 2)));
        assert_eq!(redact(&search(), expected, 0), None, "a second look finds nothing");
    }

    #[test]
    fn a4_text_that_was_cut_is_searched_too() {
        assert_eq!(
            redacted(r#"{"password":"hunter2","note":"long... [truncated]"#),
            r#"{"password":"[REDACTED]","note":"long... [truncated]"#
        );
        assert_eq!(
            redacted(r#"{"note":"x","password":"hunt... [truncated]"#),
            r#"{"note":"x","password":"[REDACTED]... [truncated]"#
        );
        assert_eq!(
            redacted(r#"["{\"password\":\"hun... [truncated]"#),
            r#"["{\"password\":\"[REDACTED]... [truncated]"#
        );
    }

    #[test]
    fn a4_json_in_strings_in_json_is_searched() {
        let inner = json!({"secret": "s", "é\n": "\u{1F600}"}).to_string();
        let middle = json!({"body": inner}).to_string();
        let outer = json!({"response": middle}).to_string();
        let parsed: Json = serde_json::from_str(&redacted(&outer)).unwrap();
        let parsed: Json = serde_json::from_str(parsed["response"].as_str().unwrap()).unwrap();
        let parsed: Json = serde_json::from_str(parsed["body"].as_str().unwrap()).unwrap();
        assert_eq!(parsed, json!({"secret": "[REDACTED]", "é\n": "\u{1F600}"}));
    }

    #[test]
    fn a4_escaped_keys_are_read() {
        assert_eq!(redacted(r#"{"pass\u0077ord":"x"}"#), r#"{"pass\u0077ord":"[REDACTED]"}"#);
    }

    #[test]
    fn a4_escapes_are_read_in_text_that_was_cut_too() {
        let body = r"{\u0022token\u0022:\u0022t\u0022,\u0022n\u0022:\u0022\ud83d\ude00\u00e";
        let hidden = redacted(&format!(r#"["{body}... [truncated]"#));
        assert!(hidden.contains("REDACTED") && hidden.contains("\u{1F600}"), "{hidden}");
        assert!(!hidden.contains(r"t\u0022") && !hidden.contains("\"t\\"), "{hidden}");
    }

    #[test]
    fn a4_json_that_is_quoted_too_often_is_hidden_whole() {
        // Each level adds five bytes to its quotes, which plain quoting would double.
        let quote = |level: usize| match level {
            0 => "\"".to_owned(),
            level => format!("\\{}u0022", "u005c".repeat(level - 1)),
        };
        let nested = |levels: usize| {
            let mut text: String =
                (0..levels).flat_map(|level| ["[".to_owned(), quote(level)]).collect();
            let quote = quote(levels);
            text.extend(["{", &quote, "token", &quote, ":", &quote, "hunter2", &quote]);
            text
        };
        for levels in [1, 2, MAX_LEVELS, MAX_LEVELS + 1, 150] {
            let hidden = redacted(&nested(levels));
            assert!(hidden.contains(REDACTED) && !hidden.contains("hunter2"), "{levels}");
            assert_eq!(hidden.contains("token"), levels <= MAX_LEVELS, "{levels}");
        }
    }

    #[test]
    fn a4_lists_of_headers_are_searched() {
        for (text, expected) in [
            (
                r#"[["Authorization","Bearer x"],["Accept","a"]]"#,
                r#"[["Authorization","[REDACTED]"],["Accept","a"]]"#,
            ),
            (r#"[{"name":"Cookie","value":"a=b"}]"#, r#"[{"name":"Cookie","value":"[REDACTED]"}]"#),
            (
                r#"{"value":"x","password":"y","Name":"token"}"#,
                r#"{"value":"[REDACTED]","password":"[REDACTED]","Name":"token"}"#,
            ),
            (
                r#"{"values":["x",{"a":"y"}],"key":"DB_PASS"}"#,
                r#"{"values":"[REDACTED]","key":"DB_PASS"}"#,
            ),
            (r#"{"name":"pin","value":1234}"#, r#"{"name":"pin","value":"[REDACTED]"}"#),
            (r#"{"name":"city","value":"Rome"}"#, r#"{"name":"city","value":"Rome"}"#),
            (r#"["Authorization: Bearer x","A: b"]"#, r#"["Authorization: [REDACTED]","A: b"]"#),
            (
                r#"["OPENAI_API_KEY=sk-1","--token=x"]"#,
                r#"["OPENAI_API_KEY=[REDACTED]","--token=[REDACTED]"]"#,
            ),
            (r#"["run","--api-key","x","y"]"#, r#"["run","--api-key","[REDACTED]","y"]"#),
            (r#"{"required":["password","user"]}"#, r#"{"required":["password","user"]}"#),
        ] {
            assert_eq!(redacted(text), expected);
            assert_eq!(redacted(expected), expected, "a second look finds nothing");
        }
    }

    #[test]
    fn a4_numbers_under_a_key_of_numbers_are_hidden() {
        assert_eq!(
            redacted(r#"{"ssn":123456789,"pin":[1,-2.5e3],"token":7,"cvv":null,"n":1}"#),
            r#"{"ssn":"[REDACTED]","pin":["[REDACTED]","[REDACTED]"],"token":7,"cvv":null,"n":1}"#
        );
    }

    #[test]
    fn a4_quoted_json_and_blocks_of_it_are_searched() {
        let inner = r#"{"password":"x"}"#;
        let quoted = serde_json::to_string(inner).unwrap();
        let twice = serde_json::to_string(&quoted).unwrap();
        for text in [quoted, twice, format!("\u{feff}{inner}"), format!("```json\n{inner}\n```")] {
            let hidden = redacted(&text);
            assert!(hidden.contains(REDACTED) && !hidden.contains("\"x"), "{hidden}");
        }
    }

    #[test]
    fn a4_urls_in_json_are_searched() {
        assert_eq!(
            redacted(r#"{"a":"https:\/\/u:p@h\/x?api_key=S","b":"ftp://u:p@h"}"#),
            r#"{"a":"https://[REDACTED]@h/x?api_key=[REDACTED]","b":"ftp://[REDACTED]@h"}"#
        );
    }

    #[test]
    fn a4_what_is_not_json_stays() {
        for text in [
            "",
            "{",
            "[\"",
            "password: \"x\"",
            "\"",
            "]]}{\"",
            "{}",
            r#"{"max_tokens":"5"}"#,
            "[\"\\",
        ] {
            assert_eq!(redact(&search(), text, 0), None, "{text}");
        }
    }

    #[test]
    fn a4_depth_costs_no_stack() {
        let text = format!("{}{}", "[".repeat(1_000_000), r#"{"token":"t"}"#);
        assert!(redacted(&text).ends_with(r#"{"token":"[REDACTED]"}"#));
    }

    proptest! {
        #[test]
        fn a4_json_stays_json(value in any_json(), secret: String) {
            let text = json!({"a": [value, {"token": secret}], "b": {"cookie": value}}).to_string();
            let parsed: Json = serde_json::from_str(&redacted(&text)).unwrap();
            prop_assert_eq!(&parsed["a"][1]["token"], REDACTED);
            prop_assert_eq!(&parsed["a"][0], &value);
        }

        #[test]
        fn a4_any_text_is_searched_without_a_panic(text in "[{\\[][\\[\\]{},:\"\\\\a-cé \u{0}]{0,60}") {
            let mut search = Search::default();
            search.words.add(["a", "b"]);
            search.text(&text, 0);
        }
    }
}

//! Redaction of text that is JSON, or was before it was cut.

use super::{REDACTED, words::SecretWords};
use crate::attributes::TRUNCATED;

/// Returns the text with its secrets replaced, and their number; `None` when it contains none.
///
/// Searches only text that begins like a JSON object or array. It scans tokens instead of parsing,
/// so JSON that was cut is searched as well, numbers and whitespace stay unchanged, and depth costs
/// nothing. It recurses into JSON inside strings, [`MAX_LEVELS`] deep; JSON that is quoted more
/// often is replaced entirely.
pub(super) fn redact(words: &SecretWords, text: &str) -> Option<(String, u32)> {
    redact_level(words, text, 0)
}

/// Maximum number of levels of JSON quoted inside JSON strings that are searched. Quoting doubles
/// backslashes, so text from repeated quoting stays far below this limit. Text that writes
/// backslashes as `\u005c` nests deeper at a few bytes a level, and doubles in size a level when it
/// is quoted again.
const MAX_LEVELS: usize = 8;

fn redact_level(words: &SecretWords, text: &str, level: usize) -> Option<(String, u32)> {
    if !may_hold_secrets(text) {
        return None;
    }
    let mut scan = Scan { text, level, redacted: String::new(), copied: 0, count: 0 };
    scan.run(words);
    (scan.count > 0).then(|| {
        scan.redacted.push_str(&text[scan.copied..]);
        (scan.redacted, scan.count)
    })
}

/// Returns whether the text looks like JSON with a string in it.
fn may_hold_secrets(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && text.contains('"')
}

struct Scan<'a> {
    text: &'a str,
    /// Number of strings around the text.
    level: usize,
    redacted: String,
    /// Length of the part of `text` that was copied to `redacted`.
    copied: usize,
    count: u32,
}

impl Scan<'_> {
    fn run(&mut self, words: &SecretWords) {
        let bytes = self.text.as_bytes();
        let mut depth = 0_usize;
        // The last key names a secret, so its value is one.
        let mut value_is_secret = false;
        // Depth of the array or object under such a key.
        let mut secret_depth = None;
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'{' | b'[' => {
                    depth += 1;
                    if std::mem::take(&mut value_is_secret) {
                        secret_depth = secret_depth.or(Some(depth));
                    }
                }
                b'}' | b']' => {
                    if secret_depth == Some(depth) {
                        secret_depth = None;
                    }
                    depth = depth.saturating_sub(1);
                    value_is_secret = false;
                }
                b',' => value_is_secret = false,
                b'"' => {
                    let end = string_end(bytes, at + 1);
                    if is_key(bytes, end) {
                        let key = unescape(&self.text[at + 1..end]);
                        value_is_secret = words.name_a_secret(&key);
                    } else if std::mem::take(&mut value_is_secret) || secret_depth.is_some() {
                        self.hide(at + 1, end);
                    } else {
                        self.search_inside(words, at + 1, end);
                    }
                    at = end;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Replaces the contents of a string.
    fn hide(&mut self, start: usize, end: usize) {
        let secret = &self.text[start..end];
        if secret != REDACTED {
            let mark =
                if end == self.text.len() && secret.ends_with(TRUNCATED) { TRUNCATED } else { "" };
            self.replace(start, end, &[REDACTED, mark], 1);
        }
    }

    /// Searches a string that may itself be JSON text.
    fn search_inside(&mut self, words: &SecretWords, start: usize, end: usize) {
        let raw = &self.text[start..end];
        // JSON text inside a string has escaped quotes.
        if !raw.contains('\\') {
            return;
        }
        let inner = unescape(raw);
        if self.level == MAX_LEVELS {
            if may_hold_secrets(&inner) {
                self.hide(start, end);
            }
        } else if let Some((inner, count)) = redact_level(words, &inner, self.level + 1) {
            let quoted = serde_json::Value::from(inner).to_string();
            self.replace(start, end, &[&quoted[1..quoted.len() - 1]], count);
        }
    }

    fn replace(&mut self, start: usize, end: usize, by: &[&str], count: u32) {
        self.redacted.push_str(&self.text[self.copied..start]);
        self.redacted.extend(by.iter().copied());
        self.copied = end;
        self.count = self.count.saturating_add(count);
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

    use super::*;
    use crate::attributes::json::tests::any_json;

    fn words() -> SecretWords {
        let mut words = SecretWords::default();
        words.add(SecretWords::DEFAULT);
        words
    }

    fn redacted(text: &str) -> String {
        redact(&words(), text).map_or_else(|| text.to_owned(), |(text, _)| text)
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
        assert_eq!(redact(&words(), text), Some((expected.to_owned(), 2)));
        assert_eq!(redact(&words(), expected), None, "a second look finds nothing");
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
    fn a4_what_is_not_json_stays() {
        for text in ["", "{", "[\"", "password: \"x\"", "{}", r#"{"max_tokens":"5"}"#, "[\"\\"] {
            assert_eq!(redact(&words(), text), None, "{text}");
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
            let mut words = SecretWords::default();
            words.add(["a", "b"]);
            redact(&words, &text);
        }
    }
}

//! Removal of known values from text.

use std::cmp::Reverse;

use super::REDACTED;

/// Returns the text without these values, including their forms with escapes of JSON, URLs or HTML.
pub(super) fn without(text: &str, values: &[&str]) -> String {
    let mut values: Vec<_> = values.iter().filter(|value| !value.is_empty()).collect();
    // Longest first: a short value may be a part of a long one, of which the rest would remain.
    values.sort_by_key(|value| Reverse(value.len()));
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some(length) = values.iter().find_map(|value| length_of(value, rest)) {
            shown.push_str(REDACTED);
            rest = &rest[length..];
        } else {
            shown.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    shown
}

/// Returns the length of the value at the start of the text.
fn length_of(value: &str, text: &str) -> Option<usize> {
    let mut rest = text;
    for letter in value.chars() {
        // The encoded form of `&` begins with `&`.
        rest = strip_encoded(letter, rest)
            .or_else(|| rest.strip_prefix(letter))
            .or_else(|| strip_escaped(letter, rest))?;
    }
    Some(text.len() - rest.len())
}

/// Maximum length of an HTML entity after its `&`, in bytes.
const MAX_ENTITY: usize = 8;

/// Largest number of backslashes before a letter, as of JSON that is quoted five times.
const MAX_BACKSLASHES: usize = 64;

/// Strips an escape such as `\/` or `\u002f`, of which JSON that is quoted again doubles the
/// backslashes.
fn strip_escaped(letter: char, text: &str) -> Option<&str> {
    let escape = strip_backslashes(text);
    if escape.len() == text.len() {
        return None;
    }
    if let Some(rest) = escape.strip_prefix(letter) {
        return Some(rest);
    }
    let mut rest = escape;
    let mut units = [0; 2];
    for (index, unit) in letter.encode_utf16(&mut units).iter().enumerate() {
        if index > 0 {
            rest = strip_backslashes(rest);
        }
        let digits = rest.strip_prefix('u')?.get(..4)?;
        rest = (u16::from_str_radix(digits, 16).ok()? == *unit).then(|| &rest[5..])?;
    }
    Some(rest)
}

/// Strips an ASCII letter in the encodings of URLs and HTML: `%2F`, `&#47;`, `&#x2f;` or `&amp;`.
fn strip_encoded(letter: char, text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('%') {
        let byte = u8::from_str_radix(rest.get(..2)?, 16).ok()?;
        return (letter == char::from(byte) && byte.is_ascii()).then_some(&rest[2..]);
    }
    let after = text.strip_prefix('&')?;
    let end = after.bytes().take(MAX_ENTITY).position(|byte| byte == b';')?;
    let named = match &after[..end] {
        "amp" => '&',
        "apos" => '\'',
        "gt" => '>',
        "lt" => '<',
        "quot" => '"',
        entity => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    (letter == named).then(|| &after[end + 1..])
}

fn strip_backslashes(text: &str) -> &str {
    let count = text.bytes().take(MAX_BACKSLASHES).take_while(|byte| *byte == b'\\').count();
    &text[count..]
}

#[cfg(test)]
mod tests {
    use super::{REDACTED, without};

    #[test]
    fn a_value_is_found_with_escapes_of_json() {
        let values = ["sk/é1😀", "abc", "abcdef", ""];
        for text in
            ["sk/é1😀", r"sk\/é1😀", r"\u0073k\u002fé1\uD83D\uDE00", r"s\\u006b\\\/\\u00e91😀"]
        {
            let said = format!("bad key '{text}'!");
            assert_eq!(without(&said, &values), "bad key '[REDACTED]'!", "{text}");
        }
        let encoded = ["a/+&=b"];
        for text in ["a%2F%2b%26%3Db", "a&#47;+&amp;=b", "a&#x2f;%2B&#38;=b"] {
            assert_eq!(without(&format!("at {text};"), &encoded), "at [REDACTED];", "{text}");
        }
        for text in ["a%2", "a&", "a&#xéé;", "%"] {
            assert_eq!(without(text, &["a/", "&"]), text.replace('&', REDACTED), "{text}");
        }
        assert_eq!(without("abcdef, abc, ab", &values), "[REDACTED], [REDACTED], ab");
        assert_eq!(without(r"\u00", &["\u{0}"]), r"\u00");
        assert_eq!(without(r"\", &["a"]), r"\");
    }
}

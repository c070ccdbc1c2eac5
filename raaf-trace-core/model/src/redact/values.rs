//! Removal of known values from text.

use std::cmp::Reverse;

use super::REDACTED;

/// Returns the text without these values, also where it writes them with the escapes of JSON.
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
        rest = match rest.strip_prefix(letter) {
            Some(rest) => rest,
            None => strip_escaped(letter, rest)?,
        };
    }
    Some(text.len() - rest.len())
}

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

fn strip_backslashes(text: &str) -> &str {
    let count = text.bytes().take(MAX_BACKSLASHES).take_while(|byte| *byte == b'\\').count();
    &text[count..]
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn a_value_is_found_with_escapes_of_json() {
        let values = ["sk/é1😀", "abc", "abcdef", ""];
        for text in
            ["sk/é1😀", r"sk\/é1😀", r"\u0073k\u002fé1\uD83D\uDE00", r"s\\u006b\\\/\\u00e91😀"]
        {
            let said = format!("bad key '{text}'!");
            assert_eq!(without(&said, &values), "bad key '[REDACTED]'!", "{text}");
        }
        assert_eq!(without("abcdef, abc, ab", &values), "[REDACTED], [REDACTED], ab");
        assert_eq!(without(r"\u00", &["\u{0}"]), r"\u00");
        assert_eq!(without(r"\", &["a"]), r"\");
    }
}

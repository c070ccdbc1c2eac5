//! Redaction of text that is not JSON: URLs, forms, and items of lists.

use std::ops::Range;

use super::{
    REDACTED,
    edits::Edits,
    words::{Hides, SecretWords},
};
use crate::percent;

/// Parameters of URLs that are secret, though their names alone do not show it.
const PARAMETERS: [&str; 6] =
    ["awsaccesskeyid", "key", "sig", "signature", "x-amz-signature", "x-goog-signature"];

/// Most bytes of a name before `=` or `:`.
const MAX_NAME: usize = 64;

/// Returns the text without the user information of its URLs, and without the secret parameters of
/// its URLs and forms; `None` when it has none of them.
pub(super) fn redact(words: &SecretWords, text: &str) -> Option<(String, u32)> {
    // Most texts have no secret: they are searched for two characters.
    if !text.contains(':') && !text.contains('=') {
        return None;
    }
    let mut edits = Edits::default();
    for user in users(text) {
        hide(text, user, &mut edits);
    }
    for parameter in parameters(words, text) {
        hide(text, parameter, &mut edits);
    }
    edits.apply(text)
}

/// Returns the part of a list's item that is secret: the value of `Authorization: Bearer …`,
/// `API_KEY=…` or `--api-key=…`.
pub(super) fn value_of_item(words: &SecretWords, item: &str) -> Option<Range<usize>> {
    let separator = item.find([':', '='])?;
    let name = item[..separator].trim().trim_start_matches('-');
    if !is_name(name) || words.hidden_by(name) == Hides::Nothing {
        return None;
    }
    let value = item[separator + 1..].trim_start();
    (!value.is_empty() && !value.starts_with("//")).then(|| item.len() - value.len()..item.len())
}

/// Returns whether an item of a list is an option, such as `--api-key`, whose value is secret.
pub(super) fn hidden_by_option(words: &SecretWords, item: &str) -> Hides {
    match item.strip_prefix('-').map(|name| name.trim_start_matches('-')) {
        Some(name) if is_name(name) => words.hidden_by(name),
        _ => Hides::Nothing,
    }
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=MAX_NAME).contains(&text.len()) && text.chars().all(is_part)
}

fn hide(text: &str, part: Range<usize>, edits: &mut Edits) {
    if !part.is_empty() && !text[part.clone()].starts_with(REDACTED) {
        edits.push(part, REDACTED, 1);
    }
}

/// Returns the user information of the URLs in the text.
fn users(text: &str) -> impl Iterator<Item = Range<usize>> {
    // A search for the whole mark takes longer to prepare than most texts to search.
    text.match_indices(':').filter_map(|(at, _)| {
        let rest = text[at..].strip_prefix("://")?;
        let start = text.len() - rest.len();
        let end = rest.find(|c| ends_url(c) || matches!(c, '/' | '?' | '#')).unwrap_or(rest.len());
        Some(start..start + rest[..end].rfind('@')?)
    })
}

/// Returns the values of secret parameters: `?api_key=…`, `&sig=…`, and, where the whole text is a
/// form, also of the first one.
fn parameters(words: &SecretWords, text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut searched = 0;
    text.match_indices('=').filter_map(move |(at, _)| {
        // A value may hold what looks like parameters: it is read once.
        if at < searched {
            return None;
        }
        let is_part = |c: char| c.is_alphanumeric() || "_-.%[]$".contains(c);
        let before = text[..at].trim_end_matches(is_part);
        let name = &text[before.len()..at];
        if !(1..=MAX_NAME).contains(&name.len()) {
            return None;
        }
        let is_parameter = before.ends_with(['?', '&', '#', ';']);
        let begins_form = before.is_empty() && !text.contains(char::is_whitespace);
        let is_secret = || {
            let name = percent::decoded(name.as_bytes());
            let name = String::from_utf8_lossy(&name);
            words.hidden_by(&name) > Hides::Nothing
                || is_parameter && PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(&name))
        };
        if !(is_parameter || begins_form) || words.is_empty() || !is_secret() {
            return None;
        }
        let value = &text[at + 1..];
        let is_end = |c| ends_url(c) || matches!(c, '&' | '#' | ';');
        // `==` compares.
        if value.starts_with('=') {
            return None;
        }
        searched = at + 1 + value.find(is_end).unwrap_or(value.len());
        Some(at + 1..searched)
    })
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\' | ')' | '}' | '|')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(text: &str) -> String {
        let mut words = SecretWords::default();
        words.add(SecretWords::DEFAULT);
        redact(&words, text).map_or_else(|| text.to_owned(), |(text, _)| text)
    }

    #[test]
    fn a4_urls_lose_users_and_keys() {
        for (text, expected) in [
            ("https://u:p@h/x", "https://[REDACTED]@h/x"),
            ("postgres://u:p@w@h:5432/db", "postgres://[REDACTED]@h:5432/db"),
            ("see https://ghp_1@h and http://h2/a@b", "see https://[REDACTED]@h and http://h2/a@b"),
            ("https://h/?a=1&api_key=S&b=2", "https://h/?a=1&api_key=[REDACTED]&b=2"),
            ("https://h/x?api%5Fkey=S)", "https://h/x?api%5Fkey=[REDACTED])"),
            (
                "https://h/x?sig=S#access_token=T",
                "https://h/x?sig=[REDACTED]#access_token=[REDACTED]",
            ),
            ("/x?X-Amz-Signature=S&key=T", "/x?X-Amz-Signature=[REDACTED]&key=[REDACTED]"),
            ("/x?X-Amz-Credential=S", "/x?X-Amz-Credential=[REDACTED]"),
            ("user=a&password=b", "user=a&password=[REDACTED]"),
            ("client_secret=b&user=a", "client_secret=[REDACTED]&user=a"),
            ("OPENAI_API_KEY=sk-1", "OPENAI_API_KEY=[REDACTED]"),
        ] {
            assert_eq!(redacted(text), expected);
            assert_eq!(redacted(expected), expected, "a second look finds nothing");
        }
    }

    proptest! {
        #[test]
        fn a4_users_are_found_as_by_a_search_for_the_whole_mark(text in "[:/@=?&#;. \"a\u{e9}]{0,24}") {
            let found = text.match_indices("://").filter_map(|(at, mark)| {
                let start = at + mark.len();
                let host = text[start..].split(|c| ends_url(c) || "/?#".contains(c)).next()?;
                Some(start..start + host.rfind('@')?)
            });
            let found: Vec<_> = found.collect();
            prop_assert_eq!(users(&text).collect::<Vec<_>>(), &*found);
            let redacted = redacted(&text);
            for user in found {
                prop_assert!(user.is_empty() || redacted != text);
            }
        }
    }

    #[test]
    fn a4_harmless_urls_and_texts_stay() {
        for text in [
            "https://h:80/p?page=2&max_tokens=5",
            "://",
            "a://@",
            "=",
            "?=&=",
            "if token=1 then",
            "x&password==y",
            "http://h/?token_type=bearer",
            "%",
            "?%=1&%é=2",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}

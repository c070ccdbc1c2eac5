//! Redaction of text that is not JSON: URLs, forms, headers, commands, and items of lists.

use std::ops::Range;

use memchr::{memchr_iter, memchr2, memchr2_iter};

use super::{
    REDACTED,
    edits::Edits,
    json_text,
    words::{Hides, SecretWords},
};
use crate::percent;

/// Parameters of URLs that are secret, though their names alone do not show it.
const PARAMETERS: [&str; 7] =
    ["appid", "awsaccesskeyid", "key", "sig", "signature", "x-amz-signature", "x-goog-signature"];

/// Maximum length of the rest of a password in a URL, from an unencoded `/`, `?` or `#` on, in bytes.
const MAX_PASSWORD: usize = 256;

/// Schemes of authorization, which precede a secret.
const SCHEMES: [&str; 7] = ["ApiKey", "Basic", "Bearer", "Digest", "DPoP", "Negotiate", "Token"];

/// Most bytes of a name before `=` or `:`.
const MAX_NAME: usize = 64;

/// Returns the text without the user information of its URLs, and without secret parameters, headers,
/// variables, options and quoted values; `None` when it has none of them.
pub(super) fn redact(words: &SecretWords, text: &str) -> Option<(String, u32)> {
    // Most texts have no secret, and end here.
    if memchr2(b':', b'=', text.as_bytes()).is_none() && dashes(text).next().is_none() {
        return None;
    }
    let mut edits = Edits::default();
    for user in users(text) {
        hide(text, user, &mut edits);
    }
    for parameter in parameters(words, text) {
        hide(text, parameter, &mut edits);
    }
    // In JSON, a quote ends a string, unless it is escaped.
    let has_json = json_text::start_of_json(text).is_some();
    let values = headers(words, text)
        .chain(assignments(words, text, has_json))
        .chain(quoted(words, text, has_json));
    for value in values {
        hide(text, value, &mut edits);
    }
    edits.apply(text)
}

/// Returns the part of a list's item that is secret: the value of `Authorization: Bearer …`,
/// `API_KEY=…` or `--api-key=…`.
pub(super) fn value_of_item(words: &SecretWords, item: &str) -> Option<Range<usize>> {
    let separator = item.find([':', '='])?;
    let name = item[..separator].trim().trim_start_matches('-');
    if !is_name(name) {
        return None;
    }
    let value = item[separator + 1..].trim_start();
    let start = item.len() - value.len();
    if words.hidden_by(name) == Hides::Nothing {
        // The value of an option may itself be a header: `--header=Authorization: …`.
        let inner = value_of_item(words, value.trim_start_matches('"'))
            .filter(|_| item.starts_with('-'))?;
        return Some(item.len() - inner.len()..item.len());
    }
    (!value.is_empty() && !value.starts_with("//")).then_some(start..item.len())
}

/// Returns whether an item of a list is an option, such as `--api-key`, whose value is secret.
pub(super) fn hidden_by_option(words: &SecretWords, item: &str) -> Hides {
    match item.strip_prefix('-').map(|name| name.trim_start_matches('-')) {
        Some(name) if is_name(name) => words.hidden_by(name),
        _ => Hides::Nothing,
    }
}

/// Returns which values are secret after an item of a list of alternating headers and values.
pub(super) fn hidden_by_header(words: &SecretWords, item: &str) -> Hides {
    if is_header(item) { words.hidden_by(item) } else { Hides::Nothing }
}

/// Returns whether the name can only be that of a header.
fn is_header(name: &str) -> bool {
    is_name(name)
        && (name.contains('-')
            || ["authorization", "cookie"].iter().any(|known| known.eq_ignore_ascii_case(name)))
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
        if let Some(length) = rest[..end].rfind('@') {
            return Some(start..start + length);
        }
        // With an unencoded password, what looks like the port is not a number.
        let (_, port) = rest[..end].rsplit_once(':')?;
        if rest.starts_with('[') || port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let more =
            rest.char_indices().take_while(|(at, c)| *at < end + MAX_PASSWORD && !ends_url(*c));
        let (length, _) = more.filter(|(_, c)| *c == '@').last()?;
        Some(start..start + length)
    })
}

/// Returns the values of secret parameters: `?api_key=…`, `&sig=…`, and, where the whole text is a
/// form, also of the first one.
fn parameters(words: &SecretWords, text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut searched = 0;
    // Settings of a connection, such as `host=h password=p`.
    let are_pairs = text.contains('=') && text.split_whitespace().all(|word| word.contains('='));
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
        let is_parameter = before.trim_end_matches(' ').ends_with(['?', '&', '#', ';']);
        let begins_form = are_pairs && (before.is_empty() || before.ends_with(char::is_whitespace));
        // The whole text is the query of a URL.
        let is_whole = before.is_empty() && !text.contains(char::is_whitespace);
        let is_secret = || {
            let name = percent::decoded(name.as_bytes());
            let name = String::from_utf8_lossy(&name);
            words.hidden_by(&name) > Hides::Nothing
                || (is_parameter || is_whole)
                    && PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(&name))
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

/// Returns the values of secret headers: `Authorization: Bearer …`, as a line or in a command.
fn headers(words: &SecretWords, text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut searched = 0;
    text.match_indices(':').filter_map(move |(at, _)| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let name = &text[text[..at].trim_end_matches(is_part).len()..at];
        if at < searched || !is_header(name) || words.hidden_by(name) == Hides::Nothing {
            return None;
        }
        let value = text[at + 1..].trim_start_matches([' ', '\t']);
        let start = text.len() - value.len();
        searched = start + end_of_header(value)?;
        Some(start..searched)
    })
}

/// Returns the length of a header's value; `None` for prose about a header, which has several words.
fn end_of_header(value: &str) -> Option<usize> {
    let word = value.split(' ').next().unwrap_or_default();
    let has_scheme = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(word));
    let mut previous = ' ';
    for (at, letter) in value.char_indices() {
        if matches!(letter, '\r' | '\n' | '"' | '\'' | '`' | '\\') {
            return Some(at);
        }
        if previous == ' ' && letter != ' ' && at > 0 && !has_scheme {
            let before = value[..at].trim_end_matches(' ');
            if !before.ends_with([';', ',']) {
                return None;
            }
        }
        previous = letter;
    }
    Some(value.len())
}

/// Returns the values of secret variables and options in a command: `API_KEY=…`, `--api-key=…`
/// and `--api-key …`.
fn assignments(
    words: &SecretWords,
    text: &str,
    is_json: bool,
) -> impl Iterator<Item = Range<usize>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let is_secret =
        |name: &str| (1..=MAX_NAME).contains(&name.len()) && words.hidden_by(name) > Hides::Nothing;
    let mut searched = 0;
    let variables = text.match_indices('=').filter_map(move |(at, _)| {
        let name = &text[text[..at].trim_end_matches(is_part).len()..at];
        let is_variable = name.starts_with("--")
            || name.contains(|c: char| c.is_ascii_uppercase())
                && !name.contains(|c: char| c.is_ascii_lowercase() || c == '-');
        if at < searched || !is_variable || !is_secret(name) {
            return None;
        }
        let value = value_in_command(text, at + 1, is_json);
        searched = value.end;
        Some(value)
    });
    let options = dashes(text).filter_map(move |at| {
        if text[..at].ends_with(is_part) {
            return None;
        }
        let option = &text[at..];
        let name = &option[..option.find(|c| !is_part(c))?];
        let value = option[name.len()..].strip_prefix(' ')?.trim_start_matches(' ');
        let is_value = !value.starts_with('-') && is_secret(name);
        is_value.then(|| value_in_command(text, text.len() - value.len(), is_json))
    });
    // `==` compares.
    variables.chain(options).filter(|value| !text[value.clone()].starts_with('='))
}

/// Returns the positions of two hyphens in a row.
fn dashes(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    memchr_iter(b'-', bytes).filter(|at| bytes.get(at + 1) == Some(&b'-'))
}

/// Returns the quoted values of secret names in code and markup: `password = "…"` and
/// `'password': '…'`.
fn quoted(words: &SecretWords, text: &str, is_json: bool) -> impl Iterator<Item = Range<usize>> {
    let mut searched = 0;
    memchr2_iter(b':', b'=', text.as_bytes()).filter_map(move |at| {
        let value = text[at + 1..].trim_start_matches(' ');
        if at < searched || !value.starts_with(['"', '\'']) {
            return None;
        }
        let before = text[..at].trim_end_matches(' ').trim_end_matches(['"', '\'']);
        let is_part = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let name = &before[before.trim_end_matches(is_part).len()..];
        if !is_name(name) || words.hidden_by(name) == Hides::Nothing {
            return None;
        }
        let value = value_in_command(text, text.len() - value.len(), is_json);
        searched = value.end;
        Some(value)
    })
}

/// Returns the value of a variable or an option that begins at `start`, without quotes.
fn value_in_command(text: &str, start: usize, is_json: bool) -> Range<usize> {
    let is_quote = |first: &char| *first == '\'' || *first == '"' && !is_json;
    let quote = text[start..].chars().next().filter(is_quote);
    let start = start + quote.map_or(0, char::len_utf8);
    let ends = |c: char| match quote {
        Some(quote) => c == quote || is_json && matches!(c, '"' | '\\'),
        None => c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '\\' | ';' | '&' | '|'),
    };
    let value = &text[start..];
    start..start + value.find(ends).unwrap_or(value.len())
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\' | ')' | '}' | '|')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::terms, *};

    fn redacted(text: &str) -> String {
        let mut words = SecretWords::default();
        words.add(terms::DEFAULT);
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
            ("sig=b&sv=a", "sig=[REDACTED]&sv=a"),
            ("OPENAI_API_KEY=sk-1", "OPENAI_API_KEY=[REDACTED]"),
            ("host=h password=S user=a", "host=h password=[REDACTED] user=a"),
            ("Server=h; Password=S; a=b", "Server=h; Password=[REDACTED]; a=b"),
            ("postgres://u:p#w@h/db", "postgres://[REDACTED]@h/db"),
            ("https://u:p/w?x@h/db, a@b", "https://[REDACTED]@h/db, a@b"),
        ] {
            assert_eq!(redacted(text), expected);
            assert_eq!(redacted(expected), expected, "a second look finds nothing");
        }
    }

    #[test]
    fn a4_headers_and_commands_lose_their_secrets() {
        for (text, expected) in [
            ("Authorization: Bearer S x\r\nA: b", "Authorization: [REDACTED]\r\nA: b"),
            ("A: b\nset-cookie: a=S; Path=/", "A: b\nset-cookie: [REDACTED]"),
            ("curl -H 'X-Api-Key: S' h", "curl -H 'X-Api-Key: [REDACTED]' h"),
            ("export A=1 API_KEY=S; run", "export A=1 API_KEY=[REDACTED]; run"),
            ("API_KEY=\"S x\" run", "API_KEY=\"[REDACTED]\" run"),
            ("run --api-key S --n 1", "run --api-key [REDACTED] --n 1"),
            ("run --api-key='S x'", "run --api-key='[REDACTED]'"),
            ("let password = \"S\";", "let password = \"[REDACTED]\";"),
            ("{'user': 'a', 'password': 'S'}", "{'user': 'a', 'password': '[REDACTED]'}"),
            ("Login { token: \"S\" }", "Login { token: \"[REDACTED]\" }"),
        ] {
            assert_eq!(redacted(text), expected);
            assert_eq!(redacted(expected), expected, "a second look finds nothing");
        }
    }

    #[test]
    fn a4_values_in_json_end_with_its_strings() {
        for text in [
            r#"{"a":"password=","b":"c"}"#,
            r#"{"a":"API_KEY=","b":"c"}"#,
            r#"{"a":"--token ","b":"c"}"#,
            r#"{"a":"Cookie:","b":"c"}"#,
        ] {
            assert_eq!(redacted(text), text);
        }
        assert_eq!(redacted(r#"{"a":"API_KEY='x","b":1}"#), r#"{"a":"API_KEY='[REDACTED]","b":1}"#);
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
            "Cookie: a file that a browser keeps",
            "https://h:80/p@x",
            "password == \"x\"",
            "--token-count 5 --pass-through x",
            "http://h/?token_type=bearer",
            "%",
            "?%=1&%é=2",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}

//! Matching of keys against terms that name secrets.

use super::terms::{
    DEFAULT, GLUED, HARMLESS, HARMLESS_AFTER, HARMLESS_BEFORE, HARMLESS_BEFORE_TOKEN, NUMBERS,
};

/// Values that a key makes secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hides {
    #[default]
    Nothing,
    Strings,
    /// Strings and numbers, as of a card or a PIN.
    Numbers,
}

/// Terms that name secrets.
///
/// A key is split into words at characters other than letters and digits, at changes of case, and
/// between letters and digits. A term matches one word or several in sequence, with any separator:
/// `api_key` matches `apiKey`, `X-API-Key`, `APIKEY` and `api_key_2`, but not `api_keyboard`.
///
/// A word beside the term can mean that the value only describes a secret: `token_type`,
/// `stop_token` and `password_policy` name none.
#[derive(Clone, Debug, Default)]
pub(super) struct SecretWords {
    /// Terms as letters and digits in lower case, sorted.
    terms: Vec<String>,
    /// Indices in `terms` of the first term for each of the letters `a` to `z`, then the end of
    /// `z`. Terms with other first letters are outside.
    starts: [usize; 27],
}

impl SecretWords {
    pub(super) fn add(&mut self, words: impl IntoIterator<Item = impl AsRef<str>>) {
        let term = |word: &str| {
            word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        self.terms.extend(words.into_iter().map(|word| term(word.as_ref())));
        self.terms.retain(|term| !term.is_empty());
        self.terms.sort_unstable();
        self.terms.dedup();
        for (index, start) in self.starts.iter_mut().enumerate() {
            let first = b'a' + index as u8;
            *start = self.terms.partition_point(|term| term.as_bytes()[0] < first);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns which values of the key are secret.
    pub(super) fn hidden_by(&self, key: &str) -> Hides {
        let mut previous = None;
        let mut hides = Hides::Nothing;
        for (index, letter) in key.char_indices() {
            let rest = &key[index..];
            if letter.is_alphanumeric() {
                let begins_word = starts_word(previous, rest);
                let is_glued = previous.is_some_and(char::is_alphabetic);
                for term in self.candidates(letter) {
                    let begins = begins_word || is_glued && GLUED.contains(&term.as_str());
                    let end = if begins { term_end(term, rest) } else { None };
                    if end.is_some_and(|end| !is_harmless(key, term, index, index + end)) {
                        let numbers = NUMBERS.contains(&term.as_str());
                        hides = hides.max(if numbers { Hides::Numbers } else { Hides::Strings });
                    }
                }
            }
            previous = Some(letter);
        }
        hides
    }

    /// Returns the terms that may begin with this letter.
    fn candidates(&self, letter: char) -> &[String] {
        let index = letter.to_ascii_lowercase() as usize;
        match index.checked_sub('a' as usize) {
            Some(index) if index < 26 => &self.terms[self.starts[index]..self.starts[index + 1]],
            Some(_) => &self.terms[self.starts[26]..],
            None => &self.terms[..self.starts[0]],
        }
    }
}

/// Returns whether what is around a default term, from `start` to `end` of the key, makes it
/// harmless. Terms of the program are taken literally.
fn is_harmless(key: &str, term: &str, start: usize, end: usize) -> bool {
    let among = |list: &[&str], word: Option<&str>| {
        word.is_some_and(|word| list.iter().any(|known| known.eq_ignore_ascii_case(word)))
    };
    let (before, after) = (last_word(&key[..start]), first_word(&key[end..]));
    // The last token may be that of a text; the last password is a secret.
    let is_token = matches!(term, "token" | "pass");
    // A test can pass; a pass at the end of a key is a password.
    let is_verb = term == "pass" && after.is_some_and(|word| !word.starts_with(char::is_numeric));
    let is_default = || {
        let known = |default: &&str| default.bytes().filter(|byte| *byte != b'_').eq(term.bytes());
        DEFAULT.iter().any(known)
    };
    let describes = is_verb
        || among(&HARMLESS_AFTER, after)
        || among(&HARMLESS_BEFORE, Some(before))
        || is_token && among(&HARMLESS_BEFORE_TOKEN, Some(before))
        || among(&HARMLESS, Some(key));
    describes && is_default()
}

/// Returns the first word of a part of a key.
fn first_word(part: &str) -> Option<&str> {
    let word = &part[part.find(char::is_alphanumeric)?..];
    let mut previous = None;
    let is_end = |(index, letter): (usize, char)| {
        let ends = index > 0 && starts_word(previous, &word[index..]);
        previous = Some(letter);
        ends.then_some(index)
    };
    let length = word.char_indices().find_map(is_end).unwrap_or(word.len());
    Some(&word[..length])
}

/// Returns the last word of a part of a key, read from its end, since there may be many before it.
pub(super) fn last_word(part: &str) -> &str {
    let part = part.trim_end_matches(|c: char| !c.is_alphanumeric());
    let mut starts = part.char_indices().rev().map(|(start, _)| start);
    let begins = |start: &usize| starts_word(part[..*start].chars().next_back(), &part[*start..]);
    &part[starts.find(begins).unwrap_or_default()..]
}

/// Returns whether a word begins at `rest`, after the letter `previous`.
fn starts_word(previous: Option<char>, rest: &str) -> bool {
    let Some(previous) = previous.filter(|c| c.is_alphanumeric()) else { return true };
    let mut rest = rest.chars();
    let Some(letter) = rest.next().filter(|c| c.is_alphanumeric()) else { return true };
    if previous.is_numeric() != letter.is_numeric() {
        return true;
    }
    // A word begins at the `K` of both `apiKey` and `APIKey`.
    letter.is_uppercase()
        && (!previous.is_uppercase() || rest.next().is_some_and(char::is_lowercase))
}

/// Returns the length of the term at the start of `rest`, if a word ends where it does.
fn term_end(term: &str, rest: &str) -> Option<usize> {
    let mut wanted = term.chars();
    let mut previous = None;
    for (index, letter) in rest.char_indices() {
        if wanted.as_str().is_empty() {
            return starts_word(previous, &rest[index..]).then_some(index);
        }
        if letter.is_alphanumeric() {
            for lower in letter.to_lowercase() {
                if wanted.next() != Some(lower) {
                    return None;
                }
            }
        }
        previous = Some(letter);
    }
    wanted.as_str().is_empty().then_some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> SecretWords {
        let mut list = SecretWords::default();
        list.add(words);
        list
    }

    #[test]
    fn a4_secrets_are_found_however_they_are_written() {
        let words = words(&DEFAULT);
        for key in [
            "password",
            "PASSWORD",
            "userPassword",
            "user.password",
            "password2",
            "passWord",
            "apiKey",
            "api_key",
            "API_KEY",
            "APIKey",
            "apikey",
            "x-api-key",
            "OPENAI_API_KEY",
            "Authorization",
            "http.request.header.authorization",
            "Set-Cookie",
            "access_token",
            "accessToken",
            "oauth2_token",
            "client secret",
            "private_key",
            "privateKey",
            "ssn",
            "credit_card",
            "creditCard",
            "tool:token",
            "a/token/b",
            "AWS_SECRET_ACCESS_KEY",
            "pwd",
            "MYSQL_PWD",
            "DB_PASS",
            "smtpPass",
            "pass",
            "PGPASSWORD",
            "userpassword",
            "access_tokens",
            "accesstoken",
            "secretkey",
            "session_id",
            "sessionId",
            "ssh_key",
            "connection_string",
            "ConnectionStrings",
            "database_url",
            "SENTRY_DSN",
            "basic_auth",
            "pin",
            "otp",
            "token_2",
            "password_hash",
            "token_type_password",
            "last_password",
            "secondApiKey",
            "Ocp-Apim-Subscription-Key",
            "SharedAccessKey",
            "AccountKey",
            "user_pw",
            "dbpass",
            "JSESSIONID",
            "xsrf-token",
            "securityCode",
            "recovery_codes",
            "conn_string",
            "OPENAI_KEY",
        ] {
            assert!(words.hidden_by(key) > Hides::Nothing, "{key}");
        }
    }

    #[test]
    fn a4_words_count_not_letters() {
        let words = words(&DEFAULT);
        for key in [
            "",
            "llm.usage.input_tokens",
            "max_tokens",
            "maxTokens",
            "keyboard",
            "tokenizer",
            "tokenized",
            "secretary",
            "api_keyboard",
            "monkey",
            "author",
            "cookiecutter",
            "api",
            "key",
            "card",
            "assn",
            "agent.name",
            "primary_key",
            "wordpass",
            "token_type",
            "tokenType",
            "stop_token",
            "eos_token",
            "token_name",
            "password_policy",
            "cookie_policy",
            "credential_type",
            "is_secret",
            "jwt_expiry",
            "pass_rate",
            "first_pass",
            "passwordless",
            "authorization_endpoint",
            "tokens_used",
            "end_token",
            "imageToken",
            "next_page_token",
            "cookie_domain",
            "cookie_consent",
            "jwt_issuer",
            "password_field",
            "num_secrets",
            "session.id",
            "OLDPWD",
            "pinned",
            "compass",
            "éé",
            "über",
        ] {
            assert_eq!(words.hidden_by(key), Hides::Nothing, "{key}");
        }
    }

    #[test]
    fn the_words_around_a_term_are_read_from_the_term_on() {
        for (part, first, last) in [
            ("", None, ""),
            ("_-", None, ""),
            ("stop_", Some("stop"), "stop"),
            ("_aStopBTC2é.", Some("a"), "é"),
            ("HTTPServer", Some("HTTP"), "Server"),
            ("one..twoThree  ", Some("one"), "Three"),
        ] {
            assert_eq!((first_word(part), last_word(part)), (first, last), "{part}");
        }
    }

    #[test]
    fn a4_words_may_be_in_any_script() {
        let words = words(&["Contraseña", "ключ-доступа", "2fa", "--"]);
        for key in ["contraseña", "userContraseña", "КЛЮЧ_ДОСТУПА", "my_2FA", "2fa_code"]
        {
            assert!(words.hidden_by(key) > Hides::Nothing, "{key}");
        }
        assert_eq!(words.hidden_by("ключи_доступа"), Hides::Nothing);
        assert_eq!(words.hidden_by("password"), Hides::Nothing);
    }

    #[test]
    fn a4_keys_of_numbers_hide_numbers() {
        let words = words(&DEFAULT);
        for key in ["card_number", "ssn", "userPin", "cvv", "password", "creditCard", "mfaCode"] {
            assert_eq!(words.hidden_by(key), Hides::Numbers, "{key}");
        }
        for key in ["token", "api_key", "session_id", "secret"] {
            assert_eq!(words.hidden_by(key), Hides::Strings, "{key}");
        }
    }
}

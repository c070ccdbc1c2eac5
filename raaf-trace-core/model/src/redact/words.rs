//! Matching of keys against terms that name secrets.

/// Terms that name secrets.
///
/// A key is split into words at characters other than letters and digits, at changes of case, and
/// between letters and digits. A term matches one word or several in sequence, with any separator:
/// `api_key` matches `apiKey`, `X-API-Key`, `APIKEY` and `api_key_2`, but not `api_keyboard`.
#[derive(Clone, Debug, Default)]
pub(super) struct SecretWords {
    /// Terms as letters and digits in lower case, sorted.
    terms: Vec<String>,
    /// Indices in `terms` of the first term for each of the letters `a` to `z`, then the end of
    /// `z`. Terms with other first letters are outside.
    starts: [usize; 27],
}

impl SecretWords {
    pub(super) const DEFAULT: [&str; 31] = [
        "access_key",
        "api_key",
        "api_keys",
        "authorization",
        "bearer",
        "card_number",
        "client_secret",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "credit_card",
        "cvc",
        "cvv",
        "encryption_key",
        "jwt",
        "passcode",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "private_key",
        "proxy_authorization",
        "secret",
        "secrets",
        "service_account_key",
        "signing_key",
        "social_security",
        "ssn",
        "token",
        "webhook_key",
    ];

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

    pub(super) fn name_a_secret(&self, key: &str) -> bool {
        let mut previous = None;
        key.char_indices().any(|(index, letter)| {
            let rest = &key[index..];
            let found = letter.is_alphanumeric()
                && self
                    .candidates(letter)
                    .iter()
                    .any(|term| starts_word(previous, rest) && term_ends(term, rest));
            previous = Some(letter);
            found
        })
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

/// Returns whether `rest` begins with the term, and a word ends where the term does.
fn term_ends(term: &str, rest: &str) -> bool {
    let mut wanted = term.chars();
    let mut previous = None;
    for (index, letter) in rest.char_indices() {
        if wanted.as_str().is_empty() {
            return starts_word(previous, &rest[index..]);
        }
        if letter.is_alphanumeric() {
            for lower in letter.to_lowercase() {
                if wanted.next() != Some(lower) {
                    return false;
                }
            }
        }
        previous = Some(letter);
    }
    wanted.as_str().is_empty()
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
        let words = words(&SecretWords::DEFAULT);
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
        ] {
            assert!(words.name_a_secret(key), "{key}");
        }
    }

    #[test]
    fn a4_words_count_not_letters() {
        let words = words(&SecretWords::DEFAULT);
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
            "éé",
            "über",
        ] {
            assert!(!words.name_a_secret(key), "{key}");
        }
    }

    #[test]
    fn a4_words_may_be_in_any_script() {
        let words = words(&["Contraseña", "ключ-доступа", "2fa", "--"]);
        for key in ["contraseña", "userContraseña", "КЛЮЧ_ДОСТУПА", "my_2FA", "2fa_code"]
        {
            assert!(words.name_a_secret(key), "{key}");
        }
        assert!(!words.name_a_secret("ключи_доступа"));
        assert!(!words.name_a_secret("password"));
    }
}

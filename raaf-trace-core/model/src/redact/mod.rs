//! Redaction of secrets.

mod edits;
mod json_text;
mod key_cache;
mod named;
mod plain;
mod terms;
mod tokens;
mod values;
mod words;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::attributes::{Attributes, TRUNCATED, Text, Value};
use key_cache::Verdicts;
use words::{Hides, SecretWords};

/// Replacement for a secret.
pub(super) const REDACTED: &str = "[REDACTED]";

/// Redactor of secrets: replaces strings whose key names a secret by `[REDACTED]`.
///
/// A key names a secret when one of its words is on the list: `password`, `secret`, `token`,
/// `api_key`, `authorization`, `credential`, `cookie`, `private_key`, `ssn`, `credit_card` and
/// similar. Only whole words match: `apiKey`, `X-API-Key` and `access_token` name secrets,
/// `max_tokens` and `keyboard` do not, nor does a key that describes a secret, such as `token_type`
/// or `password_policy`. Numbers are replaced only where they are secrets themselves (`card_number`,
/// `ssn`, `pin`, `password`), bools never.
///
/// A key that was [cut](crate::attributes::SpanLimits::max_name_bytes) counts as one, since its end is unknown.
///
/// JSON is searched at any depth, including strings that contain JSON text. Lists of headers and
/// variables have their names beside their values: `["Authorization", "…"]`,
/// `{"name": "Authorization", "value": "…"}`, `"Authorization: …"` and `"API_KEY=…"` lose the value.
/// In running text, headers, variables, options and quoted values with such names lose it too. URLs
/// lose their user and their secret parameters (`?api_key=…`), wherever they stand.
/// [`with_known_tokens`](Self::with_known_tokens) also searches running text for tokens.
///
/// ```
/// use raaf_trace_core::{Attributes, Redactor};
///
/// let mut attributes = Attributes::new();
/// attributes.set("tool.api_key", "sk-123").set("tool.arguments", r#"{"password":"x","n":1}"#);
///
/// let replaced = Redactor::default().redact(&mut attributes, 0);
/// assert_eq!(replaced, 2);
/// assert_eq!(attributes.get("tool.api_key"), Some("[REDACTED]".into()));
/// assert_eq!(attributes.get("tool.arguments"), Some(r#"{"password":"[REDACTED]","n":1}"#.into()));
/// ```
#[derive(Clone, Debug)]
pub struct Redactor {
    search: Search,
    verdicts: Arc<Verdicts>,
}

/// Secrets to search for.
#[derive(Clone, Debug, Default)]
struct Search {
    words: SecretWords,
    /// Tokens of known shapes are secrets in any text.
    finds_tokens: bool,
}

impl Search {
    fn is_empty(&self) -> bool {
        self.words.is_empty() && !self.finds_tokens
    }

    /// Returns the text, which is inside `level` strings, without its secrets, and their number;
    /// `None` when it contains none.
    fn text(&self, text: &str, level: usize) -> Option<(String, u32)> {
        let mut found: Option<(String, u32)> = None;
        let mut note = |search: &dyn Fn(&str) -> Option<(String, u32)>| {
            let (text, before) = found.as_ref().map_or((text, 0), |(text, count)| (text, *count));
            if let Some((redacted, count)) = search(text) {
                found = Some((redacted, count.saturating_add(before)));
            }
        };
        if !self.words.is_empty() {
            note(&|text| json_text::redact(self, text, level));
            note(&|text| plain::redact(&self.words, text));
        }
        if self.finds_tokens {
            note(&tokens::redact);
        }
        found
    }
}

impl Redactor {
    /// Creates a redactor for these terms, without the default list.
    ///
    /// A term of several words (`api_key`) matches them in sequence, with any separator in the key.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::Redactor;
    ///
    /// let redactor = Redactor::new(["iban"]);
    /// assert!(redactor.is_secret_key("customer.IBAN"));
    /// assert!(!redactor.is_secret_key("password")); // not without the default list
    /// ```
    pub fn new(words: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self::none().with_words(words)
    }

    /// Creates a redactor that replaces nothing.
    pub fn none() -> Self {
        Self { search: Search::default(), verdicts: Arc::new(Verdicts::new()) }
    }

    /// Adds these terms to the list.
    #[must_use]
    pub fn with_words(mut self, words: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.search.words.add(words);
        self.verdicts = Arc::new(Verdicts::new());
        self
    }

    /// Also replaces tokens of known shapes in any text, such as prompts and answers: keys of
    /// OpenAI, GitHub, AWS and others (`sk-…`, `ghp_…`, `AKIA…`), JSON web tokens, and blocks of
    /// private keys. All text is then searched once for each shape.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Redactor, Value};
    ///
    /// let text = "try AKIAIOSFODNN7EXAMPLE";
    /// let redactor = Redactor::default().with_known_tokens();
    /// assert_eq!(redactor.redacted("prompt", text.into()), Value::from("try [REDACTED]"));
    /// ```
    #[must_use]
    pub fn with_known_tokens(mut self) -> Self {
        self.search.finds_tokens = true;
        self
    }

    /// Returns whether a key names a secret.
    ///
    /// ```
    /// use raaf_trace_core::Redactor;
    ///
    /// let redactor = Redactor::default().with_words(["shoe_size"]);
    /// assert!(redactor.is_secret_key("user.ShoeSize"));
    /// assert!(!redactor.is_secret_key("llm.usage.input_tokens"));
    /// ```
    pub fn is_secret_key(&self, key: &str) -> bool {
        self.hidden_by(key) > Hides::Nothing
    }

    /// Returns the text without these values, such as the keys that a server was sent and repeats,
    /// also where it writes them with the escapes of JSON.
    ///
    /// ```
    /// use raaf_trace_core::Redactor;
    ///
    /// let said = r"bad key: a\/b";
    /// assert_eq!(Redactor::without_values(said, &["a/b"]), "bad key: [REDACTED]");
    /// ```
    pub fn without_values(text: &str, values: &[&str]) -> String {
        values::without(text, values)
    }

    fn hidden_by(&self, key: &str) -> Hides {
        self.search.words.hidden_by(key)
    }

    /// Replaces the secrets in the attributes from index `from` on. Returns the number of replaced
    /// strings.
    ///
    /// An attribute that is set again keeps its position, so one before `from` is not searched
    /// again.
    pub fn redact(&self, attributes: &mut Attributes, from: usize) -> u32 {
        if self.search.is_empty() {
            return 0;
        }
        let limits = attributes.limits();
        let (mut replaced, mut cut) = (0_u32, 0_u32);
        for entry in attributes.entries_mut().get_mut(from..).unwrap_or_default() {
            if matches!(entry.value_mut(), Value::Bool(_)) {
                continue;
            }
            let hides = match &entry.key().0 {
                Text::Static(key) => self.verdicts.of(key, |key| self.hidden_by(key)),
                // What was cut off may have named a secret.
                Text::Shared(key) if key.ends_with(TRUNCATED) => Hides::Strings,
                Text::Shared(key) => self.hidden_by(key),
            };
            let content = entry.is_content();
            let value = entry.value_mut();
            let count = self.redact_value(value, hides);
            if count > 0 && *value != REDACTED {
                // Several replacements of short secrets can lengthen the value.
                let (fitted, was_cut) = limits.fit(value.clone(), content);
                *value = fitted;
                cut += u32::from(was_cut.is_some());
            }
            replaced = replaced.saturating_add(count);
        }
        attributes.add_cuts(cut);
        replaced
    }

    /// Returns the value of that key without its secrets.
    pub fn redacted(&self, key: &str, mut value: Value) -> Value {
        if !self.search.is_empty() {
            self.redact_value(&mut value, self.hidden_by(key));
        }
        value
    }

    fn redact_value(&self, value: &mut Value, hides: Hides) -> u32 {
        match value {
            Value::Str(text) if hides > Hides::Nothing => {
                let hide = text != REDACTED;
                *value = Value::from_static(REDACTED);
                u32::from(hide)
            }
            Value::Int(_) | Value::Float(_) if hides == Hides::Numbers => {
                *value = Value::from_static(REDACTED);
                1
            }
            Value::Str(text) => match self.search.text(text, 0) {
                Some((redacted, count)) => {
                    *text = redacted.into();
                    count
                }
                None => 0,
            },
            Value::Json(shared) => {
                if let Some(json) = Arc::get_mut(shared) {
                    return self.redact_json(json, hides);
                }
                let mut own = Json::clone(shared);
                let count = self.redact_json(&mut own, hides);
                if count > 0 {
                    *shared = Arc::new(own);
                }
                count
            }
            _ => 0,
        }
    }

    /// Recurses as deep as the value, whose depth attributes limit.
    fn redact_json(&self, json: &mut Json, hides: Hides) -> u32 {
        match json {
            Json::String(text) if hides > Hides::Nothing => {
                let hide = text != REDACTED;
                if hide {
                    REDACTED.clone_into(text);
                }
                u32::from(hide)
            }
            Json::Number(_) if hides == Hides::Numbers => {
                *json = REDACTED.into();
                1
            }
            Json::String(text) => match self.search.text(text, 0) {
                Some((redacted, count)) => {
                    *text = redacted;
                    count
                }
                None => 0,
            },
            Json::Array(items) => self.redact_items(items, hides, false),
            Json::Object(fields) => self.redact_fields(fields, hides, hides),
            _ => 0,
        }
    }

    /// Redacts the fields of an object. The fields that describe it, if it is a schema, hide `described`.
    fn redact_fields(&self, fields: &mut Map<String, Json>, hides: Hides, described: Hides) -> u32 {
        let named = named::hidden_value(&self.search.words, fields);
        let redact = |(key, field): (&String, &mut Json)| {
            let hides = if named::describes(key) { described } else { hides };
            let hides = match field {
                Json::Null | Json::Bool(_) => return 0,
                _ if named::is_value(key) => hides.max(named).max(self.hidden_by(key)),
                _ => hides.max(self.hidden_by(key)),
            };
            match field {
                Json::Array(items) => self.redact_items(items, hides, named::is_header_list(key)),
                Json::Object(schemas) if key == named::SCHEMAS => {
                    let redact = |(name, schema): (&String, &mut Json)| {
                        let secret = hides.max(self.hidden_by(name));
                        match schema {
                            Json::Object(schema) => self.redact_fields(schema, secret, hides),
                            schema => self.redact_json(schema, secret),
                        }
                    };
                    schemas.iter_mut().map(redact).sum()
                }
                field => self.redact_json(field, hides),
            }
        };
        fields.iter_mut().map(redact).sum()
    }

    /// Redacts the items of an array, where an item can mark the next one as secret.
    fn redact_items(&self, items: &mut [Json], hides: Hides, are_headers: bool) -> u32 {
        let words = &self.search.words;
        let mut next = Hides::Nothing;
        let mut count = 0;
        for item in items {
            let own = hides.max(next);
            next = match item {
                Json::String(text) if are_headers => plain::hidden_by_header(words, text),
                Json::String(text) => plain::hidden_by_option(words, text),
                _ => Hides::Nothing,
            };
            count += match item {
                Json::String(text) if own == Hides::Nothing => {
                    match plain::value_of_item(words, text) {
                        Some(value) if !text[value.clone()].starts_with(REDACTED) => {
                            text.replace_range(value, REDACTED);
                            1
                        }
                        _ => self.redact_json(item, own),
                    }
                }
                Json::Array(pair) if own == Hides::Nothing => {
                    let hidden = match pair.as_mut_slice() {
                        [Json::String(name), value, ..] => match words.hidden_by(name) {
                            Hides::Nothing => 0,
                            hides => self.redact_json(value, hides),
                        },
                        _ => 0,
                    };
                    hidden + self.redact_items(pair, own, false)
                }
                _ => self.redact_json(item, own),
            };
        }
        count
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new(terms::DEFAULT)
    }
}

#[cfg(test)]
mod tests;

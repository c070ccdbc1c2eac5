//! Redaction of secrets.

mod json_text;
mod key_cache;
mod words;

use std::sync::Arc;

use serde_json::Value as Json;

use crate::attributes::{Attributes, TRUNCATED, Text, Value};
use key_cache::Verdicts;
use words::SecretWords;

/// Replacement for a secret.
pub(super) const REDACTED: &str = "[REDACTED]";

/// Redactor of secrets: replaces strings whose key names a secret by `[REDACTED]`.
///
/// A key names a secret when one of its words is on the list: `password`, `secret`, `token`,
/// `api_key`, `authorization`, `credential`, `cookie`, `private_key`, `ssn`, `credit_card` and
/// similar. Only whole words match: `apiKey`, `X-API-Key` and `access_token` name secrets,
/// `max_tokens` and `keyboard` do not. Numbers and bools are never replaced.
///
/// A key that was [cut](crate::attributes::SpanLimits::max_name_bytes) counts as one, since its end is unknown.
///
/// JSON is searched at any depth, including strings that contain JSON text.
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
    words: SecretWords,
    verdicts: Arc<Verdicts>,
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
        Self { words: SecretWords::default(), verdicts: Arc::new(Verdicts::new()) }
    }

    /// Adds these terms to the list.
    #[must_use]
    pub fn with_words(mut self, words: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.words.add(words);
        self.verdicts = Arc::new(Verdicts::new());
        self
    }

    /// Returns whether a key names a secret.
    ///
    /// ```
    /// use raaf_trace_core::Redactor;
    ///
    /// let redactor = Redactor::default().with_words(["pin_code"]);
    /// assert!(redactor.is_secret_key("user.PinCode"));
    /// assert!(!redactor.is_secret_key("llm.usage.input_tokens"));
    /// ```
    pub fn is_secret_key(&self, key: &str) -> bool {
        self.words.name_a_secret(key)
    }

    /// Replaces the secrets in the attributes from index `from` on. Returns the number of replaced
    /// strings.
    ///
    /// An attribute that is set again keeps its position, so one before `from` is not searched
    /// again.
    pub fn redact(&self, attributes: &mut Attributes, from: usize) -> u32 {
        if self.words.is_empty() {
            return 0;
        }
        let limits = attributes.limits();
        let (mut replaced, mut cut) = (0_u32, 0_u32);
        for entry in attributes.entries_mut().get_mut(from..).unwrap_or_default() {
            if matches!(entry.value_mut(), Value::Bool(_) | Value::Int(_) | Value::Float(_)) {
                continue;
            }
            let secret = match &entry.key().0 {
                Text::Static(key) => self.verdicts.of(key, |key| self.is_secret_key(key)),
                // What was cut off may have named a secret.
                Text::Shared(key) => key.ends_with(TRUNCATED) || self.is_secret_key(key),
            };
            let content = entry.is_content();
            let value = entry.value_mut();
            let count = self.redact_value(value, secret);
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
        if !self.words.is_empty() {
            self.redact_value(&mut value, self.is_secret_key(key));
        }
        value
    }

    fn redact_value(&self, value: &mut Value, secret: bool) -> u32 {
        match value {
            Value::Str(text) if secret => {
                let hide = text != REDACTED;
                *value = Value::from_static(REDACTED);
                u32::from(hide)
            }
            Value::Str(text) => match json_text::redact(&self.words, text) {
                Some((redacted, count)) => {
                    *text = redacted.into();
                    count
                }
                None => 0,
            },
            Value::Json(shared) => {
                if let Some(json) = Arc::get_mut(shared) {
                    return self.redact_json(json, secret);
                }
                let mut own = Json::clone(shared);
                let count = self.redact_json(&mut own, secret);
                if count > 0 {
                    *shared = Arc::new(own);
                }
                count
            }
            _ => 0,
        }
    }

    /// Recurses as deep as the value, whose depth attributes limit.
    fn redact_json(&self, json: &mut Json, secret: bool) -> u32 {
        match json {
            Json::String(text) if secret => {
                let hide = text != REDACTED;
                if hide {
                    REDACTED.clone_into(text);
                }
                u32::from(hide)
            }
            Json::String(text) => match json_text::redact(&self.words, text) {
                Some((redacted, count)) => {
                    *text = redacted;
                    count
                }
                None => 0,
            },
            Json::Array(items) => items.iter_mut().map(|item| self.redact_json(item, secret)).sum(),
            Json::Object(fields) => fields
                .iter_mut()
                .map(|(key, field)| {
                    let holds_text = !matches!(field, Json::Null | Json::Bool(_) | Json::Number(_));
                    let secret = secret || holds_text && self.is_secret_key(key);
                    self.redact_json(field, secret)
                })
                .sum(),
            _ => 0,
        }
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new(SecretWords::DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::attributes::SpanLimits;

    fn redacted(key: &'static str, value: Json) -> Json {
        let mut attributes = Attributes::new();
        attributes.set(key, value);
        Redactor::default().redact(&mut attributes, 0);
        serde_json::to_value(&attributes).unwrap()[key].take()
    }

    #[test]
    fn a4_strings_under_a_secret_key_are_hidden_and_numbers_stay() {
        assert_eq!(redacted("user.password", json!("hunter2")), REDACTED);
        assert_eq!(redacted("token", json!(12)), 12);
        assert_eq!(redacted("llm.usage.input_tokens", json!("12")), "12");
        assert_eq!(
            redacted("token", json!(["a", 1, {"b": "c"}])),
            json!([REDACTED, 1, {"b": REDACTED}])
        );
    }

    #[test]
    fn a4_nested_json_is_searched() {
        assert_eq!(
            redacted(
                "request",
                json!({"headers": [{"Cookie": "c", "Accept": "*"}], "max_tokens": 5})
            ),
            json!({"headers": [{"Cookie": REDACTED, "Accept": "*"}], "max_tokens": 5})
        );
        assert_eq!(
            redacted("request", json!({"body": r#"{"apiKey":"k"}"#})),
            json!({"body": r#"{"apiKey":"[REDACTED]"}"#})
        );
        assert_eq!(redacted("text", json!(r#"[{"ssn":"1"}]"#)), r#"[{"ssn":"[REDACTED]"}]"#);
    }

    #[test]
    fn a4_json_that_is_shared_is_not_changed_for_others() {
        let shared = Arc::new(json!({"secret": "s"}));
        let mut attributes = Attributes::new();
        attributes.set("json", Value::Json(Arc::clone(&shared)));
        assert_eq!(Redactor::default().redact(&mut attributes, 0), 1);
        assert_eq!(*shared, json!({"secret": "s"}));
        assert!(attributes.get("json").unwrap() == json!({"secret": REDACTED}));
    }

    #[test]
    fn a4_only_what_is_new_is_screened() {
        let mut attributes = Attributes::from_iter([("token", "a"), ("secret", "b")]);
        let redactor = Redactor::default();
        assert_eq!(redactor.redact(&mut attributes, 1), 1);
        assert_eq!(attributes.get("token"), Some("a".into()));
        assert_eq!(redactor.redact(&mut attributes, 0), 1);
        assert_eq!(redactor.redact(&mut attributes, 0), 0);
        assert_eq!(redactor.redact(&mut attributes, 9), 0);
    }

    #[test]
    fn a4_the_list_can_be_extended_and_emptied() {
        let mut attributes = Attributes::from_iter([("token", "a"), ("shoe_size", "b")]);
        assert_eq!(Redactor::none().redact(&mut attributes, 0), 0);
        assert_eq!(Redactor::new(["shoe"]).redact(&mut attributes, 0), 1);
        assert_eq!(attributes.get("token"), Some("a".into()));
        assert!(Redactor::default().with_words(["shoe"]).is_secret_key("shoeSize"));
    }

    #[test]
    fn a2_what_grew_by_hiding_still_fits() {
        let limits = SpanLimits { max_value_bytes: 200, ..SpanLimits::DEFAULT };
        let mut attributes = Attributes::with_limits(limits);
        attributes.set("list", json!({"token": vec!["x"; 40]}));
        assert!(attributes.losses().is_empty());
        assert_eq!(Redactor::default().redact(&mut attributes, 0), 40);
        assert!(attributes.get("list").unwrap().to_string().len() <= 200);
        assert_eq!(attributes.losses().cut_values, 1);
    }
}

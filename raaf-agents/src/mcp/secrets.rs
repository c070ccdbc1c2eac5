//! Values that appear in no span, error or result.

use std::sync::Arc;

use raaf_trace_core::Redactor;
use serde_json::Value as Json;

/// Minimum length of a secret, in bytes. Shorter values, such as `true`, occur in any text.
const MIN_SECRET: usize = 8;

/// Members of a message that carry content of the server.
const CONTENT: [&str; 3] = ["error", "params", "result"];
/// Members whose values belong to the protocol.
const WORDS: [&str; 4] = ["mimeType", "protocolVersion", "role", "type"];
/// Member of a result that is content as a whole, including the names in it.
const STRUCTURED: &str = "structuredContent";

/// Values of the environment, of headers and of the URL of a server, which it may repeat.
#[derive(Clone, Default)]
pub(super) struct Secrets(Arc<[String]>);

impl Secrets {
    pub(super) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<_> =
            values.into_iter().filter(|value| value.len() >= MIN_SECRET).collect();
        // A value that is part of another one must not leave its rest.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        Self(values.into())
    }

    /// Returns the text without the values.
    pub(super) fn hide(&self, text: &str) -> String {
        if self.0.iter().all(|value| !might_contain(text, value)) {
            return text.to_owned();
        }
        let values: Vec<_> = self.0.iter().map(String::as_str).collect();
        Redactor::without_values(text, &values)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes the values from the content of a message, before anything else reads it.
    pub(super) fn hide_in(&self, message: &mut Json) {
        if self.is_empty() {
            return;
        }
        let members = message.as_object_mut().into_iter().flatten();
        let mut open: Vec<_> = members
            .filter(|(key, _)| CONTENT.contains(&key.as_str()))
            .map(|(_, json)| (json, false))
            .collect();
        while let Some((next, is_structured)) = open.pop() {
            match next {
                Json::String(text) => *text = self.hide(text),
                Json::Array(items) => open.extend(items.iter_mut().map(|it| (it, is_structured))),
                Json::Object(members) => {
                    if is_structured {
                        let named = std::mem::take(members).into_iter();
                        members.extend(named.map(|(key, json)| (self.hide(&key), json)));
                    }
                    for (key, json) in members {
                        if is_structured || !WORDS.contains(&key.as_str()) {
                            open.push((json, is_structured || key == STRUCTURED));
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// Returns false only if the text contains the value in no form.
fn might_contain(text: &str, value: &str) -> bool {
    text.contains(value) || text.contains('\\')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_hidden_whole_and_in_messages() {
        let secrets =
            Secrets::new(["s3cr3t-token".to_owned(), "s3cr3t-token-2".into(), "1".into()]);
        assert_eq!(secrets.hide("got s3cr3t-token-2, 1"), "got [REDACTED], 1");
        let mut message = json!({
            "method": "s3cr3t-token",
            "result": { "a": ["s3cr3t-token", { "type": "s3cr3t-token" }], "b": 1 },
        });
        secrets.hide_in(&mut message);
        let hidden = json!({
            "method": "s3cr3t-token",
            "result": { "a": ["[REDACTED]", { "type": "s3cr3t-token" }], "b": 1 },
        });
        assert_eq!(message, hidden);
    }

    #[test]
    fn structured_content_has_no_words_of_the_protocol() {
        let secrets = Secrets::new(["s3cr3t-token".to_owned()]);
        let mut message = json!({ "result": { "structuredContent": {
            "type": "s3cr3t-token", "a": [{ "role": "s3cr3t-token" }], "s3cr3t-token": 1,
        } } });
        secrets.hide_in(&mut message);
        assert!(!message.to_string().contains("s3cr3t"), "{message}");
    }
}

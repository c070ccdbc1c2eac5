//! Reasoning, which servers send under various names, some of them under two at once.

use serde_json::{Map, Value as Json};

use super::surrogates;
use crate::conversation::{ProviderData, Reasoning};

/// Members with the text.
const TEXTS: [&str; 3] = ["reasoning_content", "reasoning", "reasoning_text"];
/// Member with a list of texts, summaries, signatures and encrypted forms.
const DETAILS: &str = "reasoning_details";
/// Members with forms that only the provider can read.
const OPAQUE: [&str; 3] = ["reasoning_opaque", "thinking_blocks", "reasoning_signature"];
/// Content parts of type `thinking` instead of a member.
pub(super) const IN_CONTENT: &str = "content";

/// Assembles reasoning.
#[derive(Default)]
pub(super) struct Thoughts {
    text: String,
    /// The member that has the text; others repeat it.
    field: Option<String>,
    /// The text of the details, in case that no member has it.
    told: String,
    summary: String,
    details: Vec<Json>,
    opaque: Map<String, Json>,
}

impl Thoughts {
    /// Takes reasoning from the members of a message, and returns the new text.
    pub(super) fn add(&mut self, members: &mut Map<String, Json>) -> Option<String> {
        let mut new = None;
        for name in TEXTS {
            if let Some(Json::String(text)) = members.remove(name) {
                new = new.or(self.add_text(name, text));
            }
        }
        for name in OPAQUE {
            if let Some(value) = members.remove(name).filter(|value| !value.is_null()) {
                self.add_opaque(name, value);
            }
        }
        if let Some(Json::Array(details)) = members.remove(DETAILS) {
            let told = details.into_iter().filter_map(|detail| self.add_detail(detail));
            let told: String = told.collect();
            if self.field.is_none() && !told.is_empty() {
                new = Some(told);
            }
        }
        new
    }

    /// Adds text of a member, unless another has it already.
    pub(super) fn add_text(&mut self, name: &str, text: String) -> Option<String> {
        if text.is_empty() || self.field.as_ref().is_some_and(|field| field != name) {
            return None;
        }
        self.field.get_or_insert_with(|| name.to_owned());
        self.text.push_str(&text);
        Some(text)
    }

    /// Adds reasoning that is not sent back. Returns it, unless another member has the reasoning.
    pub(super) fn tell(&mut self, text: String) -> Option<String> {
        self.told.push_str(&text);
        Some(text).filter(|text| self.field.is_none() && !text.is_empty())
    }

    fn add_opaque(&mut self, name: &str, value: Json) {
        match (self.opaque.get_mut(name), value) {
            (Some(Json::String(known)), Json::String(more)) => known.push_str(&more),
            (Some(Json::Array(known)), Json::Array(more)) => known.extend(more),
            (_, value) => drop(self.opaque.insert(name.to_owned(), value)),
        }
    }

    /// Adds a detail to the one that it continues, and returns its readable text.
    fn add_detail(&mut self, mut detail: Json) -> Option<String> {
        let told = ["text", "summary"].map(|key| detail[key].as_str().map(str::to_owned));
        let [text, summary] = told;
        self.told.push_str(text.as_deref().unwrap_or_default());
        self.summary.push_str(summary.as_deref().unwrap_or_default());
        let continued = self.details.last_mut().filter(|last| {
            !detail["index"].is_null()
                && last["index"] == detail["index"]
                && last["type"] == detail["type"]
        });
        match (continued.and_then(Json::as_object_mut), detail.as_object_mut()) {
            (Some(last), Some(more)) => {
                for (key, value) in std::mem::take(more) {
                    match (last.get_mut(&key), value) {
                        (_, Json::Null) => {}
                        (Some(Json::String(known)), Json::String(more)) if is_text(&key) => {
                            known.push_str(&more);
                        }
                        (_, value) => drop(last.insert(key, value)),
                    }
                }
            }
            _ => self.details.push(detail),
        }
        text.or(summary).filter(|text| !text.is_empty())
    }

    /// Returns the reasoning, if there is any. `origin` is the server that sent it.
    pub(super) fn finish(mut self, origin: &str) -> Option<Reasoning> {
        // Pieces were joined as they were streamed, and what is kept as it came was not.
        self.opaque.values_mut().chain(&mut self.details).for_each(surrogates::settle_json);
        let [text, told, summary] = [self.text, self.told, self.summary].map(surrogates::settle);
        let mut reasoning = Reasoning::new(text);
        reasoning.field = self.field;
        if reasoning.text.is_empty() {
            reasoning.text = told;
        }
        // A summary that a member repeats as text is one still.
        if reasoning.text != summary {
            reasoning.summary = summary;
        }
        if !self.details.is_empty() {
            self.opaque.insert(DETAILS.to_owned(), self.details.into());
        }
        if reasoning.field.is_none() && self.opaque.is_empty() {
            return (!reasoning.readable().is_empty()).then_some(reasoning);
        }
        // Even without fields: the text goes back to its origin alone.
        reasoning.provider_data = Some(ProviderData::from_fields(origin, self.opaque));
        Some(reasoning)
    }
}

/// Returns whether a member of a detail comes in pieces.
fn is_text(key: &str) -> bool {
    matches!(key, "text" | "summary" | "data" | "signature")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn assembled(events: impl IntoIterator<Item = Json>) -> (Reasoning, String) {
        let mut thoughts = Thoughts::default();
        let new = events.into_iter().filter_map(|event| match event {
            Json::Object(mut members) => thoughts.add(&mut members),
            _ => None,
        });
        let streamed = new.collect();
        (thoughts.finish("host").unwrap(), streamed)
    }

    #[test]
    fn reasoning_under_two_names_is_read_once() {
        let (reasoning, streamed) = assembled([
            json!({"reasoning": "so", "reasoning_details": [{"type": "reasoning.text", "text": "so", "index": 0}]}),
            json!({"reasoning": "me", "reasoning_details": [{"type": "reasoning.text", "text": "me", "index": 0}]}),
            json!({"reasoning_details": [{"type": "reasoning.text", "signature": "sig", "index": 0}]}),
        ]);
        assert_eq!((&*reasoning.text, &*streamed), ("some", "some"));
        assert_eq!(reasoning.field.as_deref(), Some("reasoning"));
        let data = reasoning.provider_data.unwrap();
        assert_eq!(
            data.fields["reasoning_details"],
            json!([{"type": "reasoning.text", "text": "some", "signature": "sig", "index": 0}])
        );
    }

    #[test]
    fn details_alone_are_read_and_encrypted_ones_kept() {
        let (reasoning, streamed) = assembled([json!({"reasoning_details": [
            {"type": "reasoning.summary", "summary": "short", "index": 0},
            {"type": "reasoning.encrypted", "data": "abc", "index": 1},
        ]})]);
        assert_eq!((&*reasoning.text, &*reasoning.summary, &*streamed), ("", "short", "short"));
        assert_eq!(reasoning.readable(), "short");
        let data = reasoning.provider_data.unwrap();
        assert_eq!(data.fields["reasoning_details"][1]["data"], "abc");
    }
}

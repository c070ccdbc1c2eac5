//! Tool calls, which may come in pieces.

use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json};

use super::{
    answer::{CallBody, FunctionBody},
    surrogates::{self, Joiner},
};
use crate::{
    conversation::{ProviderData, ToolCall},
    model::ToolCallDelta,
};

/// Members of a call that the provider expects back.
const KEPT: [&str; 3] = ["extra_content", "thought_signature", "provider_specific_fields"];

/// Assembles calls from their pieces.
///
/// Servers differ: they give all calls one index, or none; no ids, an id with each piece, or a new id
/// with each; and some send the whole call once more at the end. A piece with a name begins a new
/// call if the call at its place is complete, or is still without arguments and was another. A piece
/// without a name continues the call at its place.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<Partial>,
}

struct Partial {
    index: Option<u64>,
    /// The id is the server's.
    has_own_id: bool,
    name: String,
    id: String,
    arguments: String,
    joiner: Joiner,
    kept: Map<String, Json>,
}

impl Partial {
    /// Returns whether the arguments are complete.
    fn is_complete(&self) -> bool {
        let text = self.arguments.trim();
        !text.is_empty() && serde_json::from_str::<IgnoredAny>(text).is_ok()
    }
}

/// Returns whether a piece with a name repeats what is known of a call.
fn is_repeated(call: &Partial, arguments: &str) -> bool {
    arguments.is_empty() || call.arguments == arguments
}

impl Calls {
    /// Adds a piece, and returns what is new.
    pub(super) fn add(&mut self, body: CallBody) -> Result<Option<ToolCallDelta>, String> {
        let CallBody { index, id, function, mut rest } = body;
        let id = id.filter(|id| !id.is_empty());
        let FunctionBody { name, arguments } =
            function.unwrap_or(FunctionBody { name: None, arguments: Json::Null });
        let name = name.filter(|name| !name.is_empty());
        let arguments = match arguments {
            Json::Null => String::new(),
            Json::String(text) => text,
            json => json.to_string(),
        };
        rest.retain(|key, value| KEPT.contains(&key.as_str()) && !value.is_null());
        let Some(at) = self.place(index, id.as_deref(), name.as_deref(), &arguments) else {
            return self.begin(index, id, name, arguments, rest).map(Some);
        };
        let call = &mut self.calls[at];
        call.kept.append(&mut rest);
        if let (Some(id), false) = (id, call.has_own_id) {
            (call.id, call.has_own_id) = (id, true);
        }
        if name.is_some() && !arguments.is_empty() && call.arguments == arguments {
            // The whole call once more.
            return Ok(None);
        }
        let arguments = call.joiner.push(arguments);
        call.arguments.push_str(&arguments);
        let delta = ToolCallDelta::arguments(at, arguments);
        Ok((!delta.arguments.is_empty()).then_some(delta))
    }

    /// Returns the place of the call that a piece continues.
    fn place(
        &self,
        index: Option<u64>,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &str,
    ) -> Option<usize> {
        let of_id = |call: &Partial| call.has_own_id && id == Some(call.id.as_str());
        let at = self
            .calls
            .iter()
            .rposition(of_id)
            .or_else(|| self.calls.iter().rposition(|call| call.index == index))?;
        let call = &self.calls[at];
        let Some(name) = name else { return Some(at) };
        let other_id = call.has_own_id && id.is_some_and(|id| id != call.id);
        let is_other = name != call.name;
        let begins = if call.arguments.is_empty() {
            other_id || is_other
        } else if of_id(call) {
            call.is_complete() && (is_other || !is_repeated(call, arguments))
        } else {
            call.is_complete() || (other_id && is_other)
        };
        (!begins).then_some(at)
    }

    fn begin(
        &mut self,
        index: Option<u64>,
        id: Option<String>,
        name: Option<String>,
        arguments: String,
        kept: Map<String, Json>,
    ) -> Result<ToolCallDelta, String> {
        let name = name.ok_or_else(|| "a tool call has no name".to_owned())?;
        let at = self.calls.len();
        // Results refer to calls by id, so that two calls must not share one.
        let id = id.filter(|id| self.calls.iter().all(|call| call.id != *id));
        let has_own_id = id.is_some();
        let id = id.unwrap_or_else(ToolCall::new_id);
        let mut joiner = Joiner::default();
        let arguments = joiner.push(arguments);
        let mut delta = ToolCallDelta::start(at, &id, &name);
        delta.arguments.clone_from(&arguments);
        self.calls.push(Partial { index, has_own_id, name, id, arguments, joiner, kept });
        Ok(delta)
    }

    /// Returns the calls. `origin` is the server that sent them.
    pub(super) fn finish(self, origin: &str) -> impl Iterator<Item = ToolCall> {
        self.calls.into_iter().map(move |call| {
            let Partial { id, name, mut arguments, mut joiner, mut kept, .. } = call;
            arguments.extend(joiner.finish());
            kept.values_mut().for_each(surrogates::settle_json);
            let arguments = surrogates::replace(&arguments).into_owned();
            let mut call = ToolCall::from_text(id, name, arguments);
            call.provider_data = ProviderData::new(origin, kept);
            call
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Assembles pieces `(index, id, name, arguments)`, and returns `name(arguments)` of each call.
    fn assembled(pieces: &[(Option<u64>, &str, &str, &str)]) -> Vec<String> {
        let mut calls = Calls::default();
        let mut streamed: Vec<String> = Vec::new();
        for (index, id, name, arguments) in pieces {
            let body = json!({
                "index": index, "id": id, "function": {"name": name, "arguments": arguments},
            });
            let delta = calls.add(serde_json::from_value(body).unwrap()).unwrap();
            if let Some(delta) = delta {
                if let Some(name) = delta.name {
                    assert_eq!(delta.index, streamed.len());
                    streamed.push(format!("{name}("));
                }
                streamed[delta.index].push_str(&delta.arguments);
            }
        }
        for call in &mut streamed {
            call.push(')');
        }
        let calls: Vec<_> = calls.finish("host").collect();
        let mut ids: Vec<_> = calls.iter().map(|call| &call.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), calls.len(), "{calls:?}");
        let calls = calls.iter().map(|call| format!("{}({})", call.name, call.arguments));
        let calls: Vec<_> = calls.collect();
        assert_eq!(streamed, calls, "chunks differ from the whole");
        calls
    }

    #[test]
    fn calls_are_told_apart_whatever_their_ids_and_indices_are() {
        let (one, two) = (Some(0), Some(1));
        let f = ["f({\"a\":1})"];
        let f_and_g = ["f({\"a\":1})", "g({\"b\":2})"];
        for (what, pieces, expected) in [
            (
                "interleaved",
                &[
                    (one, "x", "f", ""),
                    (two, "y", "g", "{\"b\""),
                    (one, "", "", "{\"a\":1}"),
                    (two, "", "", ":2}"),
                ][..],
                &f_and_g[..],
            ),
            (
                "one index, no ids",
                &[(one, "", "f", "{\"a\":1}"), (one, "", "g", "{\"b\":2}")],
                &f_and_g,
            ),
            (
                "no index, no ids",
                &[(None, "", "f", "{\"a\":1}"), (None, "", "g", "{\"b\":2}")],
                &f_and_g,
            ),
            (
                "one index, other ids",
                &[
                    (one, "x", "f", ""),
                    (one, "x", "", "{\"a\":1}"),
                    (one, "y", "g", ""),
                    (one, "y", "", "{\"b\":2}"),
                ],
                &f_and_g,
            ),
            (
                "no index, ids",
                &[
                    (None, "x", "f", "{\"a\""),
                    (None, "y", "g", "{\"b\""),
                    (None, "x", "", ":1}"),
                    (None, "y", "", ":2}"),
                ],
                &f_and_g,
            ),
            ("id with each piece", &[(one, "x", "f", "{\"a\""), (one, "x", "", ":1}")], &f),
            ("new id with each piece", &[(one, "x1", "f", "{\"a\""), (one, "x2", "", ":1}")], &f),
            (
                "new id and name with each piece",
                &[(one, "x1", "f", "{\"a\""), (one, "x2", "f", ":1}")],
                &f,
            ),
            ("late id", &[(one, "", "f", "{\"a\""), (one, "x", "", ":1}")], &f),
            (
                "whole once more",
                &[(one, "x", "f", "{\"a\""), (one, "", "", ":1}"), (one, "x", "f", "{\"a\":1}")],
                &f,
            ),
            ("name once more", &[(one, "x", "f", "{\"a\":1}"), (one, "x", "f", "")], &f),
            ("name with each piece", &[(one, "x", "f", "{\"a\""), (one, "x", "f", ":1}")], &f),
            ("name before arguments", &[(one, "x", "f", ""), (one, "x", "f", "{\"a\":1}")], &f),
            (
                "one id for two",
                &[(one, "x", "f", "{\"a\":1}"), (two, "x", "g", "{\"b\":2}")],
                &f_and_g,
            ),
            ("no arguments", &[(one, "", "f", ""), (one, "", "g", "")], &["f()", "g()"]),
            ("twice the same", &[(one, "", "f", "{}"), (one, "", "f", "{}")], &["f({})", "f({})"]),
        ] {
            assert_eq!(assembled(pieces), expected, "{what}");
        }
    }

    #[test]
    fn a_call_without_a_name_is_an_error() {
        let body = serde_json::from_value(json!({"index": 0})).unwrap();
        assert_eq!(Calls::default().add(body), Err("a tool call has no name".to_owned()));
    }

    #[test]
    fn signatures_are_kept() {
        let mut calls = Calls::default();
        let body = json!({
            "id": "x", "function": {"name": "f"}, "extra_content": {"google": {"signature": "s"}},
            "type": "function",
        });
        calls.add(serde_json::from_value(body).unwrap()).unwrap();
        let call = calls.finish("host").next().unwrap();
        let data = call.provider_data.unwrap();
        assert_eq!(data.fields_for("host").unwrap()["extra_content"]["google"]["signature"], "s");
        assert_eq!(data.fields.len(), 1);
        assert_eq!(data.fields_for("elsewhere"), None);
    }
}

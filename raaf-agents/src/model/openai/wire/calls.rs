//! Tool calls, which may come in pieces.

use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json};

use super::{
    answer::CallBody,
    pieces::{Nesting, Piece},
    surrogates::{self, Joiner},
};
use crate::{
    conversation::{ProviderData, ToolCall},
    model::ToolCallDelta,
};

/// Bound on the length of arguments that are not an object, a list or a string, in bytes.
const MAX_SCALAR: usize = 32;

/// Assembles calls from their pieces.
///
/// Servers differ. Indices can be missing, can be missing from some pieces, or can be equal for all calls.
/// Ids can be missing, repeated with each piece, or new for each piece. Some servers repeat the whole call
/// at the end. A piece with a name begins a new call if the call at its place is complete, or has no
/// arguments yet and is another one. A piece without a name continues the call at its place.
#[derive(Default)]
pub(super) struct Calls {
    calls: Vec<Partial>,
}

struct Partial {
    index: Option<u64>,
    /// The id is the server's.
    has_own_id: bool,
    /// Name; empty until a piece has one.
    name: String,
    id: String,
    arguments: String,
    nesting: Nesting,
    joiner: Joiner,
    kept: Map<String, Json>,
}

impl Partial {
    /// Returns whether the arguments are complete.
    fn is_complete(&self) -> bool {
        let text = self.arguments.trim();
        // The checks of the nesting and the length avoid parsing long arguments with each piece.
        self.nesting.is_closed()
            && (text.starts_with(['{', '[', '"']) || (1..=MAX_SCALAR).contains(&text.len()))
            && serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    /// Adds to the arguments, and returns the complete characters of the piece.
    fn push(&mut self, piece: String) -> String {
        let piece = self.joiner.push(piece);
        self.nesting.read(&piece);
        self.arguments.push_str(&piece);
        piece
    }

    /// Returns whether a piece with a name, before the arguments, can be another part of the name.
    fn continues_name(&self, id: Option<&str>) -> bool {
        self.has_own_id && id.is_none_or(|id| id == self.id)
    }

    /// Adds a name, or a part of one, and returns whether the call had none.
    fn add_name(&mut self, name: String) -> bool {
        let is_first = self.name.is_empty();
        if is_first || (self.arguments.is_empty() && name.starts_with(&self.name)) {
            self.name = name;
        } else if self.arguments.is_empty() {
            self.name.push_str(&name);
        }
        is_first
    }
}

/// Returns whether a piece with a name repeats what is known of a call.
fn is_repeated(call: &Partial, arguments: &str) -> bool {
    arguments.is_empty() || call.arguments == arguments
}

impl Calls {
    /// Adds a whole call.
    pub(super) fn add_whole(&mut self, body: CallBody) -> Option<ToolCallDelta> {
        let piece = Piece::of(body);
        self.begin(piece)
    }

    /// Adds the pieces of an event, and returns what is new.
    pub(super) fn add_all(&mut self, bodies: Vec<CallBody>) -> Vec<ToolCallDelta> {
        let known = self.calls.len();
        bodies.into_iter().filter_map(|body| self.add(body, known)).collect()
    }

    /// Adds a piece of an event. `known` is the number of calls before the event.
    fn add(&mut self, body: CallBody, known: usize) -> Option<ToolCallDelta> {
        let mut piece = Piece::of(body);
        let is_another = |at: &usize| *at >= known && piece.name.is_some();
        let at = self.place(&piece).filter(|at| !is_another(at));
        let Some(at) = at else { return self.begin(piece) };
        let call = &mut self.calls[at];
        call.kept.append(&mut piece.kept);
        if let (Some(id), false) = (piece.id, call.has_own_id) {
            (call.id, call.has_own_id) = (id, true);
        }
        let has_name = piece.name.is_some();
        let is_named = piece.name.is_some_and(|name| call.add_name(name));
        if has_name && !piece.arguments.is_empty() && call.arguments == piece.arguments {
            // The server repeats the whole call.
            return None;
        }
        let arguments = call.push(piece.arguments);
        if is_named {
            let mut delta = ToolCallDelta::start(at, &call.id, &call.name);
            delta.arguments.clone_from(&call.arguments);
            return Some(delta);
        }
        let is_new = !arguments.is_empty() && !call.name.is_empty();
        is_new.then(|| ToolCallDelta::arguments(at, arguments))
    }

    /// Returns the place of the call that a piece continues.
    fn place(&self, piece: &Piece) -> Option<usize> {
        let Piece { index, name, arguments, .. } = piece;
        let id = piece.id.as_deref();
        let of_id = |call: &Partial| call.has_own_id && id == Some(call.id.as_str());
        let last = || {
            let last = self.calls.len().checked_sub(1)?;
            let goes_on = index.is_none() || (name.is_none() && self.calls[last].index.is_none());
            goes_on.then_some(last)
        };
        let calls = || self.calls.iter();
        let at = calls()
            .rposition(of_id)
            .or_else(|| calls().rposition(|call| call.index == *index))
            .or_else(last)?;
        let call = &self.calls[at];
        let Some(name) = name else { return Some(at) };
        if call.name.is_empty() {
            return Some(at);
        }
        let other_id = call.has_own_id && id.is_some_and(|id| id != call.id);
        let is_other = *name != call.name;
        let begins = if call.arguments.is_empty() {
            other_id || (is_other && !call.continues_name(id))
        } else if of_id(call) {
            call.is_complete() && (is_other || !is_repeated(call, arguments))
        } else {
            call.is_complete() || (other_id && is_other)
        };
        (!begins).then_some(at)
    }

    /// Begins a call. It is announced once it has a name.
    fn begin(&mut self, piece: Piece) -> Option<ToolCallDelta> {
        let Piece { index, id, name, arguments, kept, is_empty } = piece;
        if is_empty {
            return None;
        }
        let at = self.calls.len();
        // Results refer to calls by id, so that two calls must not share one.
        let id = id.filter(|id| self.calls.iter().all(|call| call.id != *id));
        let has_own_id = id.is_some();
        let id = id.unwrap_or_else(ToolCall::new_id);
        let has_name = name.is_some();
        let mut call = Partial {
            index,
            has_own_id,
            name: name.unwrap_or_default(),
            id,
            arguments: String::new(),
            nesting: Nesting::default(),
            joiner: Joiner::default(),
            kept,
        };
        let arguments = call.push(arguments);
        let start = ToolCallDelta::start(at, &call.id, &call.name);
        self.calls.push(call);
        has_name.then_some(ToolCallDelta { arguments, ..start })
    }

    /// Returns the starts of the calls that never received a name.
    pub(super) fn nameless(&self) -> impl Iterator<Item = ToolCallDelta> {
        let calls = self.calls.iter().enumerate().filter(|(_, call)| call.name.is_empty());
        calls.map(|(at, call)| {
            let start = ToolCallDelta::start(at, &call.id, "");
            ToolCallDelta { arguments: call.arguments.clone(), ..start }
        })
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
            for delta in calls.add_all(vec![serde_json::from_value(body).unwrap()]) {
                if let Some(name) = delta.name {
                    assert_eq!(delta.index, streamed.len(), "{pieces:?}");
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
            ("index left out later", &[(one, "x", "f", "{\"a\""), (None, "", "", ":1}")], &f),
            ("index left out first", &[(None, "x", "f", "{\"a\""), (one, "", "", ":1}")], &f),
            (
                "index 0 left out",
                &[
                    (None, "x", "f", "{\"a\""),
                    (two, "y", "g", "{\"b\""),
                    (None, "", "", ":1}"),
                    (two, "", "", ":2}"),
                ],
                &f_and_g,
            ),
            (
                "late name",
                &[(one, "x", "", ""), (one, "", "f", "{\"a\""), (one, "", "", ":1}")],
                &f,
            ),
            (
                "name after arguments",
                &[(one, "x", "", "{\"a\""), (one, "", "", ":1}"), (one, "", "f", "")],
                &f,
            ),
            (
                "brackets in text",
                &[(one, "x", "f", "{\"a\":\"}\\\"]"), (one, "x", "f", "}"), (one, "x", "f", "\"}")],
                &["f({\"a\":\"}\\\"]}\"})"],
            ),
            ("twice the same", &[(one, "", "f", "{}"), (one, "", "f", "{}")], &["f({})", "f({})"]),
        ] {
            assert_eq!(assembled(pieces), expected, "{what}");
        }
    }

    #[test]
    fn a_call_without_a_name_is_kept_and_a_piece_without_anything_is_not_a_call() {
        let mut calls = Calls::default();
        for body in
            [json!({"index": 0}), json!({"id": "x", "function": {"name": "", "arguments": "{}"}})]
        {
            assert_eq!(calls.add_all(vec![serde_json::from_value(body).unwrap()]), []);
        }
        let start =
            ToolCallDelta { arguments: "{}".to_owned(), ..ToolCallDelta::start(0, "x", "") };
        assert_eq!(calls.nameless().collect::<Vec<_>>(), [start]);
        let calls: Vec<_> = calls.finish("host").collect();
        assert_eq!((calls.len(), &*calls[0].name, &*calls[0].arguments), (1, "", "{}"));
    }

    #[test]
    fn each_name_in_one_event_is_that_of_another_call() {
        let call = || json!({"index": 0, "id": "", "function": {"name": "f", "arguments": ""}});
        let bodies = [call(), call()].map(|body| serde_json::from_value(body).unwrap());
        let mut calls = Calls::default();
        assert_eq!(calls.add_all(bodies.into()).len(), 2);
        assert_eq!(calls.finish("host").count(), 2);
    }

    #[test]
    fn calls_that_come_whole_are_never_joined() {
        let mut calls = Calls::default();
        for (id, name, arguments) in [
            ("", "f", "{}"),
            ("", "f", "{}"),
            ("", "f", ""),
            ("", "g", "{\"a\":"),
            ("x", "f", "{}"),
            ("x", "f", "{}"),
        ] {
            let body = json!({"id": id, "function": {"name": name, "arguments": arguments}});
            calls.add_whole(serde_json::from_value(body).unwrap());
        }
        let calls: Vec<_> = calls.finish("host").collect();
        assert_eq!(calls.len(), 6);
        assert_ne!(calls[4].id, calls[5].id);
    }

    #[test]
    fn signatures_are_kept() {
        let mut calls = Calls::default();
        let body = json!({
            "id": "x", "function": {"name": "f"}, "extra_content": {"google": {"signature": "s"}},
            "type": "function",
        });
        calls.add_all(vec![serde_json::from_value(body).unwrap()]);
        let call = calls.finish("host").next().unwrap();
        let data = call.provider_data.unwrap();
        assert_eq!(data.fields_for("host").unwrap()["extra_content"]["google"]["signature"], "s");
        assert_eq!(data.fields.len(), 1);
        assert_eq!(data.fields_for("elsewhere"), None);
    }
}

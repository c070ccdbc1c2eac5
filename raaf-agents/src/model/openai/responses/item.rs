//! An output item, which comes whole or in pieces.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::super::wire::surrogates::Joiner;

/// Kind of text that comes in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Text,
    Refusal,
    Thought,
    Summary,
    Arguments,
}

impl Piece {
    /// Returns the type of the item that has such pieces.
    fn item(self) -> &'static str {
        match self {
            Self::Text | Self::Refusal => "message",
            Self::Thought | Self::Summary => "reasoning",
            Self::Arguments => "function_call",
        }
    }

    /// Returns the list of an item with such pieces, their type, and the member with the text.
    fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Text => ("content", "output_text", "text"),
            Self::Refusal => ("content", "refusal", "refusal"),
            Self::Thought => ("content", "reasoning_text", "text"),
            Self::Summary => ("summary", "summary_text", "text"),
            Self::Arguments => ("", "", "arguments"),
        }
    }
}

/// Text that comes in pieces.
#[derive(Default)]
struct Text {
    whole: String,
    joiner: Joiner,
}

/// An output item.
#[derive(Default)]
pub(super) struct Item {
    /// The item as the server sent it last.
    members: Map<String, Json>,
    is_done: bool,
    /// Text that was streamed, by its kind and index.
    streamed: BTreeMap<(Piece, u64), Text>,
    /// Number and id of a tool call that was announced.
    pub(super) call: Option<(usize, String)>,
}

impl Item {
    /// Begins an item of which only a piece is known.
    pub(super) fn of_piece(piece: Piece) -> Self {
        let mut item = Self::default();
        item.members.insert("type".to_owned(), piece.item().into());
        item
    }

    /// Replaces the members by those that the server sent. An item that is done does not begin again.
    pub(super) fn set(&mut self, members: Map<String, Json>, is_done: bool) {
        if is_done || !self.is_done {
            self.members = members;
        }
        self.is_done |= is_done;
    }

    pub(super) fn set_status(&mut self, status: &str) {
        self.members.insert("status".to_owned(), status.into());
    }

    pub(super) fn members(&self) -> &Map<String, Json> {
        &self.members
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    pub(super) fn kind(&self) -> &str {
        text(&self.members, "type").unwrap_or_default()
    }

    pub(super) fn id(&self) -> Option<&str> {
        text(&self.members, "id")
    }

    /// Returns whether the message comments on the work of the model, and is not its answer.
    pub(super) fn is_commentary(&self) -> bool {
        is_commentary(&self.members)
    }

    /// Adds a piece, and returns the complete characters of it.
    pub(super) fn push(&mut self, piece: Piece, index: u64, delta: String) -> Option<String> {
        let text = self.streamed.entry((piece, index)).or_default();
        let delta = text.joiner.push(delta);
        text.whole.push_str(&delta);
        (!delta.is_empty()).then_some(delta)
    }

    /// Returns the text so far.
    pub(super) fn streamed(&self, piece: Piece, index: u64) -> &str {
        self.streamed.get(&(piece, index)).map_or("", |text| &text.whole)
    }

    /// Returns whether a piece of this kind was streamed.
    pub(super) fn has(&self, piece: Piece) -> bool {
        self.streamed.range((piece, 0)..=(piece, u64::MAX)).next().is_some()
    }

    /// Returns the part of a whole text that was not streamed, and records it.
    pub(super) fn rest(&mut self, piece: Piece, index: u64, whole: &str) -> Option<String> {
        let text = self.streamed.entry((piece, index)).or_default();
        // A server that sent another text before has the last word, but not twice.
        let rest = whole.strip_prefix(&text.whole).filter(|rest| !rest.is_empty())?.to_owned();
        text.whole.push_str(&rest);
        text.joiner = Joiner::default();
        Some(rest)
    }

    /// Returns the texts of the members.
    pub(super) fn texts(&self) -> Vec<(Piece, u64, String)> {
        let mut found = Vec::new();
        let kinds: &[Piece] = match self.kind() {
            "message" => &[Piece::Text, Piece::Refusal],
            "reasoning" => &[Piece::Summary, Piece::Thought],
            "function_call" => &[Piece::Arguments],
            _ => &[],
        };
        for piece in kinds {
            let (list, kind, member) = piece.place();
            if *piece == Piece::Arguments {
                found.extend(arguments(&self.members).map(|text| (*piece, 0, text)));
                continue;
            }
            let parts = match self.members.get(list) {
                Some(Json::Array(parts)) => parts.as_slice(),
                Some(text @ Json::String(_)) => std::slice::from_ref(text),
                _ => &[],
            };
            // Some servers send text without a type, with the type `text`, or as a string.
            let is_text = |part: &Json| *piece == Piece::Text && part["type"] == "text";
            for (index, part) in (0..).zip(parts) {
                let is_it =
                    part["type"].as_str().is_none_or(|other| other == kind) || is_text(part);
                let bare = part.as_str().filter(|_| *piece == Piece::Text);
                if let Some(text) = bare.or_else(|| part[member].as_str()).filter(|_| is_it) {
                    found.push((*piece, index, text.to_owned()));
                }
            }
        }
        found
    }

    /// Returns the members, with the streamed text if the server did not send the whole item.
    pub(super) fn finish(mut self) -> Map<String, Json> {
        if let Some((_, id)) = self.call {
            self.members.insert("call_id".to_owned(), id.into());
        }
        if self.is_done {
            return self.members;
        }
        // What was sent when the item began is empty.
        for list in ["content", "summary"] {
            if self.streamed.keys().any(|(piece, _)| piece.place().0 == list) {
                self.members.remove(list);
            }
        }
        for ((piece, _), text) in self.streamed {
            let Text { mut whole, mut joiner } = text;
            whole.extend(joiner.finish());
            let (list, kind, member) = piece.place();
            if piece == Piece::Arguments {
                self.members.insert(member.to_owned(), whole.into());
                continue;
            }
            let parts = self.members.entry(list).or_insert_with(|| json!([]));
            if let Some(parts) = parts.as_array_mut() {
                parts.push(json!({"type": kind, member: whole}));
            }
        }
        self.members
    }
}

/// Returns a text that is not empty.
pub(super) fn text<'a>(members: &'a Map<String, Json>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// Returns the arguments of a call: text, or JSON that a server did not encode.
pub(super) fn arguments(members: &Map<String, Json>) -> Option<String> {
    match members.get("arguments")? {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        json => Some(json.to_string()),
    }
}

pub(super) fn is_commentary(members: &Map<String, Json>) -> bool {
    text(members, "phase") == Some("commentary")
}

//! Pieces of tool calls.

use serde_json::{Map, Value as Json};

use super::answer::{CallBody, FunctionBody};

/// Members of a call that the provider expects back.
const KEPT: [&str; 3] = ["extra_content", "thought_signature", "provider_specific_fields"];

/// Nesting of JSON at the end of the pieces so far.
#[derive(Default)]
pub(super) struct Nesting {
    depth: usize,
    is_in_text: bool,
    is_escaped: bool,
}

impl Nesting {
    pub(super) fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = self.is_in_text,
                b'"' => self.is_in_text = !self.is_in_text,
                b'{' | b'[' if !self.is_in_text => self.depth += 1,
                b'}' | b']' if !self.is_in_text => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Returns whether no object, array or string is open.
    pub(super) fn is_closed(&self) -> bool {
        self.depth == 0 && !self.is_in_text
    }
}

/// Piece of a call.
pub(super) struct Piece {
    pub(super) index: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) arguments: String,
    pub(super) kept: Map<String, Json>,
    /// True without an id and a function.
    pub(super) is_empty: bool,
}

impl Piece {
    pub(super) fn of(body: CallBody) -> Self {
        let CallBody { index, id, function, rest: mut kept } = body;
        let has_function = function.is_some();
        let FunctionBody { name, arguments } = function.unwrap_or_default();
        let arguments = match arguments {
            Json::Null => String::new(),
            Json::String(text) => text,
            json => json.to_string(),
        };
        kept.retain(|key, value| KEPT.contains(&key.as_str()) && !value.is_null());
        let [id, name] = [id, name].map(|text| text.filter(|text| !text.is_empty()));
        let is_empty = id.is_none() && !has_function;
        Self { index, id, name, arguments, kept, is_empty }
    }
}

//! Assembles a response, which comes whole or as events.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value as Json};

use super::{
    super::{
        protocol::Assemble,
        wire::{Fault, Rejected, fault_in, finish::End, is_error, surrogates, unexpected_json},
    },
    head::Head,
    hosted,
    item::{Item, Piece, text},
    output::{self, Output},
};
use crate::{
    conversation::ToolCall,
    model::{FinishReason, ModelChunk, ModelResponse, ToolCallDelta},
};

/// Bound on the number of items.
const MAX_ITEMS: usize = 4096;

/// Assembles a response.
#[derive(Default)]
pub(in super::super) struct Assembly {
    /// Items by their place in the output.
    items: BTreeMap<u64, Item>,
    head: Head,
    pieces: usize,
    calls: usize,
    has_text: bool,
    has_thoughts: bool,
    is_complete: bool,
    /// The tool that the model was to call with its answer.
    answer_tool: Option<String>,
    /// Token limit of the answer.
    max_tokens: Option<u32>,
}

fn fault(error: &Json) -> Rejected {
    Rejected::Fault(Box::new(Fault::of_json(error)))
}

impl Assembly {
    /// Assembles the response to a request that offers this tool for the answer, with this token limit.
    pub(super) fn expecting(answer_tool: Option<String>, max_tokens: Option<u32>) -> Self {
        Self { answer_tool, max_tokens, ..Self::default() }
    }

    fn event(&mut self, mut event: Map<String, Json>) -> Result<Vec<ModelChunk>, Rejected> {
        let kind = text(&event, "type").unwrap_or_default().to_owned();
        let mut chunks = Vec::new();
        let Some(name) = kind.strip_prefix("response.") else {
            if kind == "error" || event.get("error").is_some_and(is_error) {
                return Err(fault(&event.into()));
            }
            if event.contains_key("output") || event.get("object") == Some(&"response".into()) {
                self.end(event, &mut chunks)?;
            } else if let Some(error) = Fault::in_success(&event.into()) {
                return Err(Rejected::Fault(Box::new(error)));
            }
            return Ok(chunks);
        };
        match name {
            "created" | "queued" | "in_progress" => {
                if let Some(Json::Object(mut response)) = event.remove("response") {
                    self.head.read(&mut response);
                }
            }
            "completed" | "incomplete" | "failed" | "cancelled" => {
                let mut response = match event.remove("response") {
                    Some(Json::Object(response)) => response,
                    _ => Map::new(),
                };
                response.entry("status").or_insert_with(|| name.into());
                self.end(response, &mut chunks)?;
            }
            "output_item.added" | "output_item.done" => {
                let Some(Json::Object(mut item)) = event.remove("item") else { return Ok(chunks) };
                item.values_mut().for_each(surrogates::settle_json);
                let is_done = name == "output_item.done";
                let at = self.place_of(&item, event.get("output_index").and_then(Json::as_u64));
                self.set(at, item, is_done, &mut chunks)?;
            }
            "output_text.annotation.added" => {
                let citation = event.get("annotation").map(output::citation);
                chunks.extend(citation.map(ModelChunk::Citation));
            }
            _ => self.progress(name, &mut event, &mut chunks),
        }
        Ok(chunks)
    }

    /// Adds an event about a part of an item. Unknown events are ignored.
    fn progress(
        &mut self,
        name: &str,
        event: &mut Map<String, Json>,
        chunks: &mut Vec<ModelChunk>,
    ) {
        let Some((part, what)) = name.rsplit_once('.') else { return };
        let (piece, index, member) = match part {
            "output_text" => (Piece::Text, "content_index", "text"),
            "refusal" => (Piece::Refusal, "content_index", "refusal"),
            "reasoning_text" => (Piece::Thought, "content_index", "text"),
            "reasoning_summary_text" => (Piece::Summary, "summary_index", "text"),
            "function_call_arguments" => (Piece::Arguments, "", "arguments"),
            _ => return self.hosted(part, what, event, chunks),
        };
        let index = event.get(index).and_then(Json::as_u64).unwrap_or_default();
        let text = match what {
            "delta" => event.remove("delta"),
            "done" => event.remove(member),
            _ => None,
        };
        let Some(Json::String(text)) = text else { return };
        if self.items.len() >= MAX_ITEMS && self.find(event).is_none() {
            return;
        }
        let at = self.find(event).unwrap_or_else(|| {
            let at = self.next_place();
            let at = event.get("output_index").and_then(Json::as_u64).unwrap_or(at);
            self.items.entry(at).or_insert_with(|| Item::of_piece(piece));
            at
        });
        let Some(item) = self.items.get_mut(&at) else { return };
        let new = if what == "delta" {
            // The text of an item that is done is known.
            if item.is_done() { None } else { item.push(piece, index, text) }
        } else {
            let mut text = Json::String(text);
            surrogates::settle_json(&mut text);
            text.as_str().and_then(|text| item.rest(piece, index, text))
        };
        if let Some(new) = new {
            self.show(at, piece, index, new, chunks);
        }
    }

    /// Adds an event about a call of a hosted tool, whose state is the last word of its name.
    fn hosted(
        &mut self,
        part: &str,
        what: &str,
        event: &Map<String, Json>,
        chunks: &mut Vec<ModelChunk>,
    ) {
        let known = self.find(event).and_then(|at| self.items.get_mut(&at));
        let Some(item) = known.filter(|item| item.kind() == part && !item.is_done()) else {
            return;
        };
        // Arguments and results come with the whole item, which follows the end of the call.
        if matches!(what, "delta" | "done" | "completed" | "failed" | "incomplete") {
            return;
        }
        if what != "partial_image" {
            item.set_status(what);
        }
        let mut call = hosted::progress(item.members());
        call.result = text(event, "partial_image_b64").map(hosted::image).into_iter().collect();
        chunks.push(ModelChunk::HostedCall(Box::new(call)));
    }

    /// Returns the place of the item of an event.
    fn find(&self, event: &Map<String, Json>) -> Option<u64> {
        let id = text(event, "item_id");
        let index = event.get("output_index").and_then(Json::as_u64);
        let at_index = index.and_then(|index| self.items.get_key_value(&index));
        let is_it = |item: &Item| id.is_none() || item.id() == id;
        if let Some((at, _)) = at_index.filter(|(_, item)| is_it(item)) {
            return Some(*at);
        }
        let of_id = || self.items.iter().rev().find(|(_, item)| id.is_some() && item.id() == id);
        let last = || self.items.iter().next_back().filter(|_| index.is_none());
        // Some servers change the ids of items as they go.
        of_id().or(at_index).or_else(last).map(|(at, _)| *at)
    }

    /// Returns the place of an item: that of the item with its id that goes on or, without an index, is the
    /// same, otherwise the index if it is free or has an item that goes on, otherwise a new one.
    fn place_of(&self, item: &Map<String, Json>, index: Option<u64>) -> u64 {
        let id = text(item, "id");
        let is_it = |at: &u64, other: &Item| {
            let is_same = || index.map_or_else(|| other.members() == item, |index| index == *at);
            id.is_some() && other.id() == id && (!other.is_done() || is_same())
        };
        if let Some((at, _)) = self.items.iter().rev().find(|(at, other)| is_it(at, other)) {
            return *at;
        }
        let kind = text(item, "type").unwrap_or_default();
        let goes_on = |at: &u64| {
            self.items.get(at).is_none_or(|other| !other.is_done() && other.kind() == kind)
        };
        index.filter(goes_on).unwrap_or_else(|| self.next_place())
    }

    fn next_place(&self) -> u64 {
        self.items.keys().next_back().map_or(0, |last| last.saturating_add(1))
    }

    /// Sets an item, and emits the part of it that is new.
    fn set(
        &mut self,
        at: u64,
        members: Map<String, Json>,
        is_done: bool,
        chunks: &mut Vec<ModelChunk>,
    ) -> Result<(), Rejected> {
        if self.items.len() >= MAX_ITEMS && !self.items.contains_key(&at) {
            return Err(Rejected::Malformed(format!("more than {MAX_ITEMS} items")));
        }
        let item = self.items.entry(at).or_default();
        let was_done = item.is_done();
        item.set(members, is_done);
        let kind = item.kind().to_owned();
        if kind == "function_call" {
            self.announce(at, is_done, chunks)?;
        } else if hosted::is_hosted(&kind) && !was_done && kind != hosted::APPROVAL {
            let mut call = hosted::call(item.members(), None);
            if is_done && call.status.is_none() {
                let status = if call.error.is_some() { "failed" } else { "completed" };
                call.status = Some(status.to_owned());
            }
            chunks.push(ModelChunk::HostedCall(Box::new(call)));
        }
        if is_done {
            let texts = self.items.get(&at).map(Item::texts).unwrap_or_default();
            for (piece, index, whole) in texts {
                let rest = self.items.get_mut(&at).and_then(|item| item.rest(piece, index, &whole));
                if let Some(rest) = rest {
                    self.show(at, piece, index, rest, chunks);
                }
            }
        }
        Ok(())
    }

    /// Begins a tool call, once its name is known. At the end of the item, an empty name is accepted.
    fn announce(
        &mut self,
        at: u64,
        is_done: bool,
        chunks: &mut Vec<ModelChunk>,
    ) -> Result<(), Rejected> {
        let Some(item) = self.items.get(&at).filter(|item| item.call.is_none()) else {
            return Ok(());
        };
        let name = item.members().get("name").and_then(Json::as_str).map(str::to_owned);
        let Some(name) = name.filter(|name| is_done || !name.is_empty()) else {
            if is_done {
                return Err(Rejected::Malformed("a tool call has no name".to_owned()));
            }
            return Ok(());
        };
        let id = text(item.members(), "call_id").or(item.id());
        // Results refer to calls by id, so that two calls must not share one.
        let is_taken = |id: &str| {
            self.items.values().any(|item| item.call.as_ref().is_some_and(|call| call.1 == id))
        };
        let id = id.filter(|id| !is_taken(id)).map_or_else(ToolCall::new_id, str::to_owned);
        let index = self.calls;
        self.calls += 1;
        let mut delta = ToolCallDelta::start(index, &id, name);
        item.streamed(Piece::Arguments, 0).clone_into(&mut delta.arguments);
        chunks.push(ModelChunk::ToolCall(delta));
        if let Some(item) = self.items.get_mut(&at) {
            item.call = Some((index, id));
        }
        Ok(())
    }

    fn show(
        &mut self,
        at: u64,
        piece: Piece,
        index: u64,
        new: String,
        chunks: &mut Vec<ModelChunk>,
    ) {
        let Some(item) = self.items.get(&at) else { return };
        let is_first = item.streamed(piece, index).len() == new.len();
        chunks.push(match piece {
            Piece::Text if !item.is_commentary() => {
                self.has_text = true;
                ModelChunk::Text(new)
            }
            Piece::Refusal => ModelChunk::Refusal(new),
            Piece::Arguments => match &item.call {
                Some((call, _)) => ModelChunk::ToolCall(ToolCallDelta::arguments(*call, new)),
                None => return,
            },
            // Reasoning comes as text or as a summary of it.
            Piece::Thought if item.has(Piece::Summary) => return,
            Piece::Summary if item.has(Piece::Thought) => return,
            Piece::Text | Piece::Thought | Piece::Summary => {
                let begins = is_first && std::mem::replace(&mut self.has_thoughts, true);
                ModelChunk::Reasoning(if begins { format!("\n\n{new}") } else { new })
            }
        });
    }

    /// Adds the whole response.
    fn end(
        &mut self,
        mut response: Map<String, Json>,
        chunks: &mut Vec<ModelChunk>,
    ) -> Result<(), Rejected> {
        self.head.read(&mut response);
        let status = self.head.status.as_deref();
        if let Some(error) = response.get("error").filter(|error| is_error(error)) {
            return Err(fault(error));
        }
        match status {
            Some("failed") => return Err(fault(&"the response failed".into())),
            Some("cancelled") => return Err(fault(&"the response was cancelled".into())),
            Some(status @ ("queued" | "in_progress")) => {
                return Err(Rejected::Malformed(format!(
                    "the response is still `{status}`; expected a whole one (background mode is not \
                     supported)"
                )));
            }
            _ => {}
        }
        if let Some(Json::Array(items)) = response.remove("output") {
            let mut taken = HashSet::new();
            for (index, item) in (0..).zip(items) {
                let Json::Object(mut item) = item else { continue };
                item.values_mut().for_each(surrogates::settle_json);
                let at = self.place_of_last(&item, index, &taken);
                taken.insert(at);
                self.set(at, item, true, chunks)?;
            }
        }
        self.is_complete = true;
        Ok(())
    }

    /// Returns the place of an item of the whole response, which no other item of it has.
    fn place_of_last(&self, item: &Map<String, Json>, index: u64, taken: &HashSet<u64>) -> u64 {
        let (id, kind) = (text(item, "id"), text(item, "type").unwrap_or_default());
        let of_id =
            |(at, other): &(&u64, &Item)| id.is_some() && other.id() == id && !taken.contains(at);
        let known = self.items.iter().find(of_id).map(|(at, _)| *at);
        let is_free = self.items.get(&index).is_none_or(|other| other.kind() == kind);
        let at_index = Some(index).filter(|index| is_free && !taken.contains(index));
        known.or(at_index).unwrap_or_else(|| self.next_place())
    }
}

impl Assemble for Assembly {
    fn add(&mut self, json: &str) -> Result<Vec<ModelChunk>, Rejected> {
        let event = serde_json::from_str(&surrogates::mark(json))
            .map_err(|error| unexpected_json(json, &error))?;
        let Json::Object(event) = event else {
            let message = "unexpected JSON: expected an object".to_owned();
            return Err(fault_in(json).unwrap_or(Rejected::Malformed(message)));
        };
        let chunks = self.event(event)?;
        self.pieces += chunks.len();
        Ok(chunks)
    }

    fn pieces(&self) -> usize {
        self.pieces
    }

    fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn finish(
        self,
        is_over: bool,
        origin: &str,
    ) -> Result<Option<(Vec<ModelChunk>, ModelResponse)>, Rejected> {
        if !self.is_complete {
            if is_over && self.items.is_empty() {
                return Err(Rejected::Malformed("no output".to_owned()));
            }
            // Some servers mark the end without the whole response.
            if !is_over || !self.items.values().all(Item::is_done) {
                return Ok(None);
            }
        }
        let mut output = Output::new(origin);
        for item in self.items.into_values() {
            output.add(item.finish()).map_err(Rejected::Malformed)?;
        }
        let answer = output.take_answer(self.answer_tool.as_deref());
        let Head {
            id,
            model,
            status,
            incomplete,
            conversation,
            is_stored,
            is_silent,
            usage,
            cost_usd,
        } = self.head;
        let message = output.into_message(id.as_deref(), conversation, is_stored);
        let mut response = ModelResponse::new(message);
        if status.as_deref() == Some("incomplete") || incomplete.is_some() {
            response.finish_reason = match incomplete.as_deref().map(End::of) {
                Some(End::Reason(reason)) => reason,
                Some(End::Failure) => FinishReason::from(incomplete.as_deref().unwrap_or_default()),
                None => FinishReason::Length,
            };
        }
        response.usage = usage.unwrap_or_default();
        // llama.cpp calls an answer complete that it has cut.
        let is_cut = |limit: u32| response.usage.output_tokens >= u64::from(limit);
        if is_silent && self.max_tokens.is_some_and(is_cut) {
            response.finish_reason = FinishReason::Length;
        }
        (response.cost_usd, response.id, response.model) = (cost_usd, id, model);
        let answer = answer.filter(|_| !self.has_text).map(ModelChunk::Text);
        Ok(Some((answer.into_iter().collect(), response)))
    }
}

#[cfg(test)]
mod tests;

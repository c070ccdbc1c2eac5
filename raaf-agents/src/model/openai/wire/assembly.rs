//! Assembles a response, which comes whole or in pieces.

use serde_json::{Map, Value as Json};

use super::{
    answer::{Answer, CallBody, Choice, ContentBody, MessageBody},
    calls::Calls,
    fault::Fault,
    finish::End,
    reasoning::{IN_CONTENT, Thoughts},
    rejected::{Rejected, fault_in, is_error, reported, unexpected_json},
    surrogates::{self, Joiner},
};
use crate::{
    conversation::{Media, Message, Part},
    model::{FinishReason, ModelChunk, ModelResponse, Usage},
};

/// Assembles a response.
#[derive(Default)]
pub(in super::super) struct Assembly {
    text: Text,
    refusal: Text,
    thoughts: Thoughts,
    thought: Joiner,
    calls: Calls,
    /// Images, and parts of the content whose type is unknown.
    others: Vec<Part>,
    /// The choice that is read: the first. Others are interleaved with it.
    choice: Option<u64>,
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
    cost_usd: Option<f64>,
    id: Option<String>,
    model: Option<String>,
    pieces: usize,
    /// The tool that the model was to call with its answer.
    answer_tool: Option<String>,
}

/// Text that comes in pieces.
#[derive(Default)]
struct Text {
    whole: String,
    joiner: Joiner,
}

impl Text {
    /// Appends a piece, and returns the complete characters of it.
    fn push(&mut self, piece: String) -> Option<String> {
        let piece = self.joiner.push(piece);
        self.whole.push_str(&piece);
        (!piece.is_empty()).then_some(piece)
    }

    fn finish(mut self) -> Option<String> {
        self.whole.extend(self.joiner.finish());
        (!self.whole.is_empty()).then_some(self.whole)
    }
}

impl Assembly {
    /// Assembles the response to a request that offers this tool for the answer.
    pub(in super::super) fn expecting(answer_tool: Option<String>) -> Self {
        Self { answer_tool, ..Self::default() }
    }

    /// Adds a response or an event of a stream, and returns the new chunks.
    pub(in super::super) fn add(&mut self, json: &str) -> Result<Vec<ModelChunk>, Rejected> {
        let answer: Answer = serde_json::from_str(&surrogates::mark(json))
            .map_err(|error| unexpected_json(json, &error))?;
        let is_fault = answer.object.as_deref() == Some("error");
        if is_fault || answer.error.as_ref().is_some_and(is_error) {
            return Err(reported(json));
        }
        self.id = self.id.take().or(answer.id);
        self.model = self.model.take().or(answer.model);
        // The last one counts: some servers send a running total with each event.
        let usage = answer.usage.or(answer.x_groq.and_then(|groq| groq.usage));
        if let Some(usage) = usage {
            self.cost_usd = usage.cost_usd().or(self.cost_usd);
            self.usage = Some(Usage::from(usage).or(self.usage.unwrap_or_default()));
        } else if answer.choices.is_empty()
            && let Some(fault) = fault_in(json)
        {
            return Err(fault);
        }
        let mut chunks = Vec::new();
        for (at, choice) in (0..).zip(answer.choices) {
            let index = choice.index.unwrap_or(at);
            if *self.choice.get_or_insert(index) == index {
                self.add_choice(choice, &mut chunks)?;
            }
        }
        self.pieces += chunks.len();
        Ok(chunks)
    }

    /// Returns the number of chunks so far.
    pub(in super::super) fn pieces(&self) -> usize {
        self.pieces
    }

    /// Returns the first chunks of calls that never received a name.
    pub(in super::super) fn nameless_calls(&self) -> Vec<ModelChunk> {
        self.calls.nameless().map(ModelChunk::ToolCall).collect()
    }

    /// Returns whether there were chunks of text.
    pub(in super::super) fn has_text(&self) -> bool {
        !self.text.whole.is_empty()
    }

    /// Returns whether the server has sent the reason for the end. Usage may follow.
    pub(in super::super) fn has_end(&self) -> bool {
        self.finish_reason.is_some()
    }

    /// Returns whether the server sent an answer at all.
    pub(in super::super) fn has_choice(&self) -> bool {
        self.choice.is_some()
    }

    fn add_choice(&mut self, choice: Choice, chunks: &mut Vec<ModelChunk>) -> Result<(), Rejected> {
        let Choice { delta, message, finish_reason, native_finish_reason, error, .. } = choice;
        if let Some(error) = error.filter(is_error) {
            return Err(Rejected::Fault(Box::new(Fault::of_json(&error))));
        }
        let read = |reason: Option<String>| {
            let reason = reason.filter(|reason| !reason.is_empty())?;
            Some((End::of(&reason), reason))
        };
        // The reason may come twice, and the gateway's more favorable one last.
        let decided = self.finish_reason.clone();
        let is_decided = decided.is_some_and(|reason| End::Reason(reason).is_decisive());
        let native = read(native_finish_reason).filter(|(end, _)| end.is_decisive());
        match native.or_else(|| read(finish_reason)).filter(|_| !is_decided) {
            Some((End::Reason(reason), _)) => self.finish_reason = Some(reason),
            Some((End::Failure, word)) => {
                let fault = Fault::of_json(&format!("the answer ended with `{word}`").into());
                return Err(Rejected::Fault(Box::new(fault)));
            }
            None => {}
        }
        // An event may have the text so far as `message`, beside what is new as `delta`. A whole
        // response may have an empty `delta`.
        let is_empty = |body: &MessageBody| {
            let is_silent = match &body.content {
                Some(ContentBody::Text(text)) => text.is_empty(),
                Some(ContentBody::Parts(parts)) => parts.is_empty(),
                None => true,
            };
            is_silent && body.tool_calls.is_empty() && body.function_call.is_none()
        };
        let is_first = self.pieces == 0;
        match (delta, message) {
            (Some(delta), Some(message)) if is_first && is_empty(&delta) => {
                self.add_message(message, true, chunks);
            }
            (Some(delta), _) => self.add_message(delta, false, chunks),
            (None, Some(message)) if is_first => self.add_message(message, true, chunks),
            (None, _) => {}
        }
        Ok(())
    }

    fn add_message(&mut self, body: MessageBody, is_whole: bool, chunks: &mut Vec<ModelChunk>) {
        let MessageBody { content, refusal, mut tool_calls, function_call, mut rest } = body;
        if let Some(text) = self.thoughts.add(&mut rest) {
            self.push_thought(text, chunks);
        }
        match content {
            Some(ContentBody::Text(text)) => {
                chunks.extend(self.text.push(text).map(ModelChunk::Text));
            }
            Some(ContentBody::Parts(parts)) => {
                for part in parts {
                    self.add_part(part, chunks);
                }
            }
            None => {}
        }
        if let Some(Json::Array(images)) = rest.remove("images") {
            self.others.extend(images.into_iter().map(other_part));
        }
        if let Some(refusal) = refusal {
            chunks.extend(self.refusal.push(refusal).map(ModelChunk::Refusal));
        }
        if let Some(function) = function_call.filter(|_| tool_calls.is_empty()) {
            let function = Some(function);
            tool_calls.push(CallBody { index: None, id: None, function, rest: Map::new() });
        }
        let deltas = if is_whole {
            tool_calls.into_iter().filter_map(|call| self.calls.add_whole(call)).collect()
        } else {
            self.calls.add_all(tool_calls)
        };
        chunks.extend(deltas.into_iter().map(ModelChunk::ToolCall));
    }

    fn push_thought(&mut self, text: String, chunks: &mut Vec<ModelChunk>) {
        let text = self.thought.push(text);
        if !text.is_empty() {
            chunks.push(ModelChunk::Reasoning(text));
        }
    }

    fn add_part(&mut self, part: Json, chunks: &mut Vec<ModelChunk>) {
        let text = |key: &str| part[key].as_str().map(str::to_owned);
        let whole = part.as_str().map(str::to_owned);
        let kind = part["type"].as_str();
        match kind {
            _ if whole.is_some() || (kind.is_none() && part["text"].is_string()) => {
                let text = whole.or_else(|| text("text"));
                chunks.extend(text.and_then(|text| self.text.push(text)).map(ModelChunk::Text));
            }
            Some("text" | "output_text") => {
                let text = text("text").and_then(|text| self.text.push(text));
                chunks.extend(text.map(ModelChunk::Text));
            }
            Some("refusal") => {
                let text = text("refusal").and_then(|text| self.refusal.push(text));
                chunks.extend(text.map(ModelChunk::Refusal));
            }
            Some("thinking") => {
                let inner = part["thinking"].as_array().into_iter().flatten();
                let inner = inner.filter_map(|part| part["text"].as_str()).collect();
                let text = text("thinking").unwrap_or(inner);
                if let Some(text) = self.thoughts.add_text(IN_CONTENT, text) {
                    self.push_thought(text, chunks);
                }
            }
            Some("reasoning") => {
                let summaries = part["summary"].as_array().into_iter().flatten();
                let summaries = summaries.filter_map(|part| part["text"].as_str()).collect();
                if let Some(text) = self.thoughts.tell(text("text").unwrap_or(summaries)) {
                    self.push_thought(text, chunks);
                }
                self.others.push(other_part(part));
            }
            _ if part.is_null() => {}
            _ => self.others.push(other_part(part)),
        }
    }

    /// Returns the whole response; `None` if it is incomplete. `is_over` is true if the server
    /// marked the end, and `origin` is the server.
    pub(in super::super) fn finish(self, is_over: bool, origin: &str) -> Option<ModelResponse> {
        let reason = self.finish_reason.or_else(|| is_over.then_some(FinishReason::Stop))?;
        let mut parts = Vec::new();
        parts.extend(self.thoughts.finish(origin).map(Part::Reasoning));
        let mut text = self.text.finish();
        let mut calls: Vec<_> = self.calls.finish(origin).collect();
        // The answer in the form of a call. Beside other calls it is premature.
        let is_answer = |name: &str| self.answer_tool.as_deref() == Some(name);
        if calls.iter().all(|call| is_answer(&call.name))
            && let Some(call) = calls.first()
        {
            text = Some(call.arguments.clone());
        }
        calls.retain(|call| !is_answer(&call.name));
        parts.extend(text.map(Part::Text));
        parts.extend(self.others);
        let refusal = self.refusal.finish();
        let is_refused = refusal.is_some();
        parts.extend(refusal.map(Part::Refusal));
        let has_calls = !calls.is_empty();
        parts.extend(calls.into_iter().map(Part::ToolCall));
        let mut response = ModelResponse::new(Message::assistant(parts));
        response.finish_reason = match reason {
            FinishReason::Stop if is_refused => FinishReason::Refusal,
            FinishReason::ToolCalls if !has_calls => FinishReason::Stop,
            reason => reason,
        };
        response.usage = self.usage.unwrap_or_default();
        response.cost_usd = self.cost_usd;
        response.id = self.id;
        response.model = self.model;
        Some(response)
    }
}

/// Returns an image, or a part of an unknown type.
fn other_part(mut part: Json) -> Part {
    surrogates::settle_json(&mut part);
    match part.pointer("/image_url/url").and_then(Json::as_str) {
        Some(url) => Part::Image(Media::url(url)),
        None => Part::Unknown(part),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::malformed, *};
    use crate::model::ModelError;

    fn whole(body: &Json) -> ModelResponse {
        let mut assembly = Assembly::expecting(Some("final_answer".to_owned()));
        assembly.add(&body.to_string()).unwrap();
        assembly.finish(true, "host").unwrap()
    }

    fn streamed(events: &[Json]) -> (Vec<ModelChunk>, ModelResponse) {
        let mut assembly = Assembly::default();
        let mut chunks = Vec::new();
        for event in events {
            chunks.extend(assembly.add(&event.to_string()).unwrap());
        }
        (chunks, assembly.finish(true, "host").unwrap())
    }

    #[test]
    fn missing_fields_have_defaults() {
        let response = whole(&json!({"choices": [{"message": {
            "tool_calls": [{"function": {"name": "search", "arguments": {"query": "a"}}}]
        }}]}));
        let calls: Vec<_> = response.message.tool_calls().collect();
        assert_eq!((&*calls[0].name, &*calls[0].arguments), ("search", r#"{"query":"a"}"#));
        assert_eq!(response.usage, Usage::default());
    }

    #[test]
    fn made_up_ids_are_never_the_same() {
        let body = json!({"choices": [{"message": {"tool_calls": [{"function": {"name": "f"}}]}}]});
        let id = || whole(&body).message.tool_calls().next().unwrap().id.clone();
        assert_ne!(id(), id());
    }

    #[test]
    fn null_usage_is_not_reported() {
        let usage = whole(&json!({
            "choices": [{"message": {"content": "hi"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": null},
        }))
        .usage;
        assert_eq!(
            (usage.reported_input_tokens(), usage.reported_output_tokens()),
            (Some(3), None)
        );
    }

    #[test]
    fn usage_may_come_in_parts() {
        let usage = |usage: Json| json!({"choices": [], "usage": usage});
        let (_, response) = streamed(&[
            usage(json!({"prompt_tokens": 3, "completion_tokens": 1})),
            usage(json!({"completion_tokens": 4})),
        ]);
        assert_eq!(response.usage, Usage::new(3, 4));
    }

    #[test]
    fn errors_are_bounded_in_length() {
        let body = json!({"choices": "x".repeat(1_000_000)}).to_string();
        let Err(Rejected::Malformed(error)) = Assembly::default().add(&body) else { panic!() };
        assert!(malformed(&error).to_string().len() < 1_000);
    }

    #[test]
    fn content_in_parts_is_text_and_reasoning() {
        let response = whole(&json!({"choices": [{"message": {"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "text", "text": "Hello."},
        ]}}]}));
        assert_eq!(response.message.text(), "Hello.");
        let reasoning = response.message.reasoning().next().unwrap();
        assert_eq!((&*reasoning.text, reasoning.field.as_deref()), ("hm", Some("content")));
    }

    #[test]
    fn a_refusal_is_an_outcome_of_its_own() {
        let refused = json!({"content": null, "refusal": "I will not."});
        let response = whole(&json!({"choices": [{"message": refused, "finish_reason": "stop"}]}));
        assert_eq!(response.finish_reason, FinishReason::Refusal);
        assert_eq!(response.message.refusal(), Some("I will not."));
        assert_eq!(response.message.text(), "");
    }

    #[test]
    fn an_error_within_a_success_is_an_error() {
        for body in [
            json!({"choices": null, "error": {"code": 429, "message": "slow down"}}),
            json!({"choices": [], "error": {"code": "rate_limit_exceeded", "message": "slow down"}}),
            json!({"error": {"code": 429, "message": "slow down"}}),
            json!({"object": "error", "code": 429, "message": "slow down"}),
            json!({"choices": [{"error": {"code": 429, "message": "slow down"},
                "finish_reason": "error", "message": {"content": ""}}]}),
        ] {
            let Err(Rejected::Fault(fault)) = Assembly::default().add(&body.to_string()) else {
                panic!("{body}")
            };
            let error = fault.into_error(str::to_owned);
            let expected =
                ModelError::RateLimited { message: "slow down".to_owned(), retry_after: None };
            assert_eq!(error, expected, "{body}");
        }
    }

    #[test]
    fn interleaved_choices_are_not_mixed() {
        let piece = |index: u64, text: &str| json!({"choices": [{"index": index, "delta": {"content": text}}]});
        let (chunks, response) =
            streamed(&[piece(0, "on"), piece(1, "tw"), piece(0, "e"), piece(1, "o")]);
        assert_eq!(response.message.text(), "one");
        assert_eq!(chunks.len(), 2);
    }

    #[test]
    fn a_native_reason_tells_that_an_answer_was_cut_or_failed() {
        let with = |native: &str| json!({"choices": [{"message": {}, "finish_reason": "stop", "native_finish_reason": native}]});
        assert_eq!(whole(&with("max_output_tokens")).finish_reason, FinishReason::Length);
        let body = with("MALFORMED_FUNCTION_CALL").to_string();
        let Err(Rejected::Fault(fault)) = Assembly::default().add(&body) else { panic!() };
        let ModelError::Server { message, .. } = fault.into_error(str::to_owned) else { panic!() };
        assert_eq!(message, "the answer ended with `MALFORMED_FUNCTION_CALL`");
    }

    #[test]
    fn an_incomplete_response_is_not_returned() {
        let mut assembly = Assembly::default();
        let half = json!({"choices": [{"delta": {"content": "half"}}]}).to_string();
        assert_eq!(assembly.add(&half).unwrap(), [ModelChunk::Text("half".to_owned())]);
        assert_eq!(assembly.pieces(), 1);
        assert_eq!(assembly.finish(false, "host"), None);
    }

    #[test]
    fn an_answer_in_the_form_of_a_call_is_text() {
        let call = |name: &str| json!({"function": {"name": name, "arguments": "{\"a\":1}"}});
        let response = whole(&json!({"choices": [{
            "message": {"tool_calls": [call("final_answer")]}, "finish_reason": "tool_calls",
        }]}));
        assert_eq!(response.message.text(), "{\"a\":1}");
        assert_eq!(response.message.tool_calls().count(), 0);
        assert_eq!(response.finish_reason, FinishReason::Stop);
        let twice = whole(&json!({"choices": [{
            "message": {"tool_calls": [call("final_answer"), call("final_answer")]},
        }]}));
        assert_eq!(twice.message.text(), "{\"a\":1}");
        let beside = whole(&json!({"choices": [{
            "message": {"tool_calls": [call("search"), call("final_answer")]},
            "finish_reason": "tool_calls",
        }]}));
        assert_eq!(beside.message.tool_calls().count(), 1);
        assert_eq!(beside.message.text(), "");
    }
}

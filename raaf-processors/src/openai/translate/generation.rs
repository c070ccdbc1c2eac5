//! Translates model calls.

use raaf_trace_model::{keys, span::FinishedSpan};
use serde_json::{Value as Json, json};

use super::{
    super::{
        fit::{self, MAX_CONTENT},
        wire::Data,
    },
    messages, read,
    read::{Read, model_config},
    usage,
};

/// Text that replaces omitted messages.
const MARK: &str = "... [truncated]";

/// Bytes reserved for the message with that text.
const AROUND_MARK: u32 = 100;

pub(super) fn of(span: &FinishedSpan) -> Data<'_> {
    let read = Read::new(span);
    let instructions = read.text(keys::GEN_AI_SYSTEM_INSTRUCTIONS);
    let said = [keys::GEN_AI_INPUT_MESSAGES, keys::INPUT];
    let answered = [keys::GEN_AI_OUTPUT_MESSAGES, keys::OUTPUT];
    let found = |keys: [&str; 2]| keys.into_iter().find_map(|key| read.value(key)).map(read::json);
    Data::Generation {
        input: messages::input(instructions, found(said)).map(|all| fitting(all, "user")),
        output: messages::output(found(answered)).map(|all| fitting(all, "assistant")),
        model: model(span),
        model_config: model_config(read),
        usage: usage::of(read),
    }
}

/// Fits messages into the size limit of content: cuts long texts and, if that is not enough,
/// replaces the last messages by one that marks the omission.
fn fitting(messages: Vec<Json>, speaker: &str) -> Json {
    let roles: Vec<Json> = messages.iter().map(|message| message["role"].clone()).collect();
    let mut fitting = fit::json(Json::Array(messages), MAX_CONTENT - AROUND_MARK);
    if let Some(kept) = fitting.as_array_mut() {
        // At the limit there can be a part of a message, or a text.
        let whole = kept.iter().zip(&roles).take_while(|(kept, role)| kept["role"] == **role);
        let whole = whole.count();
        if whole < roles.len() {
            kept.truncate(whole);
            kept.push(json!({"role": speaker, "content": MARK}));
        }
    }
    fitting
}

/// Returns the requested model, otherwise the one that answered.
pub(super) fn model(span: &FinishedSpan) -> &str {
    let read = Read::new(span);
    read.text(keys::GEN_AI_REQUEST_MODEL)
        .or_else(|| read.text(keys::GEN_AI_RESPONSE_MODEL))
        .unwrap_or(span.component_name())
}

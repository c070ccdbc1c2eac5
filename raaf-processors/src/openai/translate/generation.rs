//! Model calls.

use raaf_trace_core::{FinishedSpan, keys};
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

/// Room for what makes a message of the mark.
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

/// The messages, within the size of content. What is cut off the end leaves a text as its mark,
/// which becomes a message like the others.
fn fitting(messages: Vec<Json>, speaker: &str) -> Json {
    let mut messages = fit::json(Json::Array(messages), MAX_CONTENT - AROUND_MARK);
    if let Some(last) = messages.as_array_mut().and_then(|messages| messages.last_mut())
        && last.is_string()
    {
        *last = json!({"role": speaker, "content": last.take()});
    }
    messages
}

/// The model that was asked, else the one that answered.
pub(super) fn model(span: &FinishedSpan) -> &str {
    let read = Read::new(span);
    read.text(keys::GEN_AI_REQUEST_MODEL)
        .or_else(|| read.text(keys::GEN_AI_RESPONSE_MODEL))
        .unwrap_or(span.component().name())
}

//! What comes back, whole.

use serde::Deserialize;
use serde_json::Value as Json;

use super::malformed;
use crate::model::{AssistantMessage, FinishReason, ModelError, ModelResponse, ToolCall, Usage};

#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Used>,
}

#[derive(Deserialize)]
struct Choice {
    message: Answered,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Answered {
    content: Option<String>,
    /// A refusal takes the place of the content.
    refusal: Option<String>,
    tool_calls: Option<Vec<Wanted>>,
}

#[derive(Deserialize)]
struct Wanted {
    id: Option<String>,
    function: WantedFunction,
}

#[derive(Deserialize)]
struct WantedFunction {
    name: String,
    #[serde(default)]
    arguments: Json,
}

#[derive(Deserialize)]
pub(super) struct Used {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

pub(in super::super) fn read(answer: Json) -> Result<ModelResponse, ModelError> {
    let answer: Answer =
        serde_json::from_value(answer).map_err(|error| malformed(&error.to_string()))?;
    let choice = answer.choices.into_iter().next();
    let Choice { message, finish_reason } = choice.ok_or_else(|| malformed("it has no choices"))?;
    let tool_calls = message.tool_calls.unwrap_or_default();
    let message = AssistantMessage {
        content: message.content.filter(|text| !text.is_empty()).or(message.refusal),
        tool_calls: tool_calls.into_iter().enumerate().map(wanted).collect(),
    };
    let mut response = ModelResponse::new(message);
    if let Some(reason) = finish_reason {
        response.finish_reason = FinishReason::from(reason.as_str());
    }
    response.usage = answer.usage.map(used).unwrap_or_default();
    response.id = answer.id;
    response.model = answer.model;
    Ok(response)
}

fn wanted((index, Wanted { id, function }): (usize, Wanted)) -> ToolCall {
    let arguments = match arguments(function.arguments) {
        text if text.is_empty() => "{}".to_owned(),
        text => text,
    };
    let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| made_up_id(index));
    ToolCall { id, name: function.name, arguments }
}

/// Arguments as text: servers send a string, as they should, or the JSON itself.
pub(super) fn arguments(arguments: Json) -> String {
    match arguments {
        Json::String(text) => text,
        Json::Null => String::new(),
        json => json.to_string(),
    }
}

pub(super) fn made_up_id(index: usize) -> String {
    format!("call_{index}")
}

pub(super) fn used(used: Used) -> Usage {
    let mut usage = Usage::new(
        used.prompt_tokens.unwrap_or_default(),
        used.completion_tokens.unwrap_or_default(),
    );
    let cached = used.prompt_tokens_details.and_then(|details| details.cached_tokens);
    let reasoning = used.completion_tokens_details.and_then(|details| details.reasoning_tokens);
    usage.cached_input_tokens = cached.unwrap_or_default();
    usage.reasoning_tokens = reasoning.unwrap_or_default();
    usage
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_is_made_do_without() {
        let answer = json!({"choices": [{"message": {
            "tool_calls": [{"function": {"name": "search", "arguments": {"query": "a"}}}]
        }}]});
        let response = read(answer).unwrap();
        assert_eq!(response.finish_reason, FinishReason::ToolCalls);
        let call = ToolCall::new("call_0", "search", &json!({"query": "a"}));
        assert_eq!(response.message.tool_calls, [call]);
        assert_eq!(response.usage, Usage::default());
    }

    #[test]
    fn usage_that_is_null_counts_as_none() {
        let answer = json!({
            "choices": [{"message": {"content": "hi"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": null},
        });
        assert_eq!(read(answer).unwrap().usage, Usage::new(3, 0));
    }

    #[test]
    fn an_error_repeats_little_of_what_does_not_fit() {
        let answer = json!({"choices": "x".repeat(1_000_000)});
        assert!(read(answer).unwrap_err().to_string().len() < 1_000);
    }

    #[test]
    fn an_answer_without_choices_is_an_error() {
        for answer in [json!({}), json!([]), json!({"choices": []})] {
            assert!(matches!(read(answer), Err(ModelError::Malformed { .. })));
        }
    }

    #[test]
    fn a_refusal_is_heard_beside_empty_words() {
        for content in [json!(null), json!("")] {
            let message = json!({"content": content, "refusal": "I will not."});
            let answer = read(json!({"choices": [{"message": message}]})).unwrap();
            assert_eq!(answer.message.content.as_deref(), Some("I will not."));
        }
    }
}

//! Response bodies.

use serde::Deserialize;
use serde_json::Value as Json;

use super::malformed;
use crate::model::{
    AssistantMessage, FinishReason, ModelError, ModelResponse, ToolCall, Usage, as_text,
};

#[derive(Deserialize)]
struct Response {
    id: Option<String>,
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<UsageBody>,
}

#[derive(Deserialize)]
struct Choice {
    message: ResponseMessage,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct ResponseMessage {
    content: Option<String>,
    /// Replaces the content if the model refuses to answer.
    refusal: Option<String>,
    tool_calls: Option<Vec<CallBody>>,
}

#[derive(Deserialize)]
struct CallBody {
    id: Option<String>,
    function: FunctionBody,
}

#[derive(Deserialize)]
struct FunctionBody {
    name: String,
    #[serde(default)]
    arguments: Json,
}

#[derive(Deserialize)]
pub(super) struct UsageBody {
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

pub(in super::super) fn read(body: Json) -> Result<ModelResponse, ModelError> {
    let body: Response =
        serde_json::from_value(body).map_err(|error| malformed(&error.to_string()))?;
    let choice = body.choices.into_iter().next();
    let Choice { message, finish_reason } = choice.ok_or_else(|| malformed("no choices"))?;
    let tool_calls = message.tool_calls.unwrap_or_default();
    let message = AssistantMessage {
        content: message.content.filter(|text| !text.is_empty()).or(message.refusal),
        tool_calls: tool_calls.into_iter().enumerate().map(tool_call).collect(),
    };
    let mut response = ModelResponse::new(message);
    if let Some(reason) = finish_reason {
        response.finish_reason = FinishReason::from(reason.as_str());
    }
    response.usage = body.usage.map(usage).unwrap_or_default();
    response.id = body.id;
    response.model = body.model;
    Ok(response)
}

fn tool_call((index, CallBody { id, function }): (usize, CallBody)) -> ToolCall {
    let arguments = match arguments(function.arguments) {
        text if text.is_empty() => "{}".to_owned(),
        text => text,
    };
    let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| generated_id(index));
    ToolCall { id, name: function.name, arguments }
}

/// Returns arguments as text. Some servers send JSON instead of a string.
pub(super) fn arguments(arguments: Json) -> String {
    match arguments {
        Json::Null => String::new(),
        json => as_text(json),
    }
}

pub(super) fn generated_id(index: usize) -> String {
    format!("call_{index}")
}

pub(super) fn usage(body: UsageBody) -> Usage {
    let mut usage = Usage::partial(body.prompt_tokens, body.completion_tokens);
    let cached = body.prompt_tokens_details.and_then(|details| details.cached_tokens);
    let reasoning = body.completion_tokens_details.and_then(|details| details.reasoning_tokens);
    usage.cached_input_tokens = cached.unwrap_or_default();
    usage.reasoning_tokens = reasoning.unwrap_or_default();
    usage
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_fields_have_defaults() {
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
    fn null_usage_is_not_reported() {
        let answer = json!({
            "choices": [{"message": {"content": "hi"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": null},
        });
        let usage = read(answer).unwrap().usage;
        assert_eq!(
            (usage.reported_input_tokens(), usage.reported_output_tokens()),
            (Some(3), None)
        );
        assert_eq!(usage, Usage::new(3, 0));
    }

    #[test]
    fn errors_are_bounded_in_length() {
        let answer = json!({"choices": "x".repeat(1_000_000)});
        assert!(read(answer).unwrap_err().to_string().len() < 1_000);
    }

    #[test]
    fn a_response_without_choices_is_an_error() {
        for answer in [json!({}), json!([]), json!({"choices": []})] {
            assert!(matches!(read(answer), Err(ModelError::Malformed { .. })));
        }
    }

    #[test]
    fn a_refusal_replaces_empty_content() {
        for content in [json!(null), json!("")] {
            let message = json!({"content": content, "refusal": "I will not."});
            let answer = read(json!({"choices": [{"message": message}]})).unwrap();
            assert_eq!(answer.message.content.as_deref(), Some("I will not."));
        }
    }
}

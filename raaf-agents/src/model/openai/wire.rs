//! Chat Completions on the wire. Reading is lenient: compatible servers leave things out.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::transport::TOLD;
use crate::model::{
    AssistantMessage, FinishReason, Message, ModelError, ModelRequest, ModelResponse, ToolCall,
    ToolSpec, Usage,
};

/// In what servers differ.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dialect {
    /// `OpenAI`'s own: newer models refuse `max_tokens`.
    OpenAi,
    /// Others: older ones know nothing else.
    Compatible,
}

#[derive(Serialize)]
pub(super) struct Request<'a> {
    model: &'a str,
    messages: Vec<Said<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Offered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum Said<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Called<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct Called<'a> {
    id: &'a str,
    r#type: &'static str,
    function: CalledFunction<'a>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Offered<'a> {
    r#type: &'static str,
    function: &'a ToolSpec,
}

impl<'a> Request<'a> {
    pub(super) fn new(model: &'a str, request: &'a ModelRequest, dialect: Dialect) -> Self {
        let instructions = request.instructions.as_deref().map(|content| Said::System { content });
        let messages = instructions.into_iter().chain(request.messages.iter().map(said)).collect();
        let offered = |function| Offered { r#type: "function", function };
        let settings = &request.settings;
        let (max_tokens, max_completion_tokens) = match dialect {
            Dialect::OpenAi => (None, settings.max_tokens),
            Dialect::Compatible => (settings.max_tokens, None),
        };
        Self {
            model,
            messages,
            tools: request.tools.iter().map(offered).collect(),
            temperature: settings.temperature,
            top_p: settings.top_p,
            max_tokens,
            max_completion_tokens,
        }
    }
}

fn said(message: &Message) -> Said<'_> {
    match message {
        Message::System { content } => Said::System { content },
        Message::User { content } => Said::User { content },
        Message::Assistant(AssistantMessage { content, tool_calls }) => Said::Assistant {
            content: content.as_deref(),
            tool_calls: tool_calls.iter().map(called).collect(),
        },
        Message::Tool { call_id, content, .. } => Said::Tool { tool_call_id: call_id, content },
    }
}

fn called(call: &ToolCall) -> Called<'_> {
    let function = CalledFunction { name: &call.name, arguments: &call.arguments };
    Called { id: &call.id, r#type: "function", function }
}

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
struct Used {
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

pub(super) fn read(answer: Json) -> Result<ModelResponse, ModelError> {
    // A value that does not fit is part of the error's text, and can be of any length.
    let malformed =
        |message: String| ModelError::Malformed { message: message.chars().take(TOLD).collect() };
    let answer: Answer =
        serde_json::from_value(answer).map_err(|error| malformed(error.to_string()))?;
    let choice = answer.choices.into_iter().next();
    let Choice { message, finish_reason } =
        choice.ok_or_else(|| malformed("it has no choices".to_owned()))?;
    let tool_calls = message.tool_calls.unwrap_or_default();
    let message = AssistantMessage {
        content: message.content.or(message.refusal),
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
    let arguments = match function.arguments {
        Json::String(text) => text,
        Json::Null => "{}".to_owned(),
        json => json.to_string(),
    };
    let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{index}"));
    ToolCall { id, name: function.name, arguments }
}

fn used(used: Used) -> Usage {
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
    fn each_server_gets_the_limit_it_knows() {
        let mut request = ModelRequest::new([Message::user("hi")]);
        request.settings.max_tokens = Some(7);
        let body = |dialect| serde_json::to_value(Request::new("m", &request, dialect)).unwrap();
        assert_eq!(body(Dialect::OpenAi)["max_completion_tokens"], 7);
        assert_eq!(
            body(Dialect::Compatible),
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 7})
        );
    }

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
}

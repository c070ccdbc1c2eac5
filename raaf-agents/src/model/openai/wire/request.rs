//! Request bodies.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::model::{
    AssistantMessage, Message, ModelRequest, OutputSchema, ToolCall, ToolChoice, ToolSpec,
};

/// Differences between servers.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Dialect {
    /// `OpenAI`'s own server, whose newer models reject `max_tokens`.
    OpenAi,
    /// Other servers. Older ones only support `max_tokens`.
    Compatible,
}

#[derive(Serialize)]
pub(in super::super) struct Request<'a> {
    model: &'a str,
    messages: Vec<MessageBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Json>,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum MessageBody<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<CallBody<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct CallBody<'a> {
    id: &'a str,
    r#type: &'static str,
    function: FunctionBody<'a>,
}

#[derive(Serialize)]
struct FunctionBody<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct ToolBody<'a> {
    r#type: &'static str,
    function: &'a ToolSpec,
}

impl<'a> Request<'a> {
    pub(in super::super) fn new(
        model: &'a str,
        request: &'a ModelRequest,
        dialect: Dialect,
    ) -> Self {
        let instructions =
            request.instructions.as_deref().map(|content| MessageBody::System { content });
        let messages =
            instructions.into_iter().chain(request.messages.iter().map(message_body)).collect();
        let tool = |function| ToolBody { r#type: "function", function };
        let settings = &request.settings;
        let (max_tokens, max_completion_tokens) = match dialect {
            Dialect::OpenAi => (None, settings.max_tokens),
            Dialect::Compatible => (settings.max_tokens, None),
        };
        // Servers reject tool settings without tools.
        let has_tools = !request.tools.is_empty();
        Self {
            model,
            messages,
            tools: request.tools.iter().map(tool).collect(),
            temperature: settings.temperature,
            top_p: settings.top_p,
            max_tokens,
            max_completion_tokens,
            frequency_penalty: settings.frequency_penalty,
            presence_penalty: settings.presence_penalty,
            seed: settings.seed,
            stop: &settings.stop,
            tool_choice: settings.tool_choice.as_ref().filter(|_| has_tools).map(choice),
            parallel_tool_calls: settings.parallel_tool_calls.filter(|_| has_tools),
            response_format: request.output_schema.as_ref().map(format),
            stream: None,
            stream_options: None,
        }
    }

    /// Requests a stream, whose last event has the usage.
    pub(in super::super) fn streamed(mut self) -> Self {
        self.stream = Some(true);
        self.stream_options = Some(json!({"include_usage": true}));
        self
    }
}

fn choice(choice: &ToolChoice) -> Json {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn format(OutputSchema { name, schema, strict }: &OutputSchema) -> Json {
    json!({
        "type": "json_schema",
        "json_schema": {"name": name, "schema": schema, "strict": strict},
    })
}

fn message_body(message: &Message) -> MessageBody<'_> {
    match message {
        Message::System { content } => MessageBody::System { content },
        Message::User { content } => MessageBody::User { content },
        Message::Assistant(AssistantMessage { content, tool_calls }) => MessageBody::Assistant {
            // Servers require content if there are no calls.
            content: content.as_deref().or_else(|| tool_calls.is_empty().then_some("")),
            tool_calls: tool_calls.iter().map(call_body).collect(),
        },
        Message::Tool { call_id, content, .. } => {
            MessageBody::Tool { tool_call_id: call_id, content }
        }
    }
}

fn call_body(call: &ToolCall) -> CallBody<'_> {
    let function = FunctionBody { name: &call.name, arguments: &call.arguments };
    CallBody { id: &call.id, r#type: "function", function }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_gets_the_limit_it_supports() {
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
    fn tool_settings_are_sent_with_tools() {
        let mut request = ModelRequest::new([Message::user("hi")]);
        let schema = OutputSchema::new("answer", json!({"type": "object"})).strict();
        request.output_schema = Some(schema);
        request.settings.tool_choice = Some(ToolChoice::Tool("search".to_owned()));
        request.settings.parallel_tool_calls = Some(false);
        request.settings.stop = vec!["END".to_owned()];
        request.settings.seed = Some(7);
        let body = |request: &ModelRequest| {
            let body = Request::new("m", request, Dialect::Compatible).streamed();
            serde_json::to_value(body).unwrap()
        };
        let without_tools = body(&request);
        assert_eq!(without_tools.get("tool_choice"), None);
        assert_eq!(without_tools.get("parallel_tool_calls"), None);
        assert_eq!(
            without_tools,
            json!({
                "model": "m", "messages": [{"role": "user", "content": "hi"}],
                "stop": ["END"], "seed": 7,
                "response_format": {"type": "json_schema", "json_schema": {
                    "name": "answer", "schema": {"type": "object"}, "strict": true
                }},
                "stream": true, "stream_options": {"include_usage": true},
            })
        );
        let search = ToolSpec::new("search", "Searches.", json!({"type": "object"}));
        let with_tools = body(&request.with_tools([search]));
        assert_eq!(
            with_tools["tool_choice"],
            json!({"type": "function", "function": {"name": "search"}})
        );
        assert_eq!(with_tools["parallel_tool_calls"], false);
    }

    #[test]
    fn a_message_without_content_can_be_sent() {
        let silent = Message::Assistant(AssistantMessage::default());
        let call = ToolCall::new("c", "search", &json!({}));
        let calling = Message::Assistant(AssistantMessage::calls([call]));
        let request = ModelRequest::new([Message::user("hi"), silent, calling]);
        let body = serde_json::to_value(Request::new("m", &request, Dialect::OpenAi)).unwrap();
        assert_eq!(body["messages"][1], json!({"role": "assistant", "content": ""}));
        assert_eq!(body["messages"][2]["content"], Json::Null);
    }
}

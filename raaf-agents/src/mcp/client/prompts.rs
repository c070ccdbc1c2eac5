//! Prompts of a server.

use rmcp::model::{
    ClientRequest, GetPromptRequest, GetPromptRequestParams, ListPromptsRequest, Role, ServerResult,
};
use serde_json::{Map, Value as Json};

use super::{McpConnection, content, request::request_span};
use crate::{
    conversation::Message,
    mcp::{McpError, keys::PROMPT},
};

const LIST: &str = "prompts/list";
const GET: &str = "prompts/get";

/// Prompt of an MCP server: messages with places for arguments, which [`McpConnection::prompt`] fills.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpPrompt {
    /// The name.
    pub name: String,
    /// The description; empty if the server has none.
    pub description: String,
    /// The arguments.
    pub arguments: Vec<McpPromptArgument>,
}

/// Argument of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpPromptArgument {
    /// The name.
    pub name: String,
    /// The description; empty if the server has none.
    pub description: String,
    /// True if the prompt requires it.
    pub required: bool,
}

impl McpConnection {
    /// Returns the prompts that the server lists.
    ///
    /// # Errors
    ///
    /// If the server does not answer with a list of prompts.
    pub async fn prompts(&self) -> Result<Vec<McpPrompt>, McpError> {
        let inner = &self.0;
        let request = |params| {
            ClientRequest::ListPromptsRequest(ListPromptsRequest {
                params,
                ..ListPromptsRequest::default()
            })
        };
        let read = |answer| match answer {
            ServerResult::ListPromptsResult(page) => Some((page.prompts, page.next_cursor)),
            _ => None,
        };
        let all = inner.pages(LIST, |span| span, request, read).await?.into_iter();
        let prompts = all.map(|prompt| McpPrompt {
            name: prompt.name,
            description: prompt.description.unwrap_or_default(),
            arguments: prompt.arguments.into_iter().flatten().map(argument).collect(),
        });
        Ok(prompts.collect())
    }

    /// Returns the messages of a prompt with these arguments, which can be the input of a run.
    ///
    /// # Errors
    ///
    /// If the server has no such prompt, an argument is missing, or the server does not answer with
    /// messages.
    pub async fn prompt<K: Into<String>, V: Into<String>>(
        &self,
        name: impl AsRef<str>,
        arguments: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Vec<Message>, McpError> {
        let (inner, name) = (&self.0, name.as_ref());
        let mut parameters = GetPromptRequestParams::new(name);
        let pairs =
            arguments.into_iter().map(|(key, value)| (key.into(), Json::String(value.into())));
        parameters.arguments = Some(pairs.collect::<Map<_, _>>());
        let read = |answer| match answer {
            ServerResult::GetPromptResult(result) => {
                let messages = result.messages.into_iter().map(|message| {
                    let part = content::part(message.content);
                    match message.role {
                        Role::Assistant => Message::assistant(part),
                        Role::User => Message::user(part),
                    }
                });
                Ok(messages.collect())
            }
            _ => Err(inner.misfit(GET, "the messages of a prompt")),
        };
        let span = request_span(GET, Some(name)).with(PROMPT, name);
        let request = ClientRequest::GetPromptRequest(GetPromptRequest::new(parameters));
        inner.request(span, request, read).await
    }
}

fn argument(argument: rmcp::model::PromptArgument) -> McpPromptArgument {
    McpPromptArgument {
        name: argument.name,
        description: argument.description.unwrap_or_default(),
        required: argument.required == Some(true),
    }
}

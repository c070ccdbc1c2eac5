//! Differences between servers.

use super::provider;

/// Features that a server supports.
///
/// [`OpenAiResponses`](super::OpenAiResponses) uses those that apply to its API: the role of instructions
/// within a conversation, parallel tool calls, strict schemas, the form of typed answers, and the header of
/// the key.
///
/// [`for_host`](Self::for_host) returns the profiles of the usual servers, and
/// [`OpenAiModelBuilder::profile`](super::OpenAiModelBuilder::profile) changes them.
///
/// # Examples
///
/// ```
/// use raaf_agents::OpenAiModel;
///
/// let model = OpenAiModel::builder("small")
///     .base_url("http://localhost:8000/v1")
///     .profile(|profile| profile.stream_usage = false)
///     .build()?;
/// # Ok::<(), raaf_agents::openai::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "features that do not depend on each other")]
pub struct Profile {
    /// Name of the setting that limits the tokens of a response.
    pub token_limit: TokenLimit,
    /// Role of the instructions.
    pub instructions: InstructionsRole,
    /// True if a stream is asked to report usage (`stream_options`).
    pub stream_usage: bool,
    /// True if the server accepts `parallel_tool_calls`.
    pub parallel_tool_calls: bool,
    /// True if the server enforces schemas that are marked as strict.
    pub strict_schemas: bool,
    /// Form in which typed answers are requested.
    pub typed_answers: TypedAnswers,
    /// True if the server reads files at URLs.
    pub file_urls: bool,
    /// Reasoning that is sent back to the server.
    pub reasoning_back: ReasoningBack,
    /// Header that carries the API key.
    pub key_header: KeyHeader,
}

/// Name of the setting that limits the tokens of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenLimit {
    /// `max_tokens`, which most servers support.
    MaxTokens,
    /// `max_completion_tokens`, which `OpenAI`'s newer models require.
    MaxCompletionTokens,
}

/// Role of the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstructionsRole {
    /// `system`, which all servers support.
    System,
    /// `developer`.
    Developer,
}

/// Form in which an answer that matches a schema is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypedAnswers {
    /// `response_format`.
    Native,
    /// `response_format` in requests without tools, otherwise [`Tool`](Self::Tool): for servers that
    /// reject or ignore `response_format` beside tools.
    NativeWithoutTools,
    /// A tool that the model must call with its answer.
    Tool,
    /// Instructions that contain the schema.
    Prompted,
}

/// Reasoning that is sent back to the server, in the field in which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReasoningBack {
    /// No reasoning.
    Never,
    /// The reasoning since the last message of the user.
    SinceUser,
    /// All reasoning of the conversation.
    Always,
}

/// Header that carries the API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyHeader {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `api-key: …`, for Azure.
    ApiKey,
}

impl Profile {
    /// Returns the profile of the server at a host. For an unknown host, it has what most servers accept.
    pub fn for_host(host: &str) -> Self {
        let other = Self {
            token_limit: TokenLimit::MaxTokens,
            instructions: InstructionsRole::System,
            stream_usage: true,
            parallel_tool_calls: true,
            strict_schemas: false,
            typed_answers: TypedAnswers::NativeWithoutTools,
            file_urls: false,
            reasoning_back: ReasoningBack::SinceUser,
            key_header: KeyHeader::Bearer,
        };
        match &*provider::of_host(host) {
            "openai" => Self {
                token_limit: TokenLimit::MaxCompletionTokens,
                strict_schemas: true,
                typed_answers: TypedAnswers::Native,
                reasoning_back: ReasoningBack::Never,
                ..other
            },
            "azure.ai.openai" => Self {
                token_limit: TokenLimit::MaxCompletionTokens,
                strict_schemas: true,
                typed_answers: TypedAnswers::Native,
                reasoning_back: ReasoningBack::Never,
                key_header: KeyHeader::ApiKey,
                ..other
            },
            // These servers reject unknown members.
            "mistral_ai" => Self { stream_usage: false, ..other },
            "deepseek" => {
                Self { typed_answers: TypedAnswers::Tool, parallel_tool_calls: false, ..other }
            }
            "openrouter.ai" => Self { file_urls: true, ..other },
            _ => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_recognized_by_their_host() {
        for host in ["api.openai.com", "eu.api.openai.com", "mine.openai.azure.com"] {
            let limit = Profile::for_host(host).token_limit;
            assert_eq!(limit, TokenLimit::MaxCompletionTokens, "{host}");
        }
        for host in ["api.openai.com.example.org", "notapi.openai.com", "localhost", ""] {
            assert_eq!(Profile::for_host(host).token_limit, TokenLimit::MaxTokens, "{host}");
        }
    }
}

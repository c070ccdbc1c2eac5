//! Actions of hooks.

use serde_json::Value as Json;

use crate::{
    conversation::{Content, Message},
    model::{ModelRequest, ModelResponse},
};

/// Action before a model call; see [`RunHooks::before_model`](crate::RunHooks::before_model).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum ModelAction {
    /// Calls the model.
    #[default]
    Proceed,
    /// Calls the model with another request. The conversation of the run stays as it is, so that later
    /// turns and hooks see all of it.
    Replace(Box<ModelRequest>),
    /// Uses this response instead of calling the model.
    Answer(Box<ModelResponse>),
    /// Ends the run, for this reason.
    Stop(String),
}

impl ModelAction {
    /// Answers with text, or parts, instead of calling the model.
    ///
    /// ```
    /// use raaf_agents::{Agent, ModelAction, ModelRequest, RunContext, RunHooks};
    ///
    /// struct Greeting;
    ///
    /// #[async_trait::async_trait]
    /// impl RunHooks for Greeting {
    ///     async fn before_model(
    ///         &self,
    ///         _: &RunContext,
    ///         _: &Agent,
    ///         request: &ModelRequest,
    ///     ) -> ModelAction {
    ///         match &*request.last_user_text() {
    ///             "Hello!" => ModelAction::answer("Hello. How can I help?"),
    ///             _ => ModelAction::Proceed,
    ///         }
    ///     }
    /// }
    /// ```
    pub fn answer(content: impl Into<Content>) -> Self {
        Self::Answer(Box::new(ModelResponse::new(Message::assistant(content))))
    }

    /// Calls the model with another request, such as a changed clone of the one that the hook received.
    pub fn replace_with(request: ModelRequest) -> Self {
        Self::Replace(Box::new(request))
    }
}

/// Action after a model call; see [`RunHooks::after_model`](crate::RunHooks::after_model).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseAction {
    /// Accepts the response.
    #[default]
    Accept,
    /// Asks again in a new turn, with this user message. Tool calls of the response are not run.
    Retry(String),
    /// Ends the run, for this reason.
    Stop(String),
}

/// Action before a tool call; see [`RunHooks::before_tool`](crate::RunHooks::before_tool).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum ToolAction {
    /// Runs the tool.
    #[default]
    Proceed,
    /// Runs the tool with other arguments: a JSON object.
    Replace(Json),
    /// Does not run the tool. The model receives the text as an error.
    Refuse(String),
    /// Does not run the tool. The model receives this as its result.
    Answer(Content),
    /// Ends the run, for this reason.
    Stop(String),
}

/// Action after a tool call; see [`RunHooks::after_tool`](crate::RunHooks::after_tool).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum ResultAction {
    /// Keeps the result.
    #[default]
    Keep,
    /// Gives the model another result.
    Replace(Content),
    /// Gives the model an error instead.
    Refuse(String),
    /// Ends the run, for this reason.
    Stop(String),
}

/// Action before a hand-off; see [`RunHooks::before_handoff`](crate::RunHooks::before_handoff).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandoffAction {
    /// Hands over.
    #[default]
    Proceed,
    /// Does not hand over. The model receives the text as an error.
    Refuse(String),
    /// Ends the run, for this reason.
    Stop(String),
}

/// Action after an answer that does not match the output type; see
/// [`RunHooks::on_mismatch`](crate::RunHooks::on_mismatch).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MismatchAction {
    /// Asks for a correct answer once, then fails the run.
    #[default]
    Repair,
    /// Asks again with this user message, as long as the run has turns left.
    Retry(String),
    /// Uses this answer instead, if it matches.
    Answer(String),
    /// Fails the run.
    Fail,
}

/// Action when a run has used up its turns; see
/// [`RunHooks::on_last_turn`](crate::RunHooks::on_last_turn).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LastTurnAction {
    /// Fails the run with [`MaxTurns`](crate::RunErrorKind::MaxTurns).
    #[default]
    Fail,
    /// Takes one more turn, in which the model must not call tools, so that it answers with the
    /// information that it has.
    Answer,
    /// Takes one more turn without tools, after this user message.
    Ask(String),
}

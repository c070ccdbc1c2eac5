//! Tool calls and hand-offs of one turn.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value as Json;

use super::Runner;
use crate::{
    agent::{Agent, Handoff, RunHooks},
    errors::with_causes,
    model::{Message, ToolCall, as_text},
    run::{RunContext, RunEvent},
    tool::{self, OnToolError, Tool, ToolError},
};

/// Results of one turn's calls.
pub(super) struct TurnResults<'a> {
    /// Messages to the model, in the order of the calls.
    pub(super) messages: Vec<Message>,
    /// The agent that takes over, and the hand-off to it.
    pub(super) next: Option<(Agent, &'a Handoff)>,
}

/// The agent that calls, and its run.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) runner: &'a Runner,
    pub(super) context: &'a RunContext,
    pub(super) agent: &'a Agent,
}

impl<'a> Caller<'a> {
    /// Calls the tools concurrently, then hands over if the model called a hand-off.
    pub(super) async fn call_all(self, calls: &[ToolCall]) -> Result<TurnResults<'a>, ToolError> {
        let (mut tools, mut handoffs) = (Vec::new(), Vec::new());
        for (index, call) in calls.iter().enumerate() {
            match self.handoff(call) {
                Some(handoff) => handoffs.push((index, call, handoff)),
                None => tools.push(async move { Ok((index, self.call(call).await?)) }),
            }
        }
        let concurrency = self.runner.max_parallel_tools;
        let answers = stream::iter(tools).buffer_unordered(concurrency).try_collect();
        let mut answers: Vec<(usize, Message)> = answers.await?;
        let mut next = None;
        for (index, call, handoff) in handoffs {
            let message = if next.is_none() {
                let agent = self.hand_over(call, handoff).await;
                let message = Message::tool(call, format!("{} takes over.", agent.name()));
                next = Some((agent, handoff));
                message
            } else {
                let error = handoff.refuse(self.agent, call);
                self.report(call, error)?
            };
            answers.push((index, message));
        }
        answers.sort_unstable_by_key(|(index, _)| *index);
        let messages = answers.into_iter().map(|(_, message)| message).collect();
        Ok(TurnResults { messages, next })
    }

    pub(super) fn hooks(self) -> impl Iterator<Item = &'a dyn RunHooks> {
        let hooks = self.runner.config.hooks.iter().chain(self.agent.hooks());
        hooks.map(|hooks| &**hooks)
    }

    fn handoff(self, call: &ToolCall) -> Option<&'a Handoff> {
        let mut handoffs = self.agent.handoffs().iter();
        handoffs.find(|other| other.spec().name == call.name && other.is_enabled(self.context))
    }

    async fn hand_over(self, call: &ToolCall, handoff: &Handoff) -> Agent {
        let agent = handoff.take_over(self.agent, call);
        self.context.emit(|| RunEvent::Handoff {
            from: self.agent.name().to_owned(),
            to: agent.name().to_owned(),
        });
        for hooks in self.hooks() {
            hooks.handed_off(self.context, self.agent, &agent).await;
        }
        agent
    }

    async fn call(self, call: &ToolCall) -> Result<Message, ToolError> {
        self.context.emit(|| RunEvent::ToolCall {
            agent: self.agent.name().to_owned(),
            call: call.clone(),
        });
        for hooks in self.hooks() {
            hooks.tool_called(self.context, self.agent, call).await;
        }
        let message = match self.invoke(call).await {
            Ok(result) => Message::tool(call, as_text(result)),
            Err(error) => self.report(call, error)?,
        };
        self.context.emit(|| RunEvent::ToolResult {
            agent: self.agent.name().to_owned(),
            call_id: call.id.clone(),
            tool: call.name.clone(),
            content: message.text().to_owned(),
            is_error: matches!(message, Message::Tool { is_error: true, .. }),
        });
        for hooks in self.hooks() {
            hooks.tool_answered(self.context, self.agent, call, &message).await;
        }
        Ok(message)
    }

    async fn invoke(self, call: &ToolCall) -> Result<Json, ToolError> {
        let enabled = |tool: &&Arc<dyn Tool>| tool.is_enabled(self.context);
        if let Some(tool) = self.agent.tool(&call.name).filter(enabled) {
            return tool::call_for_model(&**tool, &self.context.of_call(&call.id), call).await;
        }
        let offered = self.agent.tools().iter().filter(enabled);
        let available = offered.map(|tool| tool.spec().name.clone()).collect();
        Err(tool::refuse_unknown(call, available))
    }

    /// Returns the failure as a message to the model, or as an error that fails the run.
    fn report(self, call: &ToolCall, error: ToolError) -> Result<Message, ToolError> {
        let own = self.agent.tool(&call.name).and_then(Tool::on_error);
        match own.unwrap_or(self.runner.on_tool_error) {
            OnToolError::TellModel => Ok(Message::tool_error(call, with_causes(&error))),
            OnToolError::FailRun => Err(error),
        }
    }
}

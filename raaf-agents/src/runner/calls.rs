//! Doing what a model asked for in one turn.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value as Json;

use super::{OnToolError, RunContext, RunEvent, Runner};
use crate::{
    agent::Agent,
    handoff::Handoff,
    hooks::RunHooks,
    model::{Message, ToolCall, error::with_causes},
    tool::{self, ToolError},
};

/// What came of one turn's calls.
pub(super) struct Answers<'a> {
    /// In the order of the calls.
    pub(super) messages: Vec<Message>,
    /// Who takes over, and by which hand-off.
    pub(super) next: Option<(Agent, &'a Handoff)>,
}

/// Who calls, and for which run.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) runner: &'a Runner,
    pub(super) context: &'a RunContext,
    pub(super) agent: &'a Agent,
}

impl<'a> Caller<'a> {
    /// Calls the tools side by side, then hands over.
    pub(super) async fn answer(self, calls: &[ToolCall]) -> Result<Answers<'a>, ToolError> {
        let (mut tools, mut handoffs) = (Vec::new(), Vec::new());
        for (place, call) in calls.iter().enumerate() {
            match self.handoff(call) {
                Some(handoff) => handoffs.push((place, call, handoff)),
                None => tools.push(async move { Ok((place, self.call(call).await?)) }),
            }
        }
        let at_once = self.runner.max_parallel_tools.max(1);
        let answers = stream::iter(tools).buffer_unordered(at_once).try_collect();
        let mut answers: Vec<(usize, Message)> = answers.await?;
        let mut next = None;
        for (place, call, handoff) in handoffs {
            let message = if next.is_none() {
                let agent = self.hand_over(call, handoff).await;
                let message = Message::tool(call, format!("{} takes over.", agent.name()));
                next = Some((agent, handoff));
                message
            } else {
                let error = handoff.refuse(self.agent, call);
                self.explain(call, error)?
            };
            answers.push((place, message));
        }
        answers.sort_unstable_by_key(|(place, _)| *place);
        let messages = answers.into_iter().map(|(_, message)| message).collect();
        Ok(Answers { messages, next })
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
        let agent = handoff.take(self.agent, call);
        self.context.tell(|| RunEvent::Handoff {
            from: self.agent.name().to_owned(),
            to: agent.name().to_owned(),
        });
        for hooks in self.hooks() {
            hooks.handed_off(self.context, self.agent, &agent).await;
        }
        agent
    }

    async fn call(self, call: &ToolCall) -> Result<Message, ToolError> {
        self.context.tell(|| RunEvent::ToolCall {
            agent: self.agent.name().to_owned(),
            call: call.clone(),
        });
        for hooks in self.hooks() {
            hooks.tool_called(self.context, self.agent, call).await;
        }
        let message = match self.invoke(call).await {
            Ok(result) => Message::tool(call, as_text(result)),
            Err(error) => self.explain(call, error)?,
        };
        self.context.tell(|| RunEvent::ToolResult {
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
        let enabled = |tool: &&std::sync::Arc<dyn tool::Tool>| tool.is_enabled(self.context);
        if let Some(tool) = self.agent.tool(&call.name).filter(enabled) {
            return tool::answer(&**tool, &self.context.of_call(&call.id), call).await;
        }
        let offered = self.agent.tools().iter().filter(enabled);
        let available = offered.map(|tool| tool.spec().name.clone()).collect();
        Err(tool::refuse_unknown(call, available))
    }

    /// What the model is told of a failure, if it is told.
    fn explain(self, call: &ToolCall, error: ToolError) -> Result<Message, ToolError> {
        let own = self.agent.tool(&call.name).and_then(|tool| tool.on_error());
        match own.unwrap_or(self.runner.on_tool_error) {
            OnToolError::TellModel => Ok(Message::tool_error(call, with_causes(&error))),
            OnToolError::FailRun => Err(error),
        }
    }
}

fn as_text(result: Json) -> String {
    match result {
        Json::String(text) => text,
        json => json.to_string(),
    }
}
